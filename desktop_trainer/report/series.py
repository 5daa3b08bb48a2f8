"""The numbers behind the curves: every batch's record, and what it takes to draw a million of them. Knows no Qt.

A batch takes 24 bytes, and less than one more for the extremes and the average of each block of batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from desktop_trainer.report.growing import BLOCK, Column, Metric
from desktop_trainer.report.smoothing import Floats, corrected, running_sums

if TYPE_CHECKING:
    from desktop_trainer.engine.events import EpochEnded, Records

_MEANS = ("epoch", "train_loss", "test_loss", "train_accuracy", "test_accuracy")
_PORTION = 1024 * BLOCK


class Axis(Enum):
    """What runs along the x axis."""

    BATCHES = "batches"
    EPOCHS = "epochs"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True, eq=False)
class Strokes:
    """What is to be drawn of a metric: points of the raw curve from `low` to `high`, and of the smoothed one.

    Where every batch has its own point, `low` and `high` are the same array.
    """

    x: Floats
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    smoothed_x: Floats
    smoothed: Floats


@dataclass(frozen=True, slots=True)
class Reading:
    """The numbers at one batch, which lies at `x`.

    Attributes:
        batch: counted from 1 over all epochs. epoch, batch_in_epoch: the same, counted as people do.
        values: raw and smoothed value of each metric. ended: the epoch's means, once it has ended.
    """

    x: float
    batch: int
    epoch: int
    batch_in_epoch: int
    values: dict[str, tuple[float, float]]
    ended: EpochEnded | None


class Series:
    """The records of a run, one a batch and without gaps, and those of its epochs.

    Attributes:
        origin: number of the first batch that is here, counted from 1 over all epochs.
        batches_per_epoch: of the training set.
        epochs: what the epochs ended with, in their order.
        changes: where the run went on with other settings, and with which: behind so many batches of all.
    """

    def __init__(self, smoothing: float = 0.9) -> None:
        self._smoothing = smoothing
        self.batches_per_epoch = 1
        self.clear()

    def clear(self) -> None:
        """Forget everything but the smoothing."""
        self.origin = 1
        self.loss, self.correct, self.count = Column(np.float32), Column(np.int32), Column(np.int32)
        self.lr, self.seconds = Column(np.float32), Column(np.float64)
        self._metrics, self._summarised = {"loss": Metric(), "accuracy": Metric()}, 0
        self.epochs: list[EpochEnded] = []
        self.changes: list[tuple[int, str]] = []
        self._means = {name: Column(np.float64) for name in _MEANS}

    def shelve(self) -> dict[str, Any]:
        """Forget everything but the smoothing; returns what `unshelve` takes."""
        shelf = dict(vars(self))
        self.clear()
        return shelf

    def unshelve(self, shelf: dict[str, Any]) -> None:
        """Be again what `shelve` forgot; the smoothing stays as it is now."""
        smoothing = self.smoothing
        vars(self).update(shelf)
        self.smoothing = smoothing

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def nbytes(self) -> int:
        """Memory held for the batches, in bytes."""
        columns = sum(column.nbytes for column in (self.loss, self.correct, self.count, self.lr, self.seconds))
        return columns + sum(metric.nbytes for metric in self._metrics.values())

    @property
    def metrics(self) -> dict[str, Metric]:
        """Extremes and averages of all that is here. New batches are taken in when somebody asks: once a frame."""
        while self._summarised < len(self):
            first = self._summarised // BLOCK * BLOCK
            self._summarised = min(first + _PORTION, len(self))
            for name, metric in self._metrics.items():
                metric.put(first // BLOCK, self.values(name, first, self._summarised), self._smoothing)
        return self._metrics

    def extend(self, records: Records, batches_per_epoch: int) -> None:
        """Append a block; one that begins at an earlier batch replaces what is there from it on."""
        self.batches_per_epoch = max(batches_per_epoch, 1)
        first = (records.epoch - 1) * self.batches_per_epoch + records.first
        changes = self.changes
        if len(self) == 0 or first < self.origin:
            self.clear()
            self.origin = first
        self.changes = changes
        at = first - self.origin
        if at > len(self):
            self._skip_to(at)
        self._put(at, records.loss, records.correct, records.count, records.lr, records.seconds)

    def _skip_to(self, at: int) -> None:
        """Batches that nobody recorded are NaN."""
        gap = at - len(self)
        nothing, last = np.zeros(gap, np.int32), self.seconds.values[-1]
        nan = np.full(gap, np.nan, np.float32)
        self._put(len(self), nan, nothing, nothing, nan, np.full(gap, last))

    def _put(self, at: int, *columns: NDArray[Any]) -> None:
        for column, values in zip((self.loss, self.correct, self.count, self.lr, self.seconds), columns, strict=True):
            column.put(at, values)  # type: ignore[attr-defined]
        self._summarised = min(self._summarised, at)

    def add_epoch(self, ended: EpochEnded) -> None:
        """Append an epoch; it replaces those that are there from it on."""
        while self.epochs and self.epochs[-1].epoch >= ended.epoch:
            self.epochs.pop()
        for name, column in self._means.items():
            column.put(len(self.epochs), [getattr(ended, name)])
        self.epochs.append(ended)

    def add_change(self, batches: int, text: str) -> None:
        """From behind so many batches of all on the run has other settings, which `text` tells."""
        self.changes = [*(each for each in self.changes if each[0] < batches), (batches, text)]

    def begin(self, batches: int) -> None:
        """The run goes on behind so many batches of all: what changed later, changed no longer."""
        self.changes = [each for each in self.changes if each[0] <= batches]

    def change_points(self, axis: Axis) -> list[tuple[float, str]]:
        """Where on the axis the settings changed, and what."""
        behind = np.array([batches for batches, _ in self.changes], np.int64) - self.origin
        x = self.x(axis, np.clip(behind, 0, max(len(self) - 1, 0))) if len(self) else np.empty(0)
        return [(float(place), text) for place, (_, text) in zip(x, self.changes, strict=False)]

    def values(self, metric: str, first: int = 0, stop: int | None = None) -> NDArray[np.float32]:
        """The metric of the batches with positions `first` up to `stop`; NaN where it is not finite."""
        cut = slice(first, stop)
        if metric == "loss":
            loss = self.loss.values[cut]
            return loss if np.isfinite(loss).all() else np.where(np.isfinite(loss), loss, np.float32(np.nan))
        correct, count = self.correct.values[cut], self.count.values[cut]
        blank = np.full(len(count), np.nan, np.float32)
        return np.divide(correct, count, out=blank, where=count > 0, casting="same_kind", dtype=np.float32)

    @property
    def smoothing(self) -> float:
        """What stays of the past at each batch, in [0, 1)."""
        return self._smoothing

    @smoothing.setter
    def smoothing(self, value: float) -> None:
        metrics, self._smoothing = self.metrics, value
        for name, metric in metrics.items():
            for first in range(0, len(self), _PORTION):
                metric.smooth(first // BLOCK, self.values(name, first, first + _PORTION), value)

    def smoothed(self, metric: str, positions: NDArray[np.int64]) -> Floats:
        """The moving average after each of the batches at the ascending `positions`."""
        block = int(positions[0]) // BLOCK
        values = self.values(metric, block * BLOCK, int(positions[-1]) + 1)
        sums, counts = running_sums(values, self._smoothing, self.metrics[metric].before(block))
        chosen = positions - block * BLOCK
        return corrected(sums[chosen], counts[chosen], self._smoothing)

    def x(self, axis: Axis, positions: NDArray[np.int64]) -> Floats:
        """Where the batches at `positions` lie on the axis; the last batch of epoch k lies at k."""
        if axis is Axis.SECONDS:
            return self.seconds.values[positions]
        batches = positions.astype(np.float64) + self.origin
        return batches if axis is Axis.BATCHES else batches / self.batches_per_epoch

    def positions(self, axis: Axis, x: Floats) -> NDArray[np.int64]:
        """Of each of the ascending `x`: the position of the first batch that is not left of it."""
        if axis is Axis.SECONDS:
            return np.searchsorted(self.seconds.values, x).astype(np.int64)
        batches = x if axis is Axis.BATCHES else x * self.batches_per_epoch
        return np.clip(np.ceil(batches - self.origin), 0, len(self)).astype(np.int64)

    def extent(self, axis: Axis) -> tuple[float, float] | None:
        """Where on the axis the first and the last batch lie; None if there are none."""
        if not len(self):
            return None
        first, last = self.x(axis, np.array([0, len(self) - 1]))
        return float(first), float(last)

    def extremes(self, metric: str, *, positive: bool = False) -> tuple[float, float] | None:
        """Least and greatest finite value of any batch or epoch, with `positive` above zero; None if there is none."""
        low, high = self.metrics[metric].low.values, self.metrics[metric].high.values
        means = (self._means[f"train_{metric}"].values, self._means[f"test_{metric}"].values)
        if positive and (low <= 0).any():
            low = self.values(metric)
        values: Floats = np.concatenate((low, high, *means))
        values = values[np.isfinite(values) & (values > 0 if positive else True)]
        return (float(values.min()), float(values.max())) if len(values) else None

    def strokes(self, metric: str, axis: Axis, left: float, right: float, columns: int) -> Strokes:
        """What a plot `columns` pixels wide shows between `left` and `right`: at most two points a column and curve.

        Of the raw curve each column shows least and greatest value, so that no batch's value is lost from sight; of
        the smoothed one its last value.
        """
        edges = self.positions(axis, np.linspace(left, right, columns + 1))
        first, stop = max(int(edges[0]) - 1, 0), min(int(edges[-1]) + 1, len(self))
        if stop - first <= 2 * columns:
            return self._every(metric, axis, np.arange(first, stop))
        blocks = stop - first >= BLOCK * columns
        if blocks:
            edges, stop = edges // BLOCK, -(-stop // BLOCK)
            edges[-1] = stop
        columns_begun = np.flatnonzero(np.diff(edges, prepend=-1))  # the edges rise
        edges = edges[columns_begun]
        middles = left + (columns_begun[1:].astype(np.float64) - 0.5) * ((right - left) / columns)
        return (self._of_blocks if blocks else self._of_batches)(metric, axis, edges, middles)

    def _every(self, metric: str, axis: Axis, every: NDArray[np.int64]) -> Strokes:
        if not len(every):
            nothing = np.empty(0)
            return Strokes(nothing, nothing.astype(np.float32), nothing.astype(np.float32), nothing, nothing)
        x, values = self.x(axis, every), self.values(metric, int(every[0]), int(every[-1]) + 1)
        return Strokes(x, values, values, x, self.smoothed(metric, every))

    def _of_batches(self, metric: str, axis: Axis, edges: NDArray[np.int64], middles: Floats) -> Strokes:
        first, ends = int(edges[0]), edges[1:] - 1
        values, starts = self.values(metric, first, int(edges[-1])), edges[:-1] - first
        low, high = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
        return Strokes(middles, low, high, self.x(axis, ends), self.smoothed(metric, ends))

    def _of_blocks(self, metric: str, axis: Axis, edges: NDArray[np.int64], middles: Floats) -> Strokes:
        summary, starts, ends, stop = self.metrics[metric], edges[:-1], edges[1:] - 1, int(edges[-1])
        low = np.fmin.reduceat(summary.low.values[:stop], starts)
        high = np.fmax.reduceat(summary.high.values[:stop], starts)
        smoothed = corrected(summary.sums.values[ends], summary.counts.values[ends], self._smoothing)
        lasts = np.minimum(ends * BLOCK + BLOCK, len(self)) - 1
        return Strokes(middles, low, high, self.x(axis, lasts), smoothed)

    def epoch_points(self, metric: str, axis: Axis) -> tuple[Floats, Floats, Floats]:
        """Where the epochs ended on the axis, and their means on the training set and on the test set."""
        epochs: Floats = self._means["epoch"].values
        if axis is Axis.BATCHES:
            epochs = epochs * self.batches_per_epoch
        elif axis is Axis.SECONDS:
            last = (epochs * self.batches_per_epoch).astype(np.int64) - self.origin
            known = (last >= 0) & (last < len(self))
            epochs = np.full(len(last), np.nan)
            epochs[known] = self.seconds.values[last[known]]
        return epochs, self._means[f"train_{metric}"].values, self._means[f"test_{metric}"].values

    def reading(self, axis: Axis, x: float) -> Reading | None:
        """The numbers of the batch nearest to `x`; None if there are no batches."""
        if not len(self):
            return None
        right = min(int(self.positions(axis, np.array([x]))[0]), len(self) - 1)
        near = np.array([max(right - 1, 0), right])
        at = int(near[np.argmin(np.abs(self.x(axis, near) - x))])
        return self._reading(at, float(self.x(axis, np.array([at]))[0]))

    def last(self) -> Reading | None:
        """The numbers of the last batch; None if there are no batches."""
        return self._reading(len(self) - 1, math.nan) if len(self) else None

    def _reading(self, at: int, x: float) -> Reading:
        batch, here = self.origin + at, np.array([at])
        epoch, before = divmod(batch - 1, self.batches_per_epoch)
        values = {
            name: (float(self.values(name, at, at + 1)[0]), float(self.smoothed(name, here)[0]))
            for name in self.metrics
        }
        ended = next((each for each in reversed(self.epochs) if each.epoch == epoch + 1), None)
        return Reading(x, batch, epoch + 1, before + 1, values, ended)
