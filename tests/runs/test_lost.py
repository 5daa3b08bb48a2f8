"""Runs that lost one of their small files, and folders that are no runs."""

import errno
import json
import os
from pathlib import Path

import pytest

from desktop_trainer.engine.events import BatchEnded
from desktop_trainer.regular_files import read_regular
from desktop_trainer.runs import plain_json
from desktop_trainer.runs.resume import reopen
from desktop_trainer.runs.run_folder import EVENTS, EXPERIMENT, RUN, NewerRun, NotARun, read_facts, read_settings
from tests.runs.test_resume import Same, Values, begin, final, run_to


@pytest.mark.parametrize("content", [None, b"{"], ids=["lost", "damaged"])
@pytest.mark.parametrize("name", [RUN, EXPERIMENT])
@pytest.mark.parametrize("journal", [True, False], ids=["journal", "no journal"])
def test_a_run_that_lost_a_small_file_goes_on_and_has_it_again(
    small: Values, tmp_path: Path, same: Same, content: bytes | None, name: str, journal: bool
) -> None:
    expected = final(begin(small, tmp_path / "whole"))
    run = tmp_path / "run"
    run_to(begin(small, run), BatchEnded, 2, 4)
    settings = read_settings(run)
    if content is None:
        (run / name).unlink()
    else:
        (run / name).write_bytes(content)
    if not journal:
        (run / EVENTS).unlink()
    assert same(final(reopen(run)), expected)
    assert read_settings(run) == settings
    assert read_facts(run).id
    kept = run / f"{name}.damaged"
    assert (kept.read_bytes() if kept.exists() else None) == content


@pytest.mark.parametrize("name", [RUN, EXPERIMENT])
def test_a_small_file_that_only_cannot_be_read_now_is_not_replaced(
    small: Values, tmp_path: Path, same: Same, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A disk or a network that does not answer for a moment must not cost what the file says."""
    run_to(begin(small, tmp_path), BatchEnded, 2, 4)
    before = (tmp_path / name).read_bytes()

    def read(path: Path, most: int) -> bytes:
        if path.name == name:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return read_regular(path, most)

    monkeypatch.setattr(plain_json, "read_regular", read)
    assert final(reopen(tmp_path))
    assert (tmp_path / name).read_bytes() == before


def test_a_run_of_a_newer_version_is_not_taken_for_one_that_lost_its_facts(small: Values, tmp_path: Path) -> None:
    run_to(begin(small, tmp_path), BatchEnded, 1, 2)
    newer = json.dumps({**json.loads((tmp_path / RUN).read_text()), "format": 2})
    (tmp_path / RUN).write_text(newer)
    with pytest.raises(NewerRun):
        reopen(tmp_path)
    assert (tmp_path / RUN).read_text() == newer


def test_a_folder_that_is_no_run_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(NotARun):
        reopen(tmp_path)
    assert list(tmp_path.iterdir()) == []
