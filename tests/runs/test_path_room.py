"""Windows takes no path of 260 characters: names of runs leave room for what lies in them."""

from __future__ import annotations

from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest

from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs import path_room, store
from desktop_trainer.runs.checkpoint import OPTIMIZER, WEIGHTS
from desktop_trainer.runs.files import SaveFailed
from desktop_trainer.runs.path_room import BIN_PLACE, DEEPEST, longest_name, shortened

LONG = "2026-03-01 1405 " + "a_plug-in_with_a_long_name " * 12
HOMES = [
    r"C:\Users\me\AppData\Local\desktop-trainer\runs",
    r"D:\\",
    r"C:\Users\somebody.with.a.long.name\OneDrive - Some University\Documents\desktop-trainer\runs",
]


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("name", [LONG, "训练🎉" * 90, "short"])
def test_every_file_of_a_run_has_a_path_that_windows_takes(home: str, name: str) -> None:
    """In the bin and with a number behind its name, too."""
    runs = PureWindowsPath(home)
    kept = shortened(name, runs)
    assert kept
    assert name.startswith(kept)
    assert len(str(runs / BIN_PLACE / f"{kept} 999" / DEEPEST).encode("utf-16-le")) // 2 < 260


def test_a_name_that_fits_stays_and_elsewhere_every_path_does() -> None:
    assert (
        shortened("2026-03-01 1405 lenet fashion_mnist", PureWindowsPath(HOMES[0]))
        == "2026-03-01 1405 lenet fashion_mnist"
    )
    assert longest_name(PurePosixPath("/runs")) is None
    assert shortened(LONG, PurePosixPath("/home/" + "x" * 300)) == LONG


def test_nothing_in_a_run_lies_deeper(tmp_path: Path) -> None:
    file = PurePath(DEEPEST).name
    assert len(file) >= max(map(len, (OPTIMIZER, WEIGHTS, "manifest.json", "state.json")))
    place = store.discard(store.new_folder(parse_experiment({}), tmp_path)).parent
    assert len(str(place.relative_to(tmp_path))) == len(BIN_PLACE)


def test_new_renamed_and_imported_runs_keep_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_room, "longest_name", lambda _: 20)
    folder = store.new_folder(parse_experiment({}), tmp_path)
    assert folder.name.endswith(" mlp")
    assert store.new_folder(parse_experiment({}), tmp_path).name == f"{folder.name} 2"
    assert store.free_place(tmp_path, LONG).name == LONG[:20].rstrip()
    with pytest.raises(SaveFailed, match="The most here is 20 characters"):
        store.rename(folder, "x" * 21)
    assert folder.is_dir()
    assert store.rename(folder, "x" * 20).is_dir()
