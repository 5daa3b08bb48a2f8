"""The journal as it is written: whole lines, nothing lost when the disk fails, a process is killed or a line is
torn.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from desktop_trainer.engine.events import BatchEnded, Evaluating, Loading, RunEnded
from desktop_trainer.runs import journal as journal_module
from desktop_trainer.runs.files import Disk, SaveFailed
from desktop_trainer.runs.journal import Journal, read_journal
from desktop_trainer.runs.journal_lines import MOST_BATCHES, save_failed_line, saved_line
from desktop_trainer.runs.run_folder import EVENTS
from tests.runs.conftest import epoch_ended, records


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / EVENTS).read_bytes().splitlines() if line]


class Faulty(Disk):
    """A disk that tears the next `fails` writes after `keeps` bytes; it counts its calls."""

    def __init__(self, fails: int = 0, keeps: int = 0) -> None:
        self.fails, self.keeps = fails, keeps
        self.calls: list[str] = []

    def write(self, file: BinaryIO, data: bytes | memoryview) -> None:
        self.calls.append("write")
        if self.fails:
            self.fails -= 1
            super().write(file, data[: self.keeps])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(file, data)

    def sync(self, file: BinaryIO) -> None:
        self.calls.append("sync")
        super().sync(file)

    def sync_folder(self, folder: Path) -> None:
        self.calls.append("sync_folder")
        super().sync_folder(folder)


def test_numbers_come_back_to_the_last_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    block = records(1, 1, rng.random(1000).tolist(), lr=1 / 3)
    journal = Journal(tmp_path)
    journal.write(BatchEnded(1, 1000, block))
    journal.close()
    (read,) = read_journal(tmp_path).records
    for name in ("loss", "correct", "count", "lr"):
        assert getattr(read, name).tobytes() == getattr(block, name).tobytes()
        assert getattr(read, name).dtype == getattr(block, name).dtype
    assert np.abs(read.seconds - block.seconds).max() < 1e-6
    assert (read.epoch, read.first) == (1, 1)


def test_numbers_that_are_not_finite_are_texts_and_come_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(records(1, 1, [1.0, float("nan"), float("inf"), float("-inf")]))
    journal.close()
    (line,) = lines(tmp_path)
    assert line["loss"] == [1, "nan", "inf", "-inf"]
    assert str(read_journal(tmp_path).records[0].loss.tolist()) == "[1.0, nan, inf, -inf]"


def test_a_constant_count_and_learning_rate_are_one_number(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(records(1, 1, [1.0, 2.0]))
    journal.close()
    (line,) = lines(tmp_path)
    assert (line["count"], line["lr"]) == (4, 0.100000001)


def test_records_wait_for_a_second_or_for_the_next_other_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(journal_module, "monotonic", lambda: clock[0])
    journal = Journal(tmp_path)
    journal.write(records(1, 1, [1.0]))
    assert not (tmp_path / EVENTS).exists()
    clock[0] += 1
    journal.write(records(1, 2, [1.0]))
    assert [line["first"] for line in lines(tmp_path)] == [1]
    journal.write(records(1, 3, [1.0]))
    journal.write(epoch_ended(1))
    assert [line["kind"] for line in lines(tmp_path)] == ["batches", "batches", "epoch"]
    journal.close()


def test_blocks_that_follow_each_other_are_one_line_of_bounded_length(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for number in range(20):
        journal.write(records(1, 1 + number * 1000, [1.0] * 1000))
    journal.write(records(2, 1, [1.0]))
    journal.write(records(2, 5, [1.0]))
    journal.close()
    whole, rest = divmod(20_000, MOST_BATCHES)
    sizes = [len(line["loss"]) for line in lines(tmp_path)]  # type: ignore[arg-type]
    assert sizes == [MOST_BATCHES] * whole + [rest, 1, 1]
    assert [len(block) for block in read_journal(tmp_path).records] == [20_000, 1, 1]


def test_what_says_nothing_lasting_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for event in (Loading("data", 0, 3), BatchEnded(1, 1), Evaluating(1, 1, 2)):
        journal.write(event)
    journal.close()
    assert not (tmp_path / EVENTS).exists()


def test_the_end_does_not_say_where_the_folder_lies(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(RunEnded("stopped", 1, 2, 3.5, "Because.", {"run": str(tmp_path)}, "Go on."))
    journal.close()
    (line,) = lines(tmp_path)
    assert str(tmp_path) not in json.dumps(line)
    assert read_journal(tmp_path).ended == RunEnded("stopped", 1, 2, 3.5, "Because.", next_step="Go on.")


def test_sync_waits_for_the_content_and_the_first_time_for_the_name(tmp_path: Path) -> None:
    disk = Faulty()
    journal = Journal(tmp_path, disk)
    journal.write(epoch_ended(1))
    journal.sync()
    assert disk.calls == ["write", "sync", "sync_folder"]
    journal.sync()
    journal.write(saved_line(1, 0, "0001", 0.1))
    journal.close()
    assert disk.calls == ["write", "sync", "sync_folder", "write", "sync"]


@pytest.mark.parametrize("keeps", [0, 1, 30, 150])
@pytest.mark.parametrize("fails", [1, 3])
def test_a_write_that_fails_is_told_and_made_good(tmp_path: Path, fails: int, keeps: int) -> None:
    """Whatever the disk kept of it, each batch and each epoch is there once in the end."""
    journal = Journal(tmp_path, Faulty(fails, keeps))
    journal.write(records(1, 1, [1.0, 2.0]))
    with pytest.raises(SaveFailed, match="disk is full"):
        journal.write(epoch_ended(1))
    for _ in range(fails - 1):
        with pytest.raises(SaveFailed):
            journal.flush()
    journal.write(save_failed_line("The disk is full."))
    journal.close()
    said = read_journal(tmp_path)
    assert [block.loss.tolist() for block in said.records] == [[1.0, 2.0]]
    assert said.epochs == [epoch_ended(1)]
    assert said.save_failed == "The disk is full."


def test_a_torn_tail_is_ignored_and_the_next_line_begins_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(epoch_ended(1))
    journal.close()
    whole = (tmp_path / EVENTS).read_bytes()
    journal = Journal(tmp_path)
    journal.write(epoch_ended(2))
    journal.close()
    second = (tmp_path / EVENTS).read_bytes()[len(whole) :]
    for cut in range(len(second)):
        (tmp_path / EVENTS).write_bytes(whole + second[:cut])
        assert read_journal(tmp_path).epochs == [epoch_ended(1)]
        assert read_journal(tmp_path).skipped == 0
        journal = Journal(tmp_path)
        journal.write(epoch_ended(3))
        journal.close()
        assert read_journal(tmp_path).epochs[-1] == epoch_ended(3)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_killed_process_leaves_every_line_it_was_told_of(tmp_path: Path) -> None:
    """What `write` returned from is in the system's hands: SIGKILL takes nothing of it."""
    script = (
        "import sys; from pathlib import Path; from desktop_trainer.engine.events import EpochEnded\n"
        "from desktop_trainer.runs.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for epoch in range(1, 10**9):\n"
        "    journal.write(EpochEnded(epoch, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)); print(epoch, flush=True)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(50):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        told = 50 + len(process.stdout.read().splitlines())
    said = read_journal(tmp_path)
    assert [event.epoch for event in said.epochs][:told] == list(range(1, told + 1))
    assert said.skipped == 0


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(SaveFailed, match="no such folder"):
        Journal(tmp_path / "gone").write(epoch_ended(1))
