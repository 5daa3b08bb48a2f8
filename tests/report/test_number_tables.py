"""Numbers as tables that every program reads, with the columns that they always had, in one way of writing numbers."""

import csv
from pathlib import Path

import numpy as np
import pytest

from desktop_trainer.engine.events import Records
from desktop_trainer.report.number_tables import curves_table, export_batches, export_epochs
from desktop_trainer.report.series import Series
from desktop_trainer.runs.history import read_journal
from tests.runs.conftest import make_run


@pytest.fixture(params=["plain", "中文 🎛️"])
def run(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return make_run(tmp_path / "runs" / request.param)


def test_every_batch_is_a_line_of_the_table(run: Path, tmp_path: Path) -> None:
    export_batches(read_journal(run), tmp_path / "batches.csv")
    with (tmp_path / "batches.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["epoch"], row["batch"]) for row in rows] == [(str(e), str(b)) for e in (1, 2, 3) for b in (1, 2)]
    assert rows[0] == {
        "epoch": "1",
        "batch": "1",
        "loss": "2.0",
        "accuracy": "0.0",
        "correct": "0",
        "count": "4",
        "lr": "0.1",
        "seconds": "1.1",
    }


def test_every_epoch_is_a_line_of_the_table(run: Path, tmp_path: Path) -> None:
    export_epochs(read_journal(run), tmp_path / "epochs.csv")
    with (tmp_path / "epochs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["test_accuracy"] for row in rows] == ["0.5", "0.7", "0.6"]
    assert rows[0]["epoch"] == "1"


def test_both_tables_write_the_same_number_the_same_way(run: Path, tmp_path: Path) -> None:
    """And so that nothing of it is lost."""
    said = read_journal(run)
    series = Series()
    for block in said.records:
        series.extend(block, 2)
    export_batches(said, tmp_path / "batches.csv")
    ours = list(csv.DictReader((tmp_path / "batches.csv").read_text(encoding="utf-8").splitlines()))
    theirs = list(csv.DictReader("".join(curves_table(series)).splitlines()))
    for name in ("loss", "accuracy", "correct", "count", "lr", "seconds", "epoch"):
        assert [row[name] for row in ours] == [row[name] for row in theirs]
    assert [row["batch"] for row in ours] == [row["batch_in_epoch"] for row in theirs]
    assert [row["batch"] for row in theirs] == [str(number) for number in range(1, len(theirs) + 1)]


def test_a_batch_of_no_samples_has_no_accuracy() -> None:
    one, none = np.ones(1), np.zeros(1, np.int32)
    series = Series()
    series.extend(Records(1, 1, one.astype(np.float32), none, none, one.astype(np.float32), one), 1)
    (row,) = csv.DictReader("".join(curves_table(series)).splitlines())
    assert (row["accuracy"], row["count"]) == ("", "0")
