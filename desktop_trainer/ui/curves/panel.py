"""The panel with both plots and what steers them."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic, thread_time
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from desktop_trainer.report.run_columns import value_text
from desktop_trainer.report.series import Axis, Series
from desktop_trainer.report.setting_words import short_label
from desktop_trainer.ui import sparing
from desktop_trainer.ui.curves.axes import Area
from desktop_trainer.ui.curves.export import CurveMenu
from desktop_trainer.ui.curves.overlay import OverlaidRun, keep_styles
from desktop_trainer.ui.curves.overlay_legend import OverlayLegend
from desktop_trainer.ui.curves.plot import CurvePlot
from desktop_trainer.ui.curves.tools import CurveTools

if TYPE_CHECKING:
    from desktop_trainer.engine.events import EpochEnded, Records
    from desktop_trainer.runs.events import SettingsChanged

FRAME_MS = 33
"""Drawn at most this often: 30 times a second."""

_UNMARKED = ("training.epochs", "training.patience", "data.dataset.folder")
"""Settings that do not alter the curve."""
_MARGIN = 0.01


class CurvesPanel(QWidget):
    """Loss and accuracy of a run, over batches, epochs or time; beneath them those of other runs.

    What comes in is only stored; a timer draws it, and runs only while there is something to draw that is in sight.

    Attributes:
        series: the numbers. loss_plot, accuracy_plot: what shows them. tools: the row above them.
        overlay: the other runs.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("curves")
        self.tools, self.legend = CurveTools(), OverlayLegend()
        self.overlay: list[OverlaidRun] = []
        self.series = Series(self.tools.smoothing)
        self.loss_plot, self.accuracy_plot = CurvePlot("loss", self.series), CurvePlot("accuracy", self.series)
        self.plots = (self.loss_plot, self.accuracy_plot)
        self.menu = CurveMenu(self)
        self.tools.export.setMenu(self.menu)
        self._epochs, self._follow_x = 0, True
        self._hover: float | None = None
        self._last, self._painted, self._pause_ms = 0.0, 0.0, float(FRAME_MS)
        self._timer = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.draw)
        self._lay_out()
        self._connect()
        self._on_axis()

    def _lay_out(self) -> None:
        splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        for plot in self.plots:
            splitter.addWidget(plot)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.tools)
        layout.addWidget(self.legend)
        splitter.setHandleWidth(1)
        layout.addWidget(splitter, 1)

    def _connect(self) -> None:
        for plot in self.plots:
            plot.fit_asked.connect(self.fit)
            plot.menu_asked.connect(self._on_menu)
            plot.zoomed.connect(self._on_zoomed)
            plot.hovered.connect(self._on_hovered)
            plot.area.sigXRangeChanged.connect(self._on_x_range)
        self.tools.axis_changed.connect(self._on_axis)
        self.tools.smoothing_changed.connect(self._draw_soon)
        self.tools.log_changed.connect(self._on_log)
        self.tools.fit_asked.connect(self.fit)
        self.legend.toggled.connect(self.fit)

    @property
    def axis(self) -> Axis:
        """What runs along the x axes."""
        return self.tools.axis

    def begin(self, epochs: int, batches_per_epoch: int, *, done: int = 0) -> None:
        """A run of `epochs` in all begins, or goes on behind `done` batches of all: the x axes make room for it."""
        self.series.begin(done)
        self._epochs = epochs
        self.series.batches_per_epoch = max(batches_per_epoch, 1)
        self._draw_later()

    def add_records(self, records: Records, batches_per_epoch: int) -> None:
        """Append a block of batches."""
        self.series.extend(records, batches_per_epoch)
        self._draw_later()

    def add_change(self, changed: SettingsChanged) -> None:
        """Mark where the settings changed; more epochs alone are no such place."""
        changes = tuple(each for each in changed.changes if each.path not in _UNMARKED)
        if changes:
            batches = changed.epoch * self.series.batches_per_epoch + changed.batch
            text = ", ".join(
                f"{short_label(each.path, each.label)} {value_text(each.after, each.zero)}" for each in changes
            )
            self.series.add_change(batches, text)
            self._draw_later()

    def add_epoch(self, ended: EpochEnded) -> None:
        """Append an epoch's means."""
        self.series.add_epoch(ended)
        self._draw_later()

    def clear(self) -> None:
        """Forget every number, and follow those that come."""
        self.series.clear()
        self._epochs = 0
        self.fit()

    def shelve(self) -> dict[str, Any]:
        """Show nothing; returns what `unshelve` shows again."""
        shelf = self.series.shelve()
        self.fit()
        return shelf

    def unshelve(self, shelf: dict[str, Any]) -> None:
        """Show again what was shelved."""
        self.series.unshelve(shelf)
        self.fit()

    def show_overlay(self, runs: Sequence[OverlaidRun]) -> None:
        """Draw the curves of these other runs, each in a colour of its own, which it keeps, and no others."""
        others = [run.folder for run in runs] != [run.folder for run in self.overlay]
        keep_styles(runs, self.overlay)
        self.overlay = list(runs)
        self.legend.show_runs(self.overlay)
        for plot in self.plots:
            plot.overlay.show_runs(self.overlay)
        self.fit() if others else self._draw_later()

    @Slot()
    def fit(self) -> None:
        """Show everything, and go on following what comes."""
        self._follow_x = True
        for plot in self.plots:
            plot.follow_y = True
        self._draw_soon()

    @Slot()
    def draw(self) -> None:
        """Bring both plots up to date now."""
        self._timer.stop()
        began, painted = thread_time(), sum(plot.canvas.paint_seconds for plot in self.plots)
        for series in (self.series, *(run.series for run in self.overlay)):
            if series.smoothing != self.tools.smoothing:
                series.smoothing = self.tools.smoothing
        x_range = self._x_range() if self._follow_x else None
        for plot in self.plots:
            plot.draw(x_range)
        self._point()
        self._rest(thread_time() - began, painted)

    def _rest(self, seconds: float, painted: float) -> None:
        """Decide when the next frame may come: this one took `seconds`, and the one before was then painted."""
        painting, self._painted = painted - self._painted, painted
        cost = 1000 * (seconds + painting)
        self._pause_ms = min(max(FRAME_MS, cost / sparing.SHARE), sparing.SLOWEST_MS)
        self._last = monotonic()

    def _draw_later(self) -> None:
        """For new numbers: soon, but spare the processor."""
        self._schedule(self._pause_ms)

    @Slot()
    def _draw_soon(self) -> None:
        """For the user: in the next frame."""
        self._schedule(FRAME_MS)

    def _schedule(self, pause_ms: float) -> None:
        wait = max(round(pause_ms - 1000 * (monotonic() - self._last)), 0)
        if self.isVisible() and not 0 <= self._timer.remainingTime() <= wait:
            self._timer.start(wait)

    def _x_range(self) -> tuple[float, float]:
        """From the first batch to a round end behind the last: of the run, or less while most of it is to come."""
        extent, others = self.series.extent(self.axis), self._others_range()
        unit = float(self.series.batches_per_epoch) if self.axis is Axis.BATCHES else 1.0
        if extent is None:
            return others or (0.0, unit)
        first = 0.0 if self.axis is Axis.SECONDS else (self.series.origin - 1) * unit / self.series.batches_per_epoch
        end = first + unit * _round_up((extent[1] - first) / unit)
        planned = self._epochs * unit
        if self.axis is not Axis.SECONDS and planned >= extent[1]:
            end = min(end, planned)
        end += _MARGIN * (end - first)
        return (first, end) if others is None else (min(first, others[0]), max(end, others[1]))

    def _others_range(self) -> tuple[float, float] | None:
        """From the start to just behind the last of the overlaid runs that are shown; None if there are none."""
        ends = [_end(run.series, self.axis) for run in self.overlay if run.shown]
        end = max(ends, default=0.0)
        return (0.0, end * (1 + _MARGIN)) if end > 0 else None

    def _point(self) -> None:
        reading = (
            None if self._hover is None or self._beyond(self._hover) else self.series.reading(self.axis, self._hover)
        )
        for plot in self.plots:
            plot.show_reading(reading, self._hover)

    def _beyond(self, x: float) -> bool:
        """Whether only other runs can have something at `x`; without any, the nearest batch is read."""
        extent = self.series.extent(self.axis)
        return bool(self.overlay) and extent is not None and not extent[0] <= x <= extent[1]

    @Slot()
    def _on_axis(self) -> None:
        for plot in self.plots:
            plot.set_axis(self.axis)
        self._hover = None
        self.fit()

    @Slot(bool)
    def _on_log(self, on: bool) -> None:
        self.loss_plot.set_log(on)
        self.loss_plot.follow_y = True
        self._draw_soon()

    @Slot()
    def _on_zoomed(self) -> None:
        self._follow_x = False
        self._draw_soon()

    @Slot(object, object)
    def _on_x_range(self, _: Area, shown: tuple[float, float]) -> None:
        """Both show the same. pyqtgraph's own link takes a plot that is not as wide yet, while the window grows, for a part."""
        for plot in self.plots:
            plot.area.setXRange(*shown, padding=0)

    @Slot(object)
    def _on_hovered(self, x: float | None) -> None:
        self._hover = x
        self._point()

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        self.menu.popup(place)

    def showEvent(self, event: QShowEvent) -> None:
        """Qt's: what came in while nobody looked is drawn."""
        super().showEvent(event)
        self._draw_soon()

    def changeEvent(self, event: QEvent) -> None:
        """Qt's: language or colours may have changed."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.LanguageChange:
            for part in (self.tools, self.menu, *self.plots):
                part.retranslate()
            self._draw_soon()
        elif event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self.tools.recolour()
            self.legend.recolour()
            for plot in self.plots:
                plot.recolour()


def _end(series: Series, axis: Axis) -> float:
    """Where the last batch or epoch lies on the axis; 0 if there is none."""
    extent, (epochs, _, _) = series.extent(axis), series.epoch_points("loss", axis)
    return max(extent[1] if extent else 0.0, float(np.nanmax(epochs, initial=0.0)))


def _round_up(value: float) -> float:
    """The least of 1, 1.5, 2, 3, 4, 6, 8, 12, ... that is not below `value`: the axis grows seldom, and by little."""
    end = 1.0
    while end < value:
        end *= 2
    return 0.75 * end if 1.0 < value <= 0.75 * end else end
