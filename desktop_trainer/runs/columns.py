"""Keeps the numbers of many batches tightly: 24 bytes each, whatever blocks they came in."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np

from desktop_trainer.engine.events import Records
from desktop_trainer.runs.journal_lines import COLUMNS
from desktop_trainer.runs.plain_json import NotPlain

_MOST_BATCHES, _MOST_BLOCKS = 200_000_000, 500_000
_CODES = {"f4": "f", "i4": "i", "f8": "d"}


@dataclass(frozen=True, slots=True)
class _Block:
    """Batches of `epoch` from `first` on, without a gap; the first of them is entry `start` of the columns."""

    epoch: int
    first: int
    start: int


class Columns:
    """The numbers of batches in the order of their positions, each batch once."""

    def __init__(self) -> None:
        self._columns = {name: array(_CODES[kind]) for name, (kind, _) in COLUMNS.items()}
        self._blocks: list[_Block] = []

    def __len__(self) -> int:
        return len(self._columns["loss"])

    def add(self, records: Records) -> None:
        """Append `records`; they take the place of what stands at their positions or behind.

        Raises:
            NotPlain: if there are more than fit.
        """
        self.cut(records.epoch - 1, records.first - 1)
        if len(self) + len(records) > _MOST_BATCHES or len(self._blocks) >= _MOST_BLOCKS:
            raise NotPlain("too many batches")
        if not self._follows(records):
            self._blocks.append(_Block(records.epoch, records.first, len(self)))
        for name, column in self._columns.items():
            column.frombytes(getattr(records, name).tobytes())

    def cut(self, epoch: int, batch: int) -> None:
        """Drop what is behind this position: `epoch` whole epochs, `batch` batches of the next one."""
        while self._blocks and (self._blocks[-1].epoch - 1, self._blocks[-1].first) > (epoch, batch):
            self._shorten(self._blocks.pop().start)
        if self._blocks and self._blocks[-1].epoch - 1 == epoch:
            self._shorten(self._blocks[-1].start + batch - self._blocks[-1].first + 1)

    def blocks(self) -> list[Records]:
        """The numbers, a block for batches of an epoch that follow each other. They stay as they are when more come."""
        arrays = {name: np.array(self._columns[name], COLUMNS[name][0]) for name in COLUMNS}
        ends = [block.start for block in self._blocks[1:]] + [len(self)]
        return (
            [
                Records(
                    block.epoch, block.first, **{name: values[block.start : end] for name, values in arrays.items()}
                )
                for block, end in zip(self._blocks, ends, strict=True)
            ]
            if self._blocks
            else []
        )

    def _follows(self, records: Records) -> bool:
        if not self._blocks:
            return False
        last = self._blocks[-1]
        return last.epoch == records.epoch and last.first + len(self) - last.start == records.first

    def _shorten(self, length: int) -> None:
        for column in self._columns.values():
            del column[length:]
