"""One plot: a metric's raw, smoothed, training and test curves, with legend and crosshair."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QFont, QIcon, QPalette
from PySide6.QtWidgets import QGraphicsItem, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from desktop_trainer.i18n import joined, mark, titled, tr
from desktop_trainer.report.series import Axis, Reading, Series
from desktop_trainer.report.smoothing import Floats
from desktop_trainer.ui import theme
from desktop_trainer.ui.curves.axes import Area, Canvas, Scale
from desktop_trainer.ui.curves.crosshair import Crosshair
from desktop_trainer.ui.curves.item import DASHED, CurveItem, Curves, Look
from desktop_trainer.ui.curves.marks import Marks
from desktop_trainer.ui.curves.overlay import Overlay, Sight

TITLES = {"loss": mark("Loss"), "accuracy": mark("Accuracy")}
AXES = {Axis.BATCHES: mark("Batch"), Axis.EPOCHS: mark("Epoch"), Axis.SECONDS: mark("Training time (s)")}

_TELL_MS = 1000
"""The curves are described in words at most this often."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of a plot's curves: its name in the legend, what it means, and how it looks."""

    name: str
    hint: str
    look: Look


_KINDS = {
    "batch": _Kind(mark("Batch"), mark("The value of every batch"), Look(1.0)),
    "smoothed": _Kind(mark("Smoothed"), mark("The moving average of the batches"), Look(1.7)),
    "train": _Kind(
        mark("Epoch, training"), mark("The mean over each epoch's training samples"), Look(1.7, marker="circle")
    ),
    "test": _Kind(
        mark("Epoch, test"), mark("The mean over the test set after each epoch"), Look(1.7, DASHED, "diamond")
    ),
}


class CurvePlot(QWidget):
    """The curves of `quantity`, ``loss`` or ``accuracy``, out of `series`; `draw` brings them up to date.

    Signals:
        fit_asked. menu_asked: with the place on the screen. zoomed: by the user. hovered: x under the cursor, or None.
    """

    fit_asked = Signal()
    menu_asked = Signal(QPoint)
    zoomed = Signal()
    hovered = Signal(object)

    def __init__(self, quantity: str, series: Series, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{quantity}_plot")
        self.quantity, self.series = quantity, series
        self.log, self.follow_y, self._stale = False, True, False
        self._means_placed: tuple[Any, ...] = ()
        self.area, self.canvas = Area(), Canvas()
        self.left, self.bottom = Scale("left"), Scale("bottom")
        self._tell = QTimer(self, singleShot=True, interval=_TELL_MS)
        self._title = QLabel()
        self._title.setProperty("role", "heading")
        self.legend = {name: self._legend_entry(name) for name in _KINDS}
        self._lay_out()
        self._add_curves()
        self.crosshair = Crosshair(self.area, self.canvas, quantity)
        self._connect()
        self.recolour()
        self.retranslate()

    def _legend_entry(self, name: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(f"{self.quantity}_{name}")
        button.setCheckable(True)
        button.setChecked(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setProperty("role", "legend")
        button.setIconSize(QSize(18, 12))
        button.toggled.connect(self._on_legend)
        return button

    def _lay_out(self) -> None:
        header = QHBoxLayout()
        header.setContentsMargins(10, 0, 8, 0)
        header.setSpacing(2)
        header.addWidget(self._title)
        header.addStretch(1)
        for button in self.legend.values():
            header.addWidget(button)
        grid = pg.GraphicsLayout()
        grid.setContentsMargins(4, 4, 12, 2)
        grid.setSpacing(0)
        for item, row, column in ((self.left, 0, 0), (self.area, 0, 1), (self.bottom, 1, 1)):
            grid.addItem(item, row, column)
        self.canvas.setCentralItem(grid)
        self.left.linkToView(self.area)
        self.bottom.linkToView(self.area)
        self.left.setWidth(58)
        self.bottom.setHeight(36)
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(header)
        layout.addWidget(self.canvas, 1)
        self.setMinimumHeight(130)

    def _add_curves(self) -> None:
        self.overlay = Overlay(self.quantity, self.area)
        self.curves = {name: CurveItem(kind.look) for name, kind in _KINDS.items()}
        self._live = Curves((self.curves["batch"], self.curves["smoothed"]), self.area)
        self.marks = Marks(self.area)
        self._means = Curves((self.curves["train"], self.curves["test"]), self.area)
        self.keep_pictures(True)

    def keep_pictures(self, on: bool) -> None:
        """Whether Qt repeats the picture of what changes seldom; not, if that is to be drawn on something else."""
        mode = QGraphicsItem.CacheMode.DeviceCoordinateCache if on else QGraphicsItem.CacheMode.NoCache
        for item in (self.overlay, self.marks, self._means, self.left, self.bottom, self.left.label, self.bottom.label):
            item.setCacheMode(mode)

    def _connect(self) -> None:
        self.area.double_clicked.connect(self.fit_asked)
        self.area.menu_asked.connect(self.menu_asked)
        self.area.sigRangeChangedManually.connect(self._on_zoomed)
        self.area.sigRangeChanged.connect(self._on_range)
        self.area.sigResized.connect(self._on_range)
        self.canvas.scene().sigMouseMoved.connect(self._on_mouse)
        self.canvas.scene().sigPrepareForPaint.connect(self._on_prepare)
        self.canvas.left.connect(self._on_left)
        self.canvas.key_used.connect(self._on_key)
        self._tell.timeout.connect(self._on_tell)

    def draw(self, x_range: tuple[float, float] | None) -> None:
        """Bring the curves up to date; `x_range` is what to show, None leaves it to the user."""
        shown_x, shown_y = map(tuple, self.area.viewRange())
        if x_range is not None and x_range != shown_x:
            self.area.setXRange(*x_range, padding=0)
        if self.follow_y and (y_range := self._y_range()) != shown_y:
            self.area.setYRange(*y_range, padding=0)
        self._place_curves()
        if not self._tell.isActive():
            self._tell.start()

    def _place_curves(self) -> None:
        """Compute every curve's pixels for what is in sight."""
        self._stale = False
        self._live.update()
        axis, ((left, right), y_range) = self.bottom.axis, self.area.viewRange()
        columns = max(round(self.area.width()), 16)
        state = (axis, left, right, *y_range, self.area.width(), self.area.height(), self.log)
        self.overlay.place(Sight(axis, left, right, columns, self._x_pixels, self._y_pixels, state))
        self._place_marks(axis)
        strokes = self.series.strokes(self.quantity, axis, left, right, columns)
        x, low = self._x_pixels(strokes.x), self._y_pixels(strokes.low)
        if strokes.high is strokes.low:
            self.curves["batch"].set_polyline(x, low)
        else:
            self.curves["batch"].set_bars(x, self._y_pixels(strokes.high), low)
        self.curves["smoothed"].set_polyline(self._x_pixels(strokes.smoothed_x), self._y_pixels(strokes.smoothed))
        self._place_means((*state, self.series.origin, self.series.batches_per_epoch, tuple(self.series.epochs[-1:])))

    def _place_marks(self, axis: Axis) -> None:
        """The text stands in the plot of the loss, the line in both."""
        points = self.series.change_points(axis) if self.series.changes else []
        x = self._x_pixels(np.array([place for place, _ in points]))
        texts = (text if self.quantity == "loss" else "" for _, text in points)
        self.marks.place([(float(place), text) for place, text in zip(x, texts, strict=True)])

    def _place_means(self, state: tuple[Any, ...]) -> None:
        """Compute the pixels of the epochs' means, if anything is different from the last time."""
        if state == self._means_placed:
            return
        self._means_placed = state
        self._means.update()
        epochs, train, test = self.series.epoch_points(self.quantity, self.bottom.axis)
        self.curves["train"].set_polyline(self._x_pixels(epochs), self._y_pixels(train))
        self.curves["test"].set_polyline(self._x_pixels(epochs), self._y_pixels(test))

    def _x_pixels(self, x: Floats) -> Floats:
        left, right = self.area.viewRange()[0]
        pixels: Floats = (x - left) * (self.area.width() / (right - left))
        return pixels

    def _y_pixels(self, y: NDArray[np.floating]) -> Floats:
        bottom, top = self.area.viewRange()[1]
        height: float = self.area.height()
        values: Floats = y.astype(np.float64)
        if self.log:
            # What has no logarithm lies below every number that has one.
            logarithms = np.where(np.isnan(values), np.nan, -np.inf)
            np.log10(values, out=logarithms, where=values > 0)
            values = logarithms
        # Far outside is outside: Qt's painter does not take numbers of any size.
        pixels: Floats = np.clip((top - values) * (height / (top - bottom)), -height, 2 * height)
        return pixels

    def _y_range(self) -> tuple[float, float]:
        """All that there is; the accuracy from 0 to 1, the loss from 0 on, or from below.

        It stays the same while new values are no extremes, or in the same tenth of a decade: new axes cost time.
        """
        if self.quantity == "accuracy":
            return 0.0, 1.08
        found = (self.series.extremes(self.quantity, positive=self.log), self.overlay.extremes(positive=self.log))
        extremes = [item for item in found if item is not None]
        if not extremes:
            return (-2.0, 1.0) if self.log else (0.0, 1.0)
        low, high = min(low for low, _ in extremes), max(high for _, high in extremes)
        if self.log:
            return math.floor(10 * math.log10(low) - 0.5) / 10, math.ceil(10 * math.log10(high) + 0.5) / 10
        bottom = min(low, 0.0)
        margin = max(0.04 * (high - bottom), 1e-9)
        return bottom - (margin if low < 0 else 0.0), high + margin

    def set_log(self, on: bool) -> None:
        """Draw the logarithm of the values, or the values."""
        self.log = on
        self.left.setLogMode(x=False, y=on)

    def set_axis(self, axis: Axis) -> None:
        """Say on the x axis what it is."""
        self.bottom.axis = axis
        self._stale = True
        self.bottom.setLabel(tr(AXES[axis]))

    def description(self) -> str:
        """The last values as a sentence, for those who cannot see the curves."""
        reading = self.series.last()
        if reading is None:
            return tr("No batch has been trained yet.")
        raw, smoothed = reading.values[self.quantity]
        text = tr(
            "{metric} after batch {batch} of all: {raw:.4g}, smoothed {smoothed:.4g}.",
            metric=tr(TITLES[self.quantity]),
            batch=reading.batch,
            raw=raw,
            smoothed=smoothed,
        )
        if not self.series.epochs:
            return text
        ended = self.series.epochs[-1]
        train, test = getattr(ended, f"train_{self.quantity}"), getattr(ended, f"test_{self.quantity}")
        epoch = tr("Epoch {epoch}: training {train:.4g}, test {test:.4g}.", epoch=ended.epoch, train=train, test=test)
        return joined(text, epoch)

    def show_reading(self, reading: Reading | None, x: float | None) -> None:
        """Point at a batch, or, without one, at `x` in the curves of other runs, or at nothing."""
        x = reading.x if reading is not None else x
        others = [] if x is None else self.overlay.values_at(self.bottom.axis, x)
        self.crosshair.show_reading(reading, x, others)

    def recolour(self) -> None:
        """Take over the colours of the theme in use."""
        colours = theme.colours()
        self.canvas.setBackground(colours.background)
        for axis in (self.left, self.bottom):
            axis.setPen(pg.mkPen(colours.grid))
            axis.setTextPen(pg.mkPen(colours.text))
            axis.setTickFont(self._small())
            axis.label.setFont(self._small())
            axis.setGrid(255)
        background, off = QColor(colours.background), QColor(colours.grid)
        for name, curve in self.curves.items():
            colour = QColor(getattr(colours, name))
            curve.recolour(colour, background)
            entry = QIcon()
            entry.addPixmap(curve.sample(colour), QIcon.Mode.Normal, QIcon.State.On)
            entry.addPixmap(curve.sample(off), QIcon.Mode.Normal, QIcon.State.Off)
            self.legend[name].setIcon(entry)
        self.marks.recolour(QColor(colours.text), background, self._small())
        self._live.update()
        self._means.update()
        self.overlay.recolour()
        self.crosshair.recolour(colours)

    def _small(self) -> QFont:
        font = QFont(self.font())
        font.setPointSizeF(max(font.pointSizeF() * 0.85, 6.0))
        return font

    def retranslate(self) -> None:
        """Set every text in the current language."""
        title = tr(TITLES[self.quantity])
        self._title.setText(title)
        self.setAccessibleName(title)
        self.canvas.setAccessibleName(tr("Curves of the {metric}", metric=title))
        for name, button in self.legend.items():
            button.setText(tr(_KINDS[name].name))
            button.setToolTip(tr(_KINDS[name].hint))
            button.setAccessibleName(titled(title, tr(_KINDS[name].name)))
        self.set_axis(self.bottom.axis)

    @Slot()
    def _on_legend(self) -> None:
        for name, button in self.legend.items():
            self.curves[name].visible = button.isChecked()
        self._live.update()
        self._means.update()

    @Slot(object)
    def _on_zoomed(self, _: object) -> None:
        self.follow_y = False
        self.zoomed.emit()

    @Slot()
    def _on_range(self) -> None:
        self._stale = True
        self.area.update()

    @Slot()
    def _on_prepare(self) -> None:
        """Just before painting: the curves go with the axes, however often the user moves them."""
        if self._stale:
            self._place_curves()

    @Slot()
    def _on_tell(self) -> None:
        self.canvas.setAccessibleDescription(self.description())

    @Slot(object)
    def _on_mouse(self, place: QPointF) -> None:
        inside = self.area.sceneBoundingRect().contains(place)
        self.hovered.emit(float(self.area.mapSceneToView(place).x()) if inside else None)

    @Slot()
    def _on_left(self) -> None:
        self.hovered.emit(None)

    @Slot(object)
    def _on_key(self, key: str) -> None:
        if key == "fit":
            self.fit_asked.emit()
            return
        (left, right), (bottom, top) = self.area.viewRange()
        x, y = 0.1 * (right - left), 0.1 * (top - bottom)
        if key in ("in", "out"):
            factor = 0.8 if key == "in" else 1.25
            self.area.scaleBy((factor, factor))
        else:
            by = {"left": (-x, 0.0), "right": (x, 0.0), "up": (0.0, y), "down": (0.0, -y)}[key]
            self.area.translateBy(by)
        self._on_zoomed(None)
