"""One table of runs: both front ends take their columns, and what a search finds, from one place."""

from pathlib import Path

import pytest

from desktop_trainer.cli import run_columns as typed
from desktop_trainer.report.run_columns import COLUMNS, matches, sorted_by, words_of
from desktop_trainer.runs.summary import read_summary
from desktop_trainer.ui.runs import columns as window
from tests.runs.conftest import make_run


def test_both_front_ends_show_the_same_columns_by_the_same_headings() -> None:
    declared = {column.heading for column in COLUMNS.values()}
    assert {column.heading for column in (*typed.COLUMNS.values(), *window.COLUMNS)} == declared


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["DIVERGED"], True),
        (["optimizer.lr=0.5", "mlp"], True),
        (["hidden_sizes=256"], True),
        (["completed"], False),
        ([], True),
    ],
)
def test_a_search_finds_state_and_settings_in_both_front_ends(tmp_path: Path, asked: list[str], found: bool) -> None:
    run = read_summary(make_run(tmp_path / "one", outcome="diverged", lr=0.5))
    assert matches(words_of(run), asked) is found


@pytest.mark.parametrize("name", COLUMNS)
def test_runs_without_a_value_come_last(tmp_path: Path, name: str) -> None:
    empty = read_summary(make_run(tmp_path / "empty", outcome="", accuracies=()))
    runs = [empty, read_summary(make_run(tmp_path / "one"))]
    ordered = sorted_by(runs, COLUMNS[name])
    assert set(map(id, ordered)) == set(map(id, runs))
    keys = [COLUMNS[name].key(run) for run in ordered]
    assert None not in keys[: len(keys) - keys.count(None)]
