"""Whatever folders and files are called, a run is trained, saved, resumed, listed, exported, and its model examined."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import pytest

from desktop_trainer.cli import main
from desktop_trainer.runs.checkpoint_folders import checkpoints
from desktop_trainer.runs.history import read_journal
from desktop_trainer.runs.store import rename

TRAIN = [
    "train",
    "--dataset",
    "synthetic",
    "--data-dataset-train-samples",
    "40",
    "--data-dataset-test-samples",
    "8",
    "--model",
    "softmax",
    "--epochs",
    "1",
    "--device",
    "cpu",
    "--threads",
    "1",
]
NAMES = {
    "spaces": " a  run of mine ",
    "other letters": "运行 模型 Übung",
    "emoji": "👩‍🔬 🎛️",
    "quotes": 'it\'s $HOME; "no" %d {x}',
    "long": "x" * 230,
    "long in bytes": "长" * 75,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_whole_life_of_a_run_below_such_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    place = tmp_path / name
    monkeypatch.setenv("DESKTOP_TRAINER_HOME", str(place))
    model = tmp_path / f"{name[:70]}.safetensors"
    assert main([*TRAIN, "--save", str(model)]) == 0
    (folder,) = (path for path in (place / "runs").iterdir() if not path.name.startswith("."))
    if '"' not in name:  # which the name of a run cannot have
        folder = rename(folder, name)
    assert main(["resume", str(folder), "--epochs", "2"]) == 0
    assert main(["evaluate", str(model)]) == 0
    for ending in ("zip", "csv"):
        assert main(["runs", "export", str(folder), str(tmp_path / f"{name[:60]}.{ending}")]) == 0
    capsys.readouterr()
    assert main(["runs", "list", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["name"], told["epoch"], told["outcome"]) == (folder.name, 2, "completed")
    assert checkpoints(folder)
    assert read_journal(folder).skipped == 0
    with zipfile.ZipFile(tmp_path / f"{name[:60]}.zip") as archive:
        assert f"{folder.name}/events.jsonl" in archive.namelist()
    with (tmp_path / f"{name[:60]}.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == 1 + 2
