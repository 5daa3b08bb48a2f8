"""Folders of runs: new ones never collide, discarded ones come back."""

import os
import time
from pathlib import Path

import pytest

from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs import store
from desktop_trainer.runs.files import Disk, SaveFailed
from desktop_trainer.runs.lock import RunLock


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


def test_the_bin_is_emptied_of_what_is_old_without_touching_the_runs(tmp_path: Path) -> None:
    """Another window may still bring back what it has just discarded."""
    kept = store.new_folder(parse_experiment({}), tmp_path)
    old, new = (store.discard(store.new_folder(parse_experiment({}), tmp_path)) for _ in range(2))
    week_ago = time.time() - store.KEPT_DAYS * 86_400
    os.utime(old.parent, (week_ago, week_ago))
    store.empty_bin(tmp_path)
    assert store.binned(tmp_path) == [new]
    assert not old.exists()
    store.empty_bin(tmp_path, days=0)
    assert store.binned(tmp_path) == []
    assert kept.exists()


def test_the_age_in_the_bin_is_that_of_the_move(tmp_path: Path) -> None:
    """However old the run itself is."""
    folder = store.new_folder(parse_experiment({}), tmp_path)
    os.utime(folder, (0, 0))
    binned = store.discard(folder)
    store.empty_bin(tmp_path)
    assert binned.exists()


def test_runs_of_one_name_lie_beside_each_other_in_the_bin_and_come_back_beside_a_new_one(tmp_path: Path) -> None:
    binned = []
    for content in ("first", "second"):
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "file").write_text(content)
        binned.append(store.discard(tmp_path / "run"))
    (tmp_path / "run").mkdir()
    assert [store.restore(each).name for each in binned] == ["run 2", "run 3"]
    assert (tmp_path / "run 2" / "file").read_text() == "first"
    assert (tmp_path / "run 3" / "file").read_text() == "second"
    assert store.binned(tmp_path) == []


def test_a_run_that_is_going_on_is_neither_discarded_nor_renamed(tmp_path: Path) -> None:
    folder = store.new_folder(parse_experiment({}), tmp_path)
    with RunLock(folder):
        with pytest.raises(SaveFailed, match="going on"):
            store.discard(folder)
        with pytest.raises(SaveFailed, match="going on"):
            store.rename(folder, "other")
    assert store.rename(folder, "other") == tmp_path / "other"


@pytest.mark.parametrize("name", ["plain", "with  spaces ", "中文", "best 🎛️", "👨‍👩‍👧", "v1.2", "x" * 240, "Ünï"])
def test_a_run_takes_any_name_that_every_system_can_write(tmp_path: Path, name: str) -> None:
    (tmp_path / "run").mkdir()
    renamed = store.rename(tmp_path / "run", name)
    assert renamed.is_dir()
    assert renamed.name == " ".join(name.split())


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "a/b",
        "a\\b",
        "a:b",
        "a*",
        "a?",
        'a"',
        "<a",
        "a>",
        "a|b",
        ".",
        "..",
        ".hidden",
        "dot.",
        "CON",
        "con.txt",
        "nul .x",
        "Com1",
        "lpt²",
        "a\0b",
        "bell\a",
        "turn\u202eround",
        "half \ud800",
        "中" * 81,
        "x" * 241,
    ],
)
def test_a_name_that_some_system_cannot_write_is_refused_and_nothing_moves(tmp_path: Path, name: str) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(SaveFailed, match="keeps its name run"):
        store.rename(tmp_path / "run", name)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    for name in ("run", "other"):
        (tmp_path / name).mkdir()
    with pytest.raises(SaveFailed, match="a run called other already"):
        store.rename(tmp_path / "run", "other")
    assert store.rename(tmp_path / "run", "run") == tmp_path / "run"
    with pytest.raises(SaveFailed, match="cannot be moved"):
        store.rename(tmp_path / "gone", "there")


def test_a_place_that_cannot_hold_runs_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file, not a folder")
    with pytest.raises(SaveFailed, match="cannot be made"):
        store.new_folder(parse_experiment({}), tmp_path / "runs")


def test_a_run_is_made_and_moved_so_that_a_power_cut_does_not_lose_it(tmp_path: Path) -> None:
    """The names must lie on the disk, of the run's folder and of those that it lies in."""
    calls: list[tuple[str, Path]] = []

    class Watched(Disk):
        def make_folder(self, path: Path) -> None:
            calls.append(("made", path))
            super().make_folder(path)

        def sync_folder(self, folder: Path) -> None:
            calls.append(("synced", folder))
            super().sync_folder(folder)

    def done() -> list[tuple[str, Path]]:
        said, calls[:] = list(calls), []
        return said

    disk = Watched()
    folder = store.new_folder(parse_experiment({}), tmp_path, disk)
    assert done() == [("made", folder), ("synced", tmp_path)]
    folder = store.rename(folder, "other", disk)
    assert done() == [("synced", tmp_path)]
    binned = store.discard(folder, disk)
    place = binned.parent
    assert done() == [("synced", place.parent), ("synced", tmp_path), ("synced", place), ("synced", tmp_path)]
    store.restore(binned, disk)
    assert done()[-2:] == [("synced", tmp_path), ("synced", place)]


def test_a_file_in_the_place_of_the_runs_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(SaveFailed, match="cannot be made"):
        store.new_folder(parse_experiment({}), tmp_path / "runs")
