"""Reads a run's journal: everything it says of the run, in bounded time and memory.

A line that is damaged is skipped and counted. A torn last line is ignored: it is read when it has become whole. What a
start or a repeated line supersedes is dropped, so each batch and epoch is there once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from desktop_trainer.engine.events import BatchEnded, EpochEnded, Records, RunEnded, RunStarted
from desktop_trainer.experiment.difference import differences
from desktop_trainer.regular_files import open_regular
from desktop_trainer.runs.columns import Columns
from desktop_trainer.runs.events import RunEvent, SettingsChanged
from desktop_trainer.runs.journal_lines import (
    Start,
    position_of,
    read_ended,
    read_epoch,
    read_records,
    read_start,
    time_of,
)
from desktop_trainer.runs.plain_json import NotPlain, as_text, parse_object
from desktop_trainer.runs.run_folder import EVENTS

MOST_BYTES_A_LINE = 4 << 20
_MOST_PARTS = 16
"""A line that is not at its end after so many times as many bytes is not looked at further: it may have no end."""
_MOST_EPOCHS, _MOST_STARTS, _MOST_BATCHES = 1_000_000, 200, 2**31
_Placed: TypeAlias = tuple[tuple[int, int], RunEvent]
"""An event with where it happened: whole epochs, and batches of the next one."""
_BATCHES = b'{"kind":"batches"'


@dataclass(slots=True, eq=False)
class History:
    """What a journal says.

    Attributes:
        starts: every beginning, continuation and change of settings; of more than 200 the last.
        records: the numbers of every batch in order, one block for batches of an epoch that follow each other.
        epochs: the end of each epoch in order. ended: how the run ended; None while it is going on, or was cut off.
        ended_at: when that was, in UTC.
        position: whole epochs, and batches of the next one, that are done.
        seconds: the time of the training, without loading and pauses. save_failed: why the last save failed, or empty.
        skipped: lines that could not be read.
    """

    starts: list[Start] = field(default_factory=list)
    records: list[Records] = field(default_factory=list)
    epochs: list[EpochEnded] = field(default_factory=list)
    ended: RunEnded | None = None
    ended_at: datetime | None = None
    position: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    save_failed: str = ""
    skipped: int = 0

    @property
    def started(self) -> RunStarted | None:
        """What the run said of itself last, as if it had begun at its first batch; None if it never did."""
        last = next((start.started for start in reversed(self.starts) if start.started is not None), None)
        return None if last is None else replace(last, epoch=0, batch=0)

    def events(self) -> Iterator[RunEvent]:
        """The events of the whole run in their order, as if it had had no break: to fill curves and tables again."""
        if self.started is not None:
            yield self.started
        changes: Iterable[_Placed] = (((change.epoch, change.batch), change) for change in self.changes)
        ends: Iterable[_Placed] = (((ended.epoch - 1, _MOST_BATCHES), ended) for ended in self.epochs)
        yield from (event for _, event in merge(ends, changes, self._blocks(), key=itemgetter(0)))
        if self.ended is not None:
            yield self.ended

    def _blocks(self) -> Iterator[_Placed]:
        for block in self.records:
            yield (block.epoch - 1, block.first), BatchEnded(block.epoch, block.first + len(block) - 1, block)

    @property
    def changes(self) -> list[SettingsChanged]:
        """Where the run went on with other settings than before, in their order; what was trained anew since is
        left out.
        """
        trained: list[Start] = []
        found: list[SettingsChanged] = []
        for start in self.starts:
            place = start.epoch, start.batch
            while trained and (trained[-1].epoch, trained[-1].batch) > place:
                trained.pop()
            while found and (found[-1].epoch, found[-1].batch) > place:
                found.pop()
            before = trained[-1].experiment if trained else start.experiment
            changed = [each for each in differences(before, start.experiment) if each.path in start.changes]
            if changed:
                found.append(SettingsChanged(*place, tuple(changed)))
            trained.append(start)
        return found


def read_journal(folder: Path) -> History:
    """What the journal of the run in `folder` says; nothing if there is none or it may not be read."""
    return JournalReader(folder).read()


class JournalReader:
    """Reads the journal of the run in `folder`, and later only what was appended since.

    Args:
        folder: the run's folder.
        records: keep the numbers of the batches; without them a long journal is read many times faster.
    """

    def __init__(self, folder: Path, *, records: bool = True) -> None:
        self.path, self._keep = folder / EVENTS, records
        self._forget()
        self._handlers: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "started": self._on_started,
            "changed": self._on_started,
            "batches": self._on_batches,
            "epoch": self._on_epoch,
            "saved": self._on_saved,
            "save_failed": self._on_save_failed,
            "ended": self._on_ended,
        }

    def read(self) -> History:
        """What the journal says now; nothing if there is none or it may not be read."""
        try:
            with open_regular(self.path) as file:
                self._read(file)
        except OSError:
            pass  # what was read before stays
        self._settle()
        said = self._history
        return replace(said, starts=list(said.starts), epochs=list(said.epochs), records=self._columns.blocks())

    def _forget(self) -> None:
        self._offset, self._inode = 0, 0
        self._history, self._columns = History(), Columns()
        self._unsettled = b""

    def _read(self, file: BinaryIO) -> None:
        status = os.fstat(file.fileno())
        if status.st_ino != self._inode or status.st_size < self._offset:
            self._forget()
        self._inode = status.st_ino
        file.seek(self._offset)
        while line := file.readline(MOST_BYTES_A_LINE):
            fits = line.endswith(b"\n")
            if not fits and not _skip_line(file):
                break  # torn: it is not counted as read
            self._offset = file.tell()
            if fits:
                self._take(line)
            else:
                self._history.skipped += 1

    def _take(self, line: bytes) -> None:
        if not self._keep and line.startswith(_BATCHES):
            self._unsettled = line
        else:
            self._settle()
            self._apply(line)

    def _settle(self) -> None:
        """Where batches are not kept, the last of several lines of them says how far the run came."""
        line, self._unsettled = self._unsettled, b""
        if line:
            self._apply(line)

    def _apply(self, line: bytes) -> None:
        try:
            values = parse_object(line) if line.strip() else {}
            kind = values.get("kind")
            handler = self._handlers.get(kind) if isinstance(kind, str) else None
            if handler is not None:
                handler(values)
        except NotPlain:
            self._history.skipped += 1

    def _on_started(self, line: Mapping[str, Any]) -> None:
        said, start = self._history, read_start(line)
        said.starts.append(start)
        del said.starts[:-_MOST_STARTS]
        said.ended = said.ended_at = None
        self._cut(start.epoch, start.batch)

    def _on_batches(self, line: Mapping[str, Any]) -> None:
        records = read_records(line)
        self._cut(records.epoch - 1, records.first - 1)
        if self._keep:
            self._columns.add(records)
        self._history.position = records.epoch - 1, records.first + len(records) - 1
        self._history.seconds = float(records.seconds[-1])

    def _on_epoch(self, line: Mapping[str, Any]) -> None:
        said, event = self._history, read_epoch(line)
        if len(said.epochs) >= _MOST_EPOCHS:
            raise NotPlain("too many epochs")
        self._cut_epochs(event.epoch - 1)
        said.epochs.append(event)
        said.position = event.epoch, 0

    def _on_saved(self, line: Mapping[str, Any]) -> None:
        self._history.position = position_of(line)
        self._history.save_failed = ""

    def _on_save_failed(self, line: Mapping[str, Any]) -> None:
        self._history.save_failed = as_text(line.get("reason"))

    def _on_ended(self, line: Mapping[str, Any]) -> None:
        said, ended, time = self._history, read_ended(line), time_of(line)
        said.ended, said.ended_at, said.position, said.seconds = ended, time, (ended.epoch, ended.batch), ended.seconds

    def _cut(self, epoch: int, batch: int) -> None:
        self._columns.cut(epoch, batch)
        self._cut_epochs(epoch)
        self._history.position = epoch, batch

    def _cut_epochs(self, done: int) -> None:
        epochs = self._history.epochs
        while epochs and epochs[-1].epoch > done:
            epochs.pop()


def _skip_line(file: BinaryIO) -> bool:
    """Read on to the end of the line in hand; whether it has one."""
    return any(file.readline(MOST_BYTES_A_LINE).endswith(b"\n") for _ in range(_MOST_PARTS))
