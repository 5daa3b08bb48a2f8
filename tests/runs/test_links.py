"""A run from elsewhere cannot reach out of its folder: no link in it is followed, to read, to write or to delete."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop_trainer.cli import main
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.runs import store
from desktop_trainer.runs.checkpoint import save_checkpoint
from desktop_trainer.runs.checkpoint_folders import all_names, prune, sweep
from desktop_trainer.runs.files import Disk, SaveFailed
from desktop_trainer.runs.index import INDEX, RunIndex
from desktop_trainer.runs.journal import Journal, read_journal
from desktop_trainer.runs.lock import RunLock, is_running
from desktop_trainer.runs.model_file import ModelFileUnreadable, load_model
from desktop_trainer.runs.resume import reopen
from desktop_trainer.runs.run_folder import (
    BEST,
    CHECKPOINTS,
    EVENTS,
    EXPERIMENT,
    LOCK,
    LOG,
    MANIFEST,
    MODEL,
    NOTES,
    RUN,
    STATE,
    LeadsElsewhere,
    NotARun,
    Notes,
    read_facts,
    read_notes,
    write_notes,
)
from desktop_trainer.runs.run_log import RunLog
from desktop_trainer.runs.summary import read_summary
from tests.runs.conftest import epoch_ended, make_run
from tests.runs.test_resume import Values, begin

FIRST = f"{CHECKPOINTS}/0001 epoch 0 batch 0"
PLACES = [
    RUN,
    EXPERIMENT,
    NOTES,
    EVENTS,
    CHECKPOINTS,
    BEST,
    MODEL,
    LOCK,
    LOG,
    FIRST,
    f"{FIRST}/{STATE}",
    f"{FIRST}/{MANIFEST}",
]


@pytest.fixture
def trained(small: Values, tmp_path: Path) -> Path:
    """A run that can go on for more epochs."""
    list(begin(small, tmp_path / "run", training__epochs=1).events())
    write_notes(tmp_path / "run", Notes(("mine",)))
    return tmp_path / "run"


def lead_out(path: Path) -> Path:
    """Put a link to it in the place of `path`; returns where its content lies now."""
    outside = next(parent for parent in path.parents if parent.name == "run").with_name("outside") / path.name
    outside.parent.mkdir()
    shutil.move(path, outside)
    path.symlink_to(outside)
    return outside


def content(place: Path) -> dict[str, bytes]:
    """Every file at and below `place`."""
    return {str(path): path.read_bytes() for path in [place, *sorted(place.rglob("*"))] if path.is_file()}


@pytest.mark.parametrize("place", PLACES)
def test_a_run_with_a_link_in_it_does_not_go_on_and_nothing_is_changed(trained: Path, place: str) -> None:
    outside = lead_out(trained / place)
    before = content(outside), content(trained)
    with pytest.raises(LeadsElsewhere, match=f"^{Path(place)} in the run's folder .* is a link"):
        reopen(trained, {"training.epochs": 2})
    assert (content(outside), content(trained)) == before
    assert not is_running(trained)


def test_the_folder_of_a_run_may_be_reached_through_a_link(trained: Path, tmp_path: Path) -> None:
    """As when the runs lie on another disk."""
    (tmp_path / "linked").symlink_to(trained, target_is_directory=True)
    assert read_summary(tmp_path / "linked").checkpoint
    list(reopen(tmp_path / "linked", {"training.epochs": 2}).events())
    assert read_journal(trained).position == (2, 0)


def test_such_a_folder_can_be_discarded_and_brought_back(trained: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "linked").symlink_to(trained, target_is_directory=True)
    store.discard(runs / "linked")
    (found,) = store.binned(runs)
    assert store.restore(found) == runs / "linked"
    store.discard(runs / "linked")
    store.empty_bin(runs, days=0)
    assert not store.binned(runs)
    assert read_summary(trained).checkpoint


def test_a_forged_run_cannot_write_into_a_file_of_the_user(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "bashrc"
    profile.write_text("# mine\n")
    (trained / LOG).unlink()
    (trained / LOG).symlink_to(profile)
    assert main(["resume", str(trained), "--epochs", "2"]) == 1
    assert "log.txt in the run's folder" in capsys.readouterr().err
    assert profile.read_text() == "# mine\n"


@pytest.mark.parametrize("name", [EVENTS, LOG])
def test_neither_journal_nor_log_is_written_through_a_link(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / name).symlink_to(tmp_path / "mine")
    if name == LOG:
        RunLog(Experiment(), tmp_path, Disk()).add(["text"])
    else:
        with pytest.raises(SaveFailed, match=r"events\.jsonl in .* is a link"):
            Journal(tmp_path).write(epoch_ended(1))
    assert (tmp_path / "mine").read_text() == "mine"


def test_notes_are_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / NOTES).symlink_to(tmp_path / "mine")
    with pytest.raises(SaveFailed, match="is a link"):
        write_notes(tmp_path, Notes(("a",)))
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize("place", [CHECKPOINTS, FIRST])
@pytest.mark.parametrize("clean", [sweep, lambda folder: prune(folder, set(), Disk())], ids=["sweep", "prune"])
def test_what_a_link_leads_to_is_not_taken_for_checkpoints_and_removed(
    tmp_path: Path, place: str, clean: Callable[[Path], None]
) -> None:
    """An unfinished checkpoint is removed with all of its files; a link to the user's home would look like one."""
    run, mine = tmp_path / "run", tmp_path / "mine"
    (mine / "0001 epoch 0 batch 0").mkdir(parents=True)
    for folder in (mine, mine / "0001 epoch 0 batch 0"):
        (folder / "thesis.txt").write_text("years")
    (run / place).parent.mkdir(parents=True)
    (run / place).symlink_to(mine, target_is_directory=True)
    clean(run)
    assert all_names(run) == []
    assert len(list(mine.rglob("thesis.txt"))) == 2


def test_no_checkpoint_is_written_through_a_link(tmp_path: Path, state_after: Any) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / CHECKPOINTS).symlink_to(tmp_path / "mine", target_is_directory=True)
    with pytest.raises(SaveFailed, match=r"checkpoints in .* is a link"):
        save_checkpoint(tmp_path / "run", state_after(1))
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_lock_that_is_a_link_is_refused_and_its_file_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / LOCK).symlink_to(tmp_path / "mine")
    assert not is_running(tmp_path)
    with pytest.raises(SaveFailed, match=r"lock in .* is a link"):
        RunLock(tmp_path).acquire()
    assert (tmp_path / "mine").read_text() == "mine"


def test_what_a_link_leads_to_is_not_shown_as_the_runs_own(tmp_path: Path) -> None:
    own = make_run(tmp_path / "own")
    write_notes(own, Notes(("secret",)))
    forged = tmp_path / "forged"
    forged.mkdir()
    for name in (RUN, EXPERIMENT, NOTES, EVENTS):
        (forged / name).symlink_to(own / name)
    with pytest.raises(NotARun, match="it is a link"):
        read_facts(forged)
    assert read_notes(forged) == Notes()
    assert read_journal(forged).starts == []


def test_a_model_in_a_run_is_not_read_through_a_link_but_one_that_was_chosen_is(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(trained / MODEL)
    assert load_model(tmp_path / "link").weights
    with pytest.raises(ModelFileUnreadable, match="it is a link"):
        load_model(tmp_path / "link", links=False)


def test_the_index_does_not_write_into_another_database(tmp_path: Path) -> None:
    import sqlite3

    make_run(tmp_path / "runs" / "one")
    with sqlite3.connect(tmp_path / "mine") as mine:
        mine.execute("CREATE TABLE runs (mine TEXT)")
    mine.close()
    (tmp_path / "runs" / INDEX).symlink_to(tmp_path / "mine")
    before = (tmp_path / "mine").read_bytes()
    assert [run.name for run in RunIndex(tmp_path / "runs").refresh()] == ["one"]
    assert (tmp_path / "mine").read_bytes() == before


def test_what_a_checkpoint_says_of_its_maker_is_written_as_one_harmless_line(trained: Path, small: Values) -> None:
    from desktop_trainer.experiment.problems import parse_experiment
    from desktop_trainer.runs.inexact import differences

    forged = {"torch": "2.0\n; rm -rf ~\x1b[2J", "cpu": "x"}
    sentences = differences({"versions": forged, "device": "cpu\n; ls", "threads": 1}, parse_experiment(small))
    assert len(sentences) == 3
    assert all(sentence.isprintable() for sentence in sentences)
    log = RunLog(Experiment(), trained, Disk())
    log.add(["one \x1b[2J\r two"])
    last = (trained / LOG).read_text().splitlines()[-1]
    assert last.isprintable()
