"""The area that a plot is drawn in, and the axes beside it: what the mouse does there, and how ticks read."""

from __future__ import annotations

import math
from time import thread_time
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QPaintEvent
from PySide6.QtWidgets import QGraphicsScene, QGraphicsView

from desktop_trainer.quantities import clock
from desktop_trainer.report.series import Axis

pg.setConfigOptions(antialias=False, useOpenGL=False)

_MANTISSAS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))

_ROOM = 100
"""Pixels of an axis below which it has fewer ticks."""


class Area(pg.ViewBox):  # type: ignore[misc]
    """Where the curves are: the wheel zooms, a drag pans; both clicks that mean more are signals.

    Signals:
        double_clicked. menu_asked: with the place on the screen.
    """

    double_clicked = Signal()
    menu_asked = Signal(QPoint)

    def __init__(self) -> None:
        self._bounds: QRectF | None = None
        super().__init__(enableMenu=False, defaultPadding=0.0)
        self.disableAutoRange()
        self.setLimits(minXRange=1e-6, minYRange=1e-9)
        self.geometryChanged.connect(self._on_geometry)

    @Slot()
    def _on_geometry(self) -> None:
        self._bounds = None

    def boundingRect(self) -> QRectF:
        """pyqtgraph's, kept, because Qt asks for it, and for that of every curve, many times a frame."""
        if self._bounds is None:
            self._bounds = super().boundingRect()
        return self._bounds

    def mouseClickEvent(self, event: Any) -> None:
        """pyqtgraph's: a click that was not a drag."""
        if event.button() is Qt.MouseButton.LeftButton and event.double():
            event.accept()
            self.double_clicked.emit()
        elif event.button() is Qt.MouseButton.RightButton:
            event.accept()
            self.menu_asked.emit(event.screenPos().toPoint())


class Canvas(pg.GraphicsView):  # type: ignore[misc]
    """The widget that shows an `Area` with its axes, works with the keyboard too, and knows what painting cost.

    Signals:
        left: the mouse has left. key_used: ``left``, ``right``, ``up``, ``down``, ``in``, ``out`` or ``fit``.
    """

    left = Signal()
    key_used = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # its background covers it
        self.setCacheMode(QGraphicsView.CacheModeFlag.CacheNone)  # one colour is filled in faster than copied
        self.scene().setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)  # there are few items
        self.paint_seconds = 0.0

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's."""
        began = thread_time()
        super().paintEvent(event)
        self.paint_seconds += thread_time() - began

    def leaveEvent(self, event: QEvent) -> None:
        """Qt's."""
        super().leaveEvent(event)
        self.left.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's: arrows pan, plus and minus zoom, Home fits; every other key is the window's."""
        if event.key() in _KEYS:
            self.key_used.emit(_KEYS[Qt.Key(event.key())])
        else:
            event.ignore()


_KEYS: dict[int, str] = {
    Qt.Key.Key_Left: "left",
    Qt.Key.Key_Right: "right",
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Down: "down",
    Qt.Key.Key_Plus: "in",
    Qt.Key.Key_Equal: "in",
    Qt.Key.Key_Minus: "out",
    Qt.Key.Key_Home: "fit",
}


class Scale(pg.AxisItem):  # type: ignore[misc]
    """An axis whose ticks read as people write them.

    Attributes:
        axis: what runs along it, if it is an x axis.
    """

    def __init__(self, orientation: str) -> None:
        self._bounds: QRectF | None = None
        super().__init__(orientation)
        self.enableAutoSIPrefix(False)
        self.setStyle(tickLength=0, tickTextOffset=6, autoExpandTextSpace=False, hideOverlappingLabels=False)
        self.setZValue(-1000)
        self.axis = Axis.BATCHES

    def linkToView(self, view: Area) -> None:
        """pyqtgraph's."""
        super().linkToView(view)
        for item in (self, view):
            item.geometryChanged.connect(self._on_geometry)

    @Slot()
    def _on_geometry(self) -> None:
        self._bounds = None

    def boundingRect(self) -> QRectF:
        """pyqtgraph's, kept, because Qt asks for it many times a frame; with room for the texts at both ends."""
        if self._bounds is None:
            self._bounds = super().boundingRect().adjusted(-15, -8, 15, 8)
        return self._bounds

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float | None, list[float]]]:
        """pyqtgraph's: the places of the ticks, all of one level."""
        if self.logMode:
            return self.logTickValues(low, high)
        values, spacing = ticks(low, high, 4 if size >= _ROOM else 3)
        return [(spacing, values)]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: ARG002
        """pyqtgraph's: the texts of the ticks."""
        if self.logMode:
            return [f"{10.0**value:g}" for value in values]
        if self.orientation == "bottom" and self.axis is Axis.SECONDS:
            return [clock(value) for value in values]
        places = max(0, math.ceil(-math.log10(spacing) - 1e-9))
        return [number(value, places) for value in values]

    def logTickValues(self, low: float, high: float, *_: object) -> list[tuple[float | None, list[float]]]:
        """pyqtgraph's: ticks between the logarithms `low` and `high`, also where they lie within one decade."""
        decades = np.arange(math.floor(low), math.ceil(high) + 1)
        for mantissas in _MANTISSAS:
            places = (decades[:, None] + np.log10(mantissas)).reshape(-1)
            inside = places[(places >= low) & (places <= high)]
            if len(inside) >= 3:
                return [(None, inside[:: -(-len(inside) // 8)].tolist())]
        step = 10.0 ** math.floor(math.log10(10.0**high - 10.0**low))
        plain = np.arange(math.ceil(10.0**low / step), 10.0**high / step + 1) * step
        return [(None, np.log10(plain[plain > 0]).tolist())]


def ticks(low: float, high: float, least: int = 4) -> tuple[list[float], float]:
    """Round numbers from `low` to `high` at one spacing (1, 2 or 5 times a power of ten), and that spacing.

    It is the widest one of which there are `least`.
    """
    power = math.floor(math.log10(high - low))
    spacings = (step * 10.0**exponent for exponent in range(power, power - 4, -1) for step in (5, 2, 1))
    for spacing in spacings:
        first, last = math.ceil(low / spacing - 1e-9), math.floor(high / spacing + 1e-9)
        if last - first + 1 >= least:
            return [index * spacing for index in range(first, last + 1)], spacing
    return [], 1.0


def number(value: float, places: int = 0) -> str:
    """A number with spaces between its thousands; very large and small ones as powers of ten."""
    if value != 0 and not 1e-5 <= abs(value) < 1e9:
        return f"{value:g}"
    return f"{value:,.{places}f}".replace(",", " ")
