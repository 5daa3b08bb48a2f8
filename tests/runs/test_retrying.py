"""A write that is refused once, or for a moment, troubles nobody; one that is refused for good is said in the end."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs import retrying
from desktop_trainer.runs.events import SaveProblem
from desktop_trainer.runs.files import SaveFailed
from desktop_trainer.runs.history import read_journal
from desktop_trainer.runs.recording import Recording
from desktop_trainer.runs.retrying import PAUSES, patiently
from tests.runs.conftest import bits_of
from tests.runs.test_disk_faults import FailingDisk, record, timeless, values

__all__ = ["values"]


@pytest.mark.parametrize(("refused", "slept"), [(0, []), (2, [1, 2]), (3, [1, 2, 3])])
def test_a_refused_write_is_tried_again_after_growing_pauses(
    monkeypatch: pytest.MonkeyPatch, refused: int, slept: list[int]
) -> None:
    pauses, left = list[float](), [refused]

    def act() -> str:
        if left[0]:
            left[0] -= 1
            raise SaveFailed("in use")
        return "written"

    monkeypatch.setattr(retrying, "PAUSES", (1, 2, 3))
    monkeypatch.setattr(retrying, "sleep", pauses.append)
    assert patiently(act) == "written"
    assert pauses == slept


def test_what_is_refused_for_good_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def act() -> None:
        tries.append(1)
        raise SaveFailed("in use")

    tries: list[int] = []
    monkeypatch.setattr(retrying, "PAUSES", (0, 0))
    with pytest.raises(SaveFailed, match="in use"):
        patiently(act)
    assert len(tries) == 3


def test_the_pauses_grow_and_end_before_a_system_that_shuts_down_kills_the_program() -> None:
    assert list(PAUSES) == sorted(PAUSES)
    assert 2 < sum(PAUSES) < 4


def test_one_refused_call_is_not_even_noticed_whichever_it_is(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a virus scanner does it, which holds a new file for a moment: from the first file of the run to its last
    line.
    """
    monkeypatch.setattr(retrying, "PAUSES", (0.0,))
    whole = FailingDisk(0, -1, 0)
    expected = bits_of(timeless(record(values, tmp_path / "whole", whole)[0]))
    for call in range(1, whole.calls + 1, 2):
        recording, problems = record(values, tmp_path / str(call), FailingDisk(call, call, errno.EACCES))
        assert problems == []
        assert bits_of(timeless(recording)) == expected
        history = read_journal(tmp_path / str(call))
        assert history.ended is not None
        assert history.save_failed == ""
        assert [len(block) for block in history.records] == [2]
        assert len(history.starts) == 1


def test_who_knows_already_that_it_is_in_vain_is_not_kept_waiting(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first time the run tries patiently; a person who has been told, or Ctrl-C, does not wait for that again."""
    counted, pauses = FailingDisk(0, -1, 0), list[float]()
    record(values, tmp_path / "counted", counted)
    monkeypatch.setattr(retrying, "PAUSES", (1, 2))
    monkeypatch.setattr(retrying, "sleep", pauses.append)
    (tmp_path / "run").mkdir()
    disk = FailingDisk(counted.calls // 2, 10**9, errno.ENOSPC)
    events = Recording(Training(parse_experiment(values)), tmp_path / "run", disk=disk).events()
    next(event for event in events if isinstance(event, SaveProblem))
    assert pauses == [1, 2]
    assert isinstance(next(events), SaveProblem)
    with pytest.raises(SaveFailed):
        events.close()
    assert pauses == [1, 2]
