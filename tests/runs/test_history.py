"""The journal as it is read: what a resume supersedes is dropped, garbage is skipped and counted, nothing grows
unbounded.
"""

from __future__ import annotations

import json
import os
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop_trainer.engine.events import BatchEnded, EpochEnded, RunEnded, RunStarted
from desktop_trainer.report.pace import Pace
from desktop_trainer.runs.history import MOST_BYTES_A_LINE, History, JournalReader, read_journal
from desktop_trainer.runs.journal import Journal
from desktop_trainer.runs.journal_lines import saved_line, started_line
from desktop_trainer.runs.run_folder import EVENTS
from tests.runs.conftest import STARTED, VERSIONS, epoch_ended, make_run, records


def started(epoch: int, batch: int) -> dict[str, Any]:
    """The line of a continuation there."""
    return started_line(replace(STARTED, epoch=epoch, batch=batch), {}, versions=VERSIONS, threads=1)


def batches(said: History) -> list[tuple[int, int]]:
    """Epoch and batch of every number, in order."""
    return [(block.epoch, number) for block in said.records for number in range(block.first, block.first + len(block))]


def write(folder: Path, *items: Any) -> None:
    journal = Journal(folder)
    for item in items:
        journal.write(item)
    journal.close()


def test_a_whole_run_tells_its_events_again_in_order(tmp_path: Path) -> None:
    said = read_journal(make_run(tmp_path / "run"))
    kinds = [type(event) for event in said.events()]
    assert kinds == [RunStarted, BatchEnded, EpochEnded, BatchEnded, EpochEnded, BatchEnded, EpochEnded, RunEnded]
    assert batches(said) == [(epoch, batch) for epoch in (1, 2, 3) for batch in (1, 2)]
    assert said.starts[0].versions == VERSIONS
    assert said.starts[0].threads == 2
    assert said.starts[0].experiment["training"]["epochs"] == 3
    assert (said.position, said.seconds, said.skipped) == ((3, 0), 7.5, 0)
    assert said.ended_at is not None


@pytest.mark.parametrize("position", [(0, 0), (0, 3), (0, 6), (1, 0), (1, 1), (1, 4)])
def test_a_resume_supersedes_what_lies_behind_its_position(tmp_path: Path, position: tuple[int, int]) -> None:
    first = [records(1, 1, [1.0] * 6), epoch_ended(1), records(2, 1, [1.0] * 2), records(2, 3, [1.0] * 2)]
    write(tmp_path, started(0, 0), *first, RunEnded("stopped", 1, 4, 9.0), started(*position))
    said = read_journal(tmp_path)
    done = [(1, number) for number in range(1, 7)] + [(2, number) for number in range(1, 5)]
    assert batches(said) == [
        (epoch, batch)
        for epoch, batch in done
        if (epoch - 1, batch) <= position and (epoch <= position[0] or epoch == position[0] + 1)
    ]
    assert [event.epoch for event in said.epochs] == [event for event in (1,) if event <= position[0]]
    assert said.ended is None
    assert said.position == position


def test_a_continued_run_is_told_as_if_it_had_no_break(tmp_path: Path) -> None:
    write(tmp_path, started(0, 0), records(1, 1, [1.0] * 4), started(0, 2), records(1, 3, [2.0] * 4), epoch_ended(1))
    said = read_journal(tmp_path)
    assert [block.loss.tolist() for block in said.records] == [[1.0, 1.0, 2.0, 2.0, 2.0, 2.0]]
    assert (said.started is not None, [start.batch for start in said.starts]) == (True, [0, 2])
    assert next(said.events()) == STARTED


def test_only_the_place_of_lost_batches_is_missing(tmp_path: Path) -> None:
    """A damaged line leaves a gap; what stands behind it keeps its positions."""
    write(tmp_path, records(1, 1, [1.0] * 2), saved_line(0, 2, "0001", 0.1), records(1, 3, [1.0] * 2))
    content = (tmp_path / EVENTS).read_bytes().splitlines(keepends=True)
    (tmp_path / EVENTS).write_bytes(content[0][:-9] + b"\n" + content[1] + content[2])
    said = read_journal(tmp_path)
    assert (batches(said), said.skipped) == ([(1, 3), (1, 4)], 1)


def test_what_is_appended_later_is_read_alone(tmp_path: Path) -> None:
    reader = JournalReader(tmp_path)
    assert reader.read().position == (0, 0)
    journal = Journal(tmp_path)
    journal.write(records(1, 1, [1.0] * 2))
    journal.flush()
    before = reader.read()
    journal.write(records(1, 3, [2.0] * 2))
    journal.close()
    assert reader.read().records[0].loss.tolist() == [1.0, 1.0, 2.0, 2.0]
    assert before.records[0].loss.tolist() == [1.0, 1.0]


def test_a_journal_that_was_replaced_is_read_from_its_beginning(tmp_path: Path) -> None:
    reader = JournalReader(tmp_path)
    write(tmp_path, epoch_ended(1), epoch_ended(2))
    reader.read()
    (tmp_path / EVENTS).unlink()
    write(tmp_path, epoch_ended(1, 0.9))
    assert reader.read().epochs == [epoch_ended(1, 0.9)]


def test_without_records_the_rest_is_the_same(tmp_path: Path) -> None:
    write(tmp_path, started(0, 0), records(1, 1, [1.0] * 6), epoch_ended(1), records(2, 1, [1.0]), records(2, 2, [1.0]))
    whole, short = read_journal(tmp_path), JournalReader(tmp_path, records=False).read()
    assert short.records == []
    for name in ("epochs", "ended", "position", "seconds", "skipped"):
        assert getattr(short, name) == getattr(whole, name)
    assert short.position == (1, 2)


GOOD = {
    "kind": "batches",
    "epoch": 1,
    "first": 1,
    "loss": [1, 2],
    "correct": [1, 1],
    "count": 4,
    "lr": 0.1,
    "seconds": [1, 2],
}
WRONG: list[dict[str, Any]] = [
    {"epoch": 0},
    {"first": 0},
    {"epoch": 1.5},
    {"epoch": True},
    {"first": 2**31 - 1},
    {"loss": []},
    {"loss": 3},
    {"loss": [1, None]},
    {"loss": [1, "two"]},
    {"loss": [1, [2]]},
    {"loss": [1, True]},
    {"correct": [1]},
    {"correct": [1, -1]},
    {"correct": [1, 2**31]},
    {"correct": [1, 1.5]},
    {"count": 0},
    {"count": "nan"},
    {"lr": {}},
    {"seconds": [1, 2, 3]},
    {"loss": [1, 10**400]},
]
BAD = [
    b"no json",
    b"[1]",
    b"\xff\xfe",
    b'{"kind":"batches"}',
    b"[" * 100_000,
    b'{"kind":"epoch","epoch":' + b"9" * 5000 + b"}",
    b'{"kind":"ended","outcome":"won","epoch":1,"batch":1,"seconds":1}',
    b'{"kind":"started","epoch":-1,"batch":0}',
    b'{"kind":"save_failed","reason":"\\ud800"}',
    b'{"kind":"saved","epoch":1,"batch":NaN}',
    b'{"kind":"started","epoch":0,"batch":0,"experiment":[]}',
    b'{"kind":"started","epoch":0,"batch":0,"started":{"epochs":1}}',
    *(json.dumps({**GOOD, **wrong}).encode() for wrong in WRONG),
]


@pytest.mark.parametrize("line", BAD, ids=lambda line: repr(line[:60]))
def test_a_bad_line_is_skipped_and_counted_and_the_next_is_read(tmp_path: Path, line: bytes) -> None:
    (tmp_path / EVENTS).write_bytes(
        json.dumps(GOOD).encode() + b"\n" + line + b"\n" + json.dumps({**GOOD, "epoch": 2}).encode() + b"\n"
    )
    said = read_journal(tmp_path)
    assert batches(said) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert said.skipped == 1


def test_an_unknown_kind_is_passed_over_in_silence(tmp_path: Path) -> None:
    (tmp_path / EVENTS).write_bytes(b'{"kind":"phase","of":"the moon"}\n{"kind":[]}\n{}\n\n')
    assert read_journal(tmp_path).skipped == 0


def test_a_line_without_an_end_costs_little_memory(tmp_path: Path) -> None:
    with (tmp_path / EVENTS).open("wb") as file:
        file.write(
            b"x" * (8 * MOST_BYTES_A_LINE) + b"\n" + json.dumps(GOOD).encode() + b"\n" + b"y" * (8 * MOST_BYTES_A_LINE)
        )
    tracemalloc.start()
    said = read_journal(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (batches(said), said.skipped) == ([(1, 1), (1, 2)], 1)
    assert peak < 5 * MOST_BYTES_A_LINE


def test_a_million_records_are_read_in_seconds_into_bounded_memory(tmp_path: Path) -> None:
    """Of the processor's time, and generously: a tenth of it is usual."""
    line = json.dumps({**GOOD, "loss": [0.123456789] * 1000, "correct": [200] * 1000, "seconds": [1234.567891] * 1000})
    with (tmp_path / EVENTS).open("w") as file:
        for number in range(1000):
            file.write(line.replace('"first": 1', f'"first": {1 + 1000 * number}') + "\n")
    began = time.process_time()
    said = read_journal(tmp_path)
    assert time.process_time() - began < 10
    assert [len(block) for block in said.records] == [1_000_000]
    assert (
        sum(getattr(said.records[0], name).nbytes for name in ("loss", "correct", "count", "lr", "seconds"))
        == 24_000_000
    )


def test_no_journal_and_a_folder_in_its_place_say_nothing(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "gone").position == (0, 0)
    (tmp_path / EVENTS).mkdir()
    assert read_journal(tmp_path).starts == []


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutated_journal_never_raises_and_what_it_gives_can_be_used(tmp_path: Path, data: st.DataObject) -> None:
    if not (tmp_path / "run").exists():
        make_run(tmp_path / "run")
        (tmp_path / "whole").write_bytes((tmp_path / "run" / EVENTS).read_bytes())
    content = bytearray((tmp_path / "whole").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        where = data.draw(st.integers(0, len(content) - 1))
        how = data.draw(st.sampled_from(["byte", "cut", "double", "digits"]))
        if how == "byte":
            content[where] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del content[where : where + data.draw(st.integers(1, 50))]
        elif how == "double":
            content[where:where] = content[where : where + 200]
        else:
            content[where:where] = b"9" * data.draw(st.integers(1, 30))
        content = content or bytearray(b"{")
    (tmp_path / "run" / EVENTS).write_bytes(content)
    said = read_journal(tmp_path / "run")
    assert batches(said) == sorted(set(batches(said)))
    pace = Pace(STARTED)
    for event in said.events():
        match event:
            case RunStarted():
                pace = Pace(event)
            case BatchEnded(records=block) if block is not None:
                pace.add(block)
                assert len(block.accuracy) == len(block.loss) == len(block.seconds)
            case EpochEnded():
                pace.end_epoch(event)


def test_a_journal_that_ends_in_a_terabyte_of_zeros_is_read_up_to_there(tmp_path: Path) -> None:
    """As a sparse file from elsewhere can: nobody waits for the end of such a line."""
    run = make_run(tmp_path / "run", outcome="")
    os.truncate(run / EVENTS, 1 << 40)
    assert [event.epoch for event in read_journal(run).epochs] == [1, 2, 3]
