"""Files of a run that are deleted, moved or replaced while it goes on: it is noticed, said, and nothing of the run
is lost.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop_trainer.engine.events import BatchEnded, EpochEnded, Notice, RunEnded
from desktop_trainer.runs.checkpoint import newest_checkpoint
from desktop_trainer.runs.checkpoint_folders import checkpoints
from desktop_trainer.runs.events import SaveProblem
from desktop_trainer.runs.history import History, read_journal
from desktop_trainer.runs.lock import RunLock, is_running
from desktop_trainer.runs.model_file import load_model
from desktop_trainer.runs.resume import reopen
from desktop_trainer.runs.run_folder import BEST, CHECKPOINTS, EVENTS, LOCK, LOG, MODEL, RUN, read_facts, read_settings
from tests.runs.test_resume import Same, Values, begin

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows deletes no file that is open")


def disturbed(
    values: Values, folder: Path, disturb: Callable[[], object], *, settle: Callable[[], object] | None = None
) -> list[Any]:
    """What a run of three epochs says that is disturbed after the first; where it is held, `settle` helps."""
    said = []
    for event in begin(values, folder).events():
        said.append(event)
        if isinstance(event, EpochEnded) and event.epoch == 1:
            disturb()
        if isinstance(event, SaveProblem) and settle is not None:
            settle()
            settle = None
    return said


def told(said: list[Any]) -> str:
    return "\n".join(event.text for event in said if isinstance(event, Notice))


def numbers(history: History) -> Any:
    return [block.loss.tolist() for block in history.records], [event.test_loss for event in history.epochs]


@pytest.fixture
def whole(small: Values, tmp_path: Path) -> Path:
    """The same run, left alone."""
    list(begin(small, tmp_path / "whole").events())
    return tmp_path / "whole"


def test_a_journal_that_was_deleted_is_written_again_whole(small: Values, tmp_path: Path, whole: Path) -> None:
    run = tmp_path / "run"
    said = disturbed(small, run, lambda: (run / EVENTS).unlink())
    assert f"{run / EVENTS} was deleted while the run was writing it. It was written again" in told(said)
    assert said[-1].outcome == "completed"
    history = read_journal(run)
    assert numbers(history) == numbers(read_journal(whole))
    assert (len(history.starts), history.skipped, history.ended is not None) == (1, 0, True)
    assert "was deleted" in (run / LOG).read_text()


def test_a_folder_that_was_deleted_is_made_again_and_the_run_goes_on_in_it(
    small: Values, tmp_path: Path, whole: Path, same: Same
) -> None:
    run = tmp_path / "run"
    ids, busy = [], []

    def delete() -> None:
        ids.append((read_facts(run).id, read_settings(run)))
        shutil.rmtree(run)

    said = []
    for event in begin(small, run).events():
        said.append(event)
        if isinstance(event, EpochEnded):
            delete() if event.epoch == 1 else busy.append(is_running(run))
    assert "was made again, with the journal, the settings" in told(said)
    ended = said[-1]
    assert isinstance(ended, RunEnded)
    assert (ended.outcome, ended.paths["model"], ended.paths["best"]) == (
        "completed",
        str(run / MODEL),
        str(run / BEST),
    )
    assert busy == [True, True]
    assert [(read_facts(run).id, read_settings(run))] == ids
    assert numbers(read_journal(run)) == numbers(read_journal(whole))
    assert same(dict(load_model(run / MODEL).weights), dict(load_model(whole / MODEL).weights))
    assert same(newest_checkpoint(run).state["model"], newest_checkpoint(whole).state["model"])
    list(reopen(run, {"training.epochs": 4}).events())
    assert read_journal(run).position == (4, 0)


def test_what_is_deleted_just_before_the_end_is_there_after_it(small: Values, tmp_path: Path) -> None:
    """The user reads that the model is kept in a file; so it must be."""
    run = tmp_path / "run"
    recording = begin(small, run)
    events = recording.events()
    next(event for event in events if isinstance(event, BatchEnded) and event.epoch == 2)
    assert recording.checkpoint() is None
    shutil.rmtree(run)
    events.close()
    assert recording.ended is not None
    assert load_model(Path(recording.ended.paths["model"])).weights
    assert read_journal(run).ended is not None
    *_, ended = reopen(run).events()
    assert isinstance(ended, RunEnded)
    assert ended.outcome == "completed"


@pytest.mark.parametrize("moved", ["", EVENTS], ids=["the folder", "the journal"])
def test_what_was_moved_holds_the_run_until_it_is_back(small: Values, tmp_path: Path, whole: Path, moved: str) -> None:
    run, aside = tmp_path / "run", tmp_path / "aside"
    said = disturbed(
        small, run, lambda: shutil.move(run / moved, aside), settle=lambda: shutil.move(aside, run / moved)
    )
    (problem,) = (event for event in said if isinstance(event, SaveProblem))
    assert "was moved or renamed, or its disk is gone. Put it back where it was." in problem.reason
    assert said[-1].outcome == "completed"
    assert numbers(read_journal(run)) == numbers(read_journal(whole))


def test_a_file_that_somebody_put_in_the_place_of_the_journal_is_not_overwritten(
    small: Values, tmp_path: Path, whole: Path
) -> None:
    run, aside = tmp_path / "run", tmp_path / "aside"

    def replace() -> None:
        (run / EVENTS).unlink()
        (run / EVENTS).write_text("mine")

    said = disturbed(small, run, replace, settle=lambda: shutil.move(run / EVENTS, aside))
    (problem,) = (event for event in said if isinstance(event, SaveProblem))
    assert "was replaced by another file" in problem.reason
    assert aside.read_text() == "mine"
    assert numbers(read_journal(run)) == numbers(read_journal(whole))


def test_a_checkpoint_that_was_deleted_is_not_taken_for_saved(small: Values, tmp_path: Path) -> None:
    recording = begin(small, tmp_path / "run")
    events = recording.events()
    next(event for event in events if isinstance(event, BatchEnded) and event.batch == 3)
    assert recording.checkpoint() is None
    shutil.rmtree(tmp_path / "run" / CHECKPOINTS)
    assert recording.checkpoint() is None
    assert [name.partition(" ")[2] for name in checkpoints(tmp_path / "run")] == ["epoch 0 batch 3"]
    events.close()


def test_small_files_and_the_lock_that_were_deleted_with_the_journal_are_there_again(
    small: Values, tmp_path: Path
) -> None:
    run = tmp_path / "run"

    def delete() -> None:
        for name in (EVENTS, RUN, LOCK):
            (run / name).unlink()

    disturbed(small, run, delete)
    assert read_facts(run).id
    with RunLock(run):
        pass
