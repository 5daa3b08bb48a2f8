"""Arrays that grow, and what is kept of a metric besides its values.

A block of batches shares its extremes and the state of the moving average, so that a curve of a million batches is
drawn, and smoothed, without looking at each of them.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from desktop_trainer.report.smoothing import running_sums

BLOCK = 64
"""Batches a block."""

Scalar = TypeVar("Scalar", bound=np.generic)


class Column(Generic[Scalar]):
    """A NumPy array that grows. It grows by a quarter: doubling would leave up to half of the memory unused."""

    def __init__(self, dtype: type[Scalar]) -> None:
        self._buffer: NDArray[Scalar] = np.empty(BLOCK, dtype)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def values(self) -> NDArray[Scalar]:
        """A view of what is there; the next `put` may leave it behind."""
        return self._buffer[: self._length]

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self._buffer.nbytes

    def put(self, at: int, values: Any) -> None:
        """Write `values` from position `at` on; what was behind them is gone."""
        end = at + len(values)
        if end > len(self._buffer):
            buffer = np.empty(max(end, len(self._buffer) * 5 // 4), self._buffer.dtype)
            buffer[:at] = self._buffer[:at]
            self._buffer = buffer
        self._buffer[at:end] = values
        self._length = end


class Metric:
    """One number a batch, its extremes and its moving average after each block of `BLOCK` batches."""

    def __init__(self) -> None:
        self.low, self.high = Column(np.float32), Column(np.float32)
        self.sums, self.counts = Column(np.float64), Column(np.int32)

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(column.nbytes for column in (self.low, self.high, self.sums, self.counts))

    def put(self, block: int, values: NDArray[np.float32], smoothing: float) -> None:
        """Take in `values` (not finite: NaN), the first of which begins `block`."""
        starts = np.arange(0, len(values), BLOCK)
        self.low.put(block, np.fmin.reduceat(values, starts))
        self.high.put(block, np.fmax.reduceat(values, starts))
        self.smooth(block, values, smoothing)

    def smooth(self, block: int, values: NDArray[np.float32], smoothing: float) -> None:
        """Average `values`, the first of which begins `block`."""
        ends = np.minimum(np.arange(BLOCK, len(values) + BLOCK, BLOCK), len(values)) - 1
        sums, counts = running_sums(values, smoothing, self.before(block))
        self.sums.put(block, sums[ends])
        self.counts.put(block, counts[ends])

    def before(self, block: int) -> tuple[float, int]:
        """State of the moving average where `block` begins."""
        return (float(self.sums.values[block - 1]), int(self.counts.values[block - 1])) if block else (0.0, 0)
