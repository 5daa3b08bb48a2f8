"""Writes a run's journal: one JSON object a line, only ever appended.

Lines go to the system whole, records about once a second and always before another line, so that a process that is
killed loses a second of curves at most. `sync` makes them outlive a power cut.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from itertools import accumulate, groupby
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, Literal

from desktop_trainer.engine.events import BatchEnded, EpochEnded, Event, Records, RunEnded
from desktop_trainer.regular_files import open_regular
from desktop_trainer.runs.files import Disk, save_failed, write_file
from desktop_trainer.runs.history import History, JournalReader, read_journal
from desktop_trainer.runs.journal_lines import ended_line, epoch_line, records_lines
from desktop_trainer.runs.run_folder import EVENTS

__all__ = ["History", "Journal", "JournalReader", "read_journal"]

FLUSH_SECONDS = 1.0


class Journal:
    """The journal of the run in `folder`, which is there; opened when first written. For who holds the run's lock.

    A line that could not be written stays in hand: the next call tries again.

    Attributes:
        unchecked: whether anything was written since `whereabouts` was asked for.
    """

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.path, self._disk = folder / EVENTS, disk or Disk()
        self._file: BinaryIO | None = None
        self._records: list[Records] = []
        self._pending = b""
        self._torn = self._new = self._unsynced = self._known = False
        self.unchecked = False
        self._flushed = monotonic()

    def write(self, what: Event | Records | Mapping[str, Any]) -> None:
        """Take in an event, or a line as `journal_lines` makes them. Events that say nothing lasting are left out.

        Raises:
            SaveFailed: if it could not be handed to the system.
        """
        match what:
            case Records() | BatchEnded():
                self._add(what.records if isinstance(what, BatchEnded) else what)
            case EpochEnded():
                self._line(epoch_line(what))
            case RunEnded():
                self._line(ended_line(what))
            case Mapping():
                self._line(what)
            case _:
                pass

    def flush(self) -> None:
        """Hand everything to the system.

        Raises:
            SaveFailed: if that was not possible; what was not written is kept for the next time.
        """
        self._take_records()
        self._flushed = monotonic()
        if self._pending:
            try:
                self._append()
            except OSError as error:
                raise save_failed(self.path, len(self._pending), error) from error

    def sync(self) -> None:
        """As `flush`, and wait until it lies on the disk.

        Raises:
            SaveFailed: if that was not possible.
        """
        self.flush()
        if self._file is None or not self._unsynced:
            return
        try:
            self._disk.sync(self._file)
            if self._new:
                self._disk.sync_folder(self.path.parent)
        except OSError as error:
            raise save_failed(self.path, 0, error) from error
        self._new = self._unsynced = False

    def close(self) -> None:
        """As `sync`, then close the file, whatever happens; a later line opens it again.

        Raises:
            SaveFailed: see `sync`.
        """
        try:
            self.sync()
        finally:
            if self._file is not None:
                self._file.close()
                self._file = None

    def whereabouts(self) -> Literal["there", "deleted", "moved", "replaced"]:
        """What has become meanwhile of the file that is being written."""
        self.unchecked = False
        if self._file is None or not self._known:
            return "there"
        own = os.fstat(self._file.fileno())
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return "moved" if own.st_nlink else "deleted"
        except OSError:
            return "there"  # as far as is known; the next write will tell
        return "there" if os.path.samestat(own, found) else "replaced"

    def write_again(self) -> None:
        """Write what a deleted file held, which lives as long as it is open, into a new one at its place.

        Raises:
            SaveFailed: if that was not possible.
        """
        if self._file is not None:
            self._file.seek(0)
            write_file(self.path, self._file.read(), self._disk, links=False)
            self._file.close()
            self._file = None

    def _add(self, records: Records | None) -> None:
        if records is not None and len(records):
            self._records.append(records)
        if self._records and monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def _line(self, line: Mapping[str, Any]) -> None:
        self._take_records()
        self._pending += json.dumps(line, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        self.flush()

    def _take_records(self) -> None:
        blocks, self._records = self._records, []
        for _, group in groupby(zip(accumulate(map(len, blocks)), blocks, strict=True), _run_of):
            for line in records_lines([block for _, block in group]):
                self._pending += line.encode() + b"\n"

    def _append(self) -> None:
        if self._file is None:
            self._new = not self.path.exists()
            self._torn = not self._new and _ends_torn(self.path)
            self._file = self._disk.append(self.path)
            # Not every file system, least of all on a network, knows a file again.
            self._known = os.path.samestat(os.fstat(self._file.fileno()), self.path.lstat())
        data = (b"\n" if self._torn else b"") + self._pending
        self._torn = self._unsynced = self.unchecked = True  # until the write has come to its end
        self._disk.write(self._file, data)
        self._torn, self._pending = False, b""


def _run_of(item: tuple[int, Records]) -> tuple[int, int]:
    """The same for blocks of one epoch that follow each other without a gap; `item` is a block and the batches up
    to its end.
    """
    end, block = item
    return block.epoch, block.first + len(block) - end


def _ends_torn(path: Path) -> bool:
    with open_regular(path) as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
