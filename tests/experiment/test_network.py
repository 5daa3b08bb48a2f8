"""A folder on another computer that only a file from elsewhere names is not opened: Windows would log on there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from desktop_trainer import folders
from desktop_trainer.experiment.problems import ExperimentError, parse_experiment
from desktop_trainer.experiment.settings import Experiment

SHARE = r"\\nas\photos"


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_NETWORK_PATHS", True)


@pytest.mark.parametrize(
    ("path", "computer"),
    [
        (r"\\nas\photos", "nas"),
        ("//nas/photos/x", "nas"),
        (r"\/nas\photos", "nas"),
        (r"/\nas/photos", "nas"),
        (r"\\10.0.0.7@80\x", "10.0.0.7@80"),
        (r"\\?\UNC\nas\photos", "nas"),
        (r"//./unc/nas/photos", "nas"),
        (r"\\.\pipe\x", "pipe"),
        (r" \\nas\photos", "nas"),
        (r"\\?\C:\photos", ""),
        (r"C:\photos", ""),
        ("/photos", ""),
        (r"\photos", ""),
        ("photos", ""),
        ("", ""),
    ],
)
def test_which_paths_lie_on_another_computer(path: str, computer: str) -> None:
    assert folders.other_computer(path) == computer


@pytest.mark.parametrize(
    "data",
    [{"data_root": SHARE}, {"data_root": "//nas/photos"}, {"dataset": {"name": "image_folder", "folder": SHARE}}],
    ids=str,
)
def test_it_is_refused_until_the_user_names_the_computer(windows: None, data: dict[str, object], home: Path) -> None:
    with pytest.raises(ExperimentError, match="computer nas") as refused:
        parse_experiment({"data": data})
    assert refused.value.problems[0].path in ("data.data_root", "data.dataset.folder")
    assert not home.exists()
    folders.name_computer(r"\\NAS\other")
    assert parse_experiment({"data": data}).data.model_dump(mode="json") is not None
    with pytest.raises(ExperimentError):
        parse_experiment({"data": {"data_root": r"\\other\x"}})


def test_elsewhere_two_slashes_name_no_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_NETWORK_PATHS", False)
    assert parse_experiment({"data": {"data_root": "//nas/photos"}}).data.data_root == "//nas/photos"


def test_a_config_is_refused_and_a_flag_is_the_user_s_word(
    windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from desktop_trainer.cli import main
    from desktop_trainer.cli import train as train_module

    monkeypatch.setattr(train_module, "train", lambda *_, **__: 0)
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"data": {"data_root": SHARE}}))
    assert main(["train", "--config", str(config)]) == 2
    assert "computer nas" in capsys.readouterr().err
    assert main(["train", "--config", str(config), "--data-root", r"\\nas\mine"]) == 0
    assert main(["train", "--config", str(config)]) == 0


def test_the_data_folder_of_a_run_from_elsewhere_is_not_even_looked_at(
    windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop_trainer.runs.resume import _own_experiment
    from desktop_trainer.runs.run_folder import new_facts

    facts = replace(new_facts(Experiment()), local={"data.data_root": SHARE})
    monkeypatch.setattr(Path, "is_dir", lambda path: pytest.fail(f"{path} was looked at"))
    assert _own_experiment({}, facts.local).data.data_root == ""
