"""The curves of other runs, drawn beneath those of the run at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QGraphicsItem

from desktop_trainer.report.series import Axis, Series
from desktop_trainer.report.smoothing import Floats
from desktop_trainer.ui import theme
from desktop_trainer.ui.curves.item import CurveItem, Curves, Look

MOST_RUNS = 24
"""More curves than this in one plot are a tangle."""

_DOTTED = (1.5, 2.5)
_LOOKS = (
    (Look(1.3), Look(1.3, _DOTTED, "square")),
    (Look(1.3, (12.0, 3.0)), Look(1.3, _DOTTED, "triangle")),
    (Look(1.3, (9.0, 3.0, 2.0, 3.0)), Look(1.3, _DOTTED, "diamond")),
)
"""Of the training and the test set; with eight colours as many pairs as `MOST_RUNS`."""
_POINTS = 512
"""Enough of a smoothed curve to find its least and greatest value."""


@dataclass(eq=False, slots=True)
class OverlaidRun:
    """A run whose curves are drawn beside others.

    Attributes:
        difference: the settings in which it differs from the others, for the legend.
        style: its place among all pairs of colour and line, which it keeps as long as it is drawn. shown: whether
            its curves are to be seen.
    """

    folder: Path
    name: str
    series: Series
    difference: str = ""
    style: int = 0
    shown: bool = True

    def shade(self) -> QColor:
        """Its colour in the theme in use."""
        colours = theme.colours().overlay
        return QColor(colours[self.style % len(colours)])

    @property
    def title(self) -> str:
        """Its name, and the settings in which it differs."""
        return f"{self.name}   {self.difference}".strip()

    def looks(self) -> tuple[Look, Look]:
        """How its curves of the training and of the test set are drawn."""
        return _LOOKS[self.style % len(_LOOKS)]

    def sample(self) -> QPixmap:
        """A piece of its curve, as wide as in the plot or wider, for legends."""
        train, test = self.looks()
        return CurveItem(replace(train, width=2.0, marker=test.marker)).sample(self.shade())


@dataclass(frozen=True, slots=True)
class Sight:
    """What of a plot is in sight: `left` to `right` on `axis`, in `columns` pixels; `state` is all of which pixels
    depend.
    """

    axis: Axis
    left: float
    right: float
    columns: int
    to_x: Callable[[Floats], Floats]
    to_y: Callable[[NDArray[np.floating]], Floats]
    state: tuple[Any, ...]


class Overlay(Curves):
    """In the plot of `quantity`: of each run the smoothed training curve, and the test set's points, dotted.

    The runs have ended or change slowly, so that the picture is kept and the run at hand is drawn over it.
    """

    def __init__(self, quantity: str, parent: QGraphicsItem) -> None:
        super().__init__((), parent)
        self.setZValue(-1)
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self.quantity = quantity
        self.runs: list[OverlaidRun] = []
        self._pairs: list[tuple[CurveItem, CurveItem]] = []
        self._placed: tuple[Any, ...] = ()
        self._extremes: dict[tuple[Any, ...], tuple[float, float] | None] = {}

    def show_runs(self, runs: Sequence[OverlaidRun]) -> None:
        """Draw these runs, and no others."""
        self.runs = list(runs)
        self._pairs = [(CurveItem(train), CurveItem(test)) for train, test in (run.looks() for run in runs)]
        self.curves = [curve for pair in self._pairs for curve in pair]
        self._placed = ()
        self._extremes.clear()
        self.recolour()

    def recolour(self) -> None:
        """Take over the colours of the theme in use."""
        background = QColor(theme.colours().background)
        for run, pair in zip(self.runs, self._pairs, strict=True):
            for curve in pair:
                curve.recolour(run.shade(), background)
        self.update()

    def place(self, sight: Sight) -> None:
        """Compute the pixels of what is in sight, if anything is different from the last time."""
        state = (sight.state, *((run.shown, len(run.series), run.series.smoothing) for run in self.runs))
        if state == self._placed:
            return
        self._placed = state
        for run, pair in zip(self.runs, self._pairs, strict=True):
            for curve in pair:
                curve.visible = run.shown
            if run.shown:
                self._place(run.series, pair, sight)
        self.prepareGeometryChange()
        self.update()

    def _place(self, series: Series, curves: tuple[CurveItem, CurveItem], sight: Sight) -> None:
        train, test = curves
        epochs, means, tests = series.epoch_points(self.quantity, sight.axis)
        if len(series):
            strokes = series.strokes(self.quantity, sight.axis, sight.left, sight.right, sight.columns)
            train.set_polyline(sight.to_x(strokes.smoothed_x), sight.to_y(strokes.smoothed))
        else:
            train.set_polyline(sight.to_x(epochs), sight.to_y(means))
        test.set_polyline(sight.to_x(epochs), sight.to_y(tests))

    def extremes(self, *, positive: bool) -> tuple[float, float] | None:
        """Least and greatest value of the curves that are shown, with `positive` above zero; None if there is none."""
        found = [item for run in self.runs if run.shown and (item := self._extremes_of(run.series, positive))]
        return (min(low for low, _ in found), max(high for _, high in found)) if found else None

    def _extremes_of(self, series: Series, positive: bool) -> tuple[float, float] | None:
        key = (id(series), len(series), len(series.epochs), series.smoothing, positive)
        if key not in self._extremes:
            self._extremes[key] = _extremes(series, self.quantity, positive=positive)
        return self._extremes[key]

    def values_at(self, axis: Axis, x: float) -> list[tuple[str, str, float]]:
        """Colour, name and smoothed value at `x` of each run that is shown and reaches there."""
        rows = []
        for run in self.runs:
            extent = run.series.extent(axis) if run.shown else None
            reading = run.series.reading(axis, x) if extent and extent[0] <= x <= extent[1] else None
            if reading is not None:
                rows.append((run.shade().name(), run.name, reading.values[self.quantity][1]))
        return rows


def keep_styles(runs: Sequence[OverlaidRun], before: Sequence[OverlaidRun]) -> None:
    """Give each of `runs` the style that it had among those of `before`, and to new ones the first that are free."""
    had = {run.folder: run.style for run in before}
    taken = {had[run.folder] for run in runs if run.folder in had}
    free = (style for style in count() if style not in taken)
    for run in runs:
        run.style = had[run.folder] if run.folder in had else next(free)


def _extremes(series: Series, quantity: str, *, positive: bool) -> tuple[float, float] | None:
    _, means, tests = series.epoch_points(quantity, Axis.EPOCHS)
    values = [tests] if len(series) else [means, tests]
    if (extent := series.extent(Axis.BATCHES)) is not None:
        values.append(
            series.strokes(quantity, Axis.BATCHES, extent[0], max(extent[1], extent[0] + 1), _POINTS).smoothed
        )
    every: Floats = np.concatenate(values)
    every = every[np.isfinite(every) & (every > 0 if positive else True)]
    return (float(every.min()), float(every.max())) if len(every) else None
