"""Folders of runs: new ones never collide, discarded ones come back."""

from pathlib import Path

import pytest

from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs import store
from desktop_trainer.runs.files import SaveFailed


def test_two_runs_of_the_same_minute_have_folders_of_their_own(tmp_path: Path) -> None:
    experiment = parse_experiment({})
    first, second = store.new_folder(experiment, tmp_path), store.new_folder(experiment, tmp_path)
    assert first != second
    assert first.is_dir()
    assert second.is_dir()
    assert "mlp digits" in first.name


def test_a_discarded_run_comes_back_with_its_files(tmp_path: Path) -> None:
    folder = store.new_folder(parse_experiment({}), tmp_path)
    (folder / "model.safetensors").write_bytes(b"weights")
    binned = store.discard(folder)
    assert not folder.exists()
    assert store.restore(binned) == folder
    assert (folder / "model.safetensors").read_bytes() == b"weights"


def test_the_bin_is_emptied_without_touching_the_runs(tmp_path: Path) -> None:
    kept = store.new_folder(parse_experiment({}), tmp_path)
    binned = store.discard(store.new_folder(parse_experiment({}), tmp_path))
    store.empty_bin(tmp_path)
    assert not binned.exists()
    assert kept.exists()


def test_a_place_that_cannot_hold_runs_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file, not a folder")
    with pytest.raises(SaveFailed, match="cannot be made"):
        store.new_folder(parse_experiment({}), tmp_path / "runs")
