"""Runs that lost one of their small files, and folders that are no runs."""

import json
from pathlib import Path

import pytest

from desktop_trainer.engine.events import BatchEnded
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
