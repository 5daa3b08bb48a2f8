"""A curve as the pixels it is made of.

Lines are drawn one by one: Qt strokes a long antialiased path twenty times slower, and shows nothing more. They are
handed to it as the array that NumPy made: one Python object a line would take as long as all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget
from shiboken6.Shiboken import wrapInstance

from desktop_trainer.report.smoothing import Floats

_MOST_MARKERS = 120
_LONGEST = 50_000.0
"""Pixels along a curve: a longer one, far zoomed in, is not cut into dashes."""

DASHED = (5.0, 3.5)
"""Pixels drawn and left out, in turns."""

_CORNERS = {
    "diamond": ((0.0, -4.6), (4.0, 0.0), (0.0, 4.6), (-4.0, 0.0)),
    "square": ((-3.2, -3.2), (3.2, -3.2), (3.2, 3.2), (-3.2, 3.2)),
    "triangle": ((0.0, -4.4), (4.2, 3.2), (-4.2, 3.2)),
}

_DOT = 2.0
"""Radius of a point that no line reaches, as the first batch of a run is."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a curve is drawn, besides its colour.

    Attributes:
        dashes: pixels drawn and left out, in turns; empty for a solid line.
        marker: ``circle``, ``diamond``, ``square``, ``triangle`` or empty.
    """

    width: float
    dashes: tuple[float, ...] = ()
    marker: str = ""


class Curves(QGraphicsItem):
    """Several curves as one item of the scene, in the pixels of its parent, which it fills.

    Qt asks each item of a scene for its bounds again and again, so that one is cheaper than many.
    """

    def __init__(self, curves: Iterable[CurveItem], parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self.curves = list(curves)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)

    def boundingRect(self) -> QRectF:
        """Qt's: all of the parent, which clips what is outside."""
        return self.parentItem().boundingRect()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:  # noqa: ARG002
        """Qt's."""
        for curve in self.curves:
            if curve.visible:
                curve.paint(painter)


class CurveItem:
    """A curve in pixels.

    Attributes:
        visible: whether it is to be drawn.
    """

    def __init__(self, look: Look) -> None:
        self.look, self.visible = look, True
        self._lines = np.empty((0, 4))
        self._markers: list[QPointF] = []
        self._dots: list[QPointF] = []
        self.recolour(QColor("black"), QColor("white"))

    def recolour(self, colour: QColor, background: QColor) -> None:
        """Draw in `colour` from now on."""
        self._pen = QPen(colour, self.look.width)
        self._pen.setCosmetic(True)
        self._brush, self._rim = colour, QPen(background, 1.0)

    def set_polyline(self, x: Floats, y: NDArray[np.floating]) -> None:
        """Go from point to point, ``(n,)`` each; a point that is not finite is a gap."""
        finite = np.isfinite(x) & np.isfinite(y)
        drawn = finite[:-1] & finite[1:]
        lines = _lines(x[:-1][drawn], y[:-1][drawn], x[1:][drawn], y[1:][drawn])
        self._lines = _dashed(lines, self.look.dashes) if self.look.dashes else lines
        alone = finite & ~np.append(drawn, False) & ~np.append(False, drawn)
        self._dots = [] if self.look.marker else list(map(QPointF, x[alone].tolist(), y[alone].tolist()))
        marked = finite if self.look.marker and len(x) <= _MOST_MARKERS else np.zeros(len(x), bool)
        self._markers = list(map(QPointF, x[marked].tolist(), y[marked].tolist()))

    def set_bars(self, x: Floats, low: NDArray[np.floating], high: NDArray[np.floating]) -> None:
        """Draw a vertical bar for each column of pixels, ``(n,)`` each, long enough to meet the one before it."""
        low, high = low.copy(), high.copy()
        np.fmin(low[1:], high[:-1], out=low[1:])
        np.fmax(high[1:], low[:-1], out=high[1:])
        finite = np.isfinite(low) & np.isfinite(high)
        # A line without length would be drawn as nothing.
        self._lines = _lines(x[finite], low[finite], x[finite], high[finite] + 0.5)
        self._markers, self._dots = [], []

    def paint(self, painter: QPainter) -> None:
        """Draw it."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, self.look.width > 1.0)
        if len(self._lines):
            painter.setPen(self._pen)
            first = cast(QLineF, wrapInstance(self._lines.ctypes.data, QLineF))
            painter.drawLines(first, len(self._lines))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._brush)
        for place in self._dots:
            painter.drawEllipse(place, _DOT, _DOT)
        painter.setPen(self._rim)
        for place in self._markers:
            draw_marker(painter, self.look.marker, place)

    def sample(self, colour: QColor) -> QPixmap:
        """A piece of the curve for its entry in the legend, 22 x 12 pixels at twice the usual resolution."""
        pixmap = QPixmap(44, 24)
        pixmap.setDevicePixelRatio(2)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(colour, max(self.look.width, 1.6))
        if self.look.dashes:
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            pen.setDashPattern([length / pen.widthF() for length in self.look.dashes])
        painter.setPen(pen)
        painter.drawLine(0, 6, 22, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        draw_marker(painter, self.look.marker, QPointF(11, 6))
        painter.end()
        return pixmap


def draw_marker(painter: QPainter, marker: str, place: QPointF) -> None:
    """Draw a marker of a `Look` with the painter's pen and brush."""
    if marker == "circle":
        painter.drawEllipse(place, 3.6, 3.6)
    elif marker:
        painter.drawPolygon([QPointF(place.x() + x, place.y() + y) for x, y in _CORNERS[marker]])


def _lines(*ends: NDArray[np.floating]) -> Floats:
    """Lines as Qt keeps them in memory: x and y of one end, then of the other, in doubles."""
    return np.ascontiguousarray(np.stack(ends, axis=1), np.float64)


def _dashed(lines: Floats, dashes: tuple[float, ...]) -> Floats:
    """The parts of `lines`, ``(n, 4)``, that a pattern of `dashes` leaves, measured along all of them."""
    lengths = np.hypot(lines[:, 2] - lines[:, 0], lines[:, 3] - lines[:, 1])
    way: Floats = np.concatenate(([0.0], np.cumsum(lengths)))
    if not 0 < way[-1] <= _LONGEST:
        return lines
    ends = np.cumsum(dashes)
    periods = np.arange(0.0, way[-1], ends[-1])[:, None]
    cuts: Floats = np.unique(np.concatenate((way, (periods + ends).ravel())))
    cuts = cuts[cuts <= way[-1]]
    middles = (cuts[:-1] + cuts[1:]) / 2
    on = np.searchsorted(ends, middles % ends[-1], side="right") % 2 == 0
    piece = np.searchsorted(way, middles[on], side="right") - 1
    shares = ((cut - way[piece]) / lengths[piece] for cut in (cuts[:-1][on], cuts[1:][on]))
    first, second = ((1 - share)[:, None] * lines[piece, :2] + share[:, None] * lines[piece, 2:] for share in shares)
    return np.ascontiguousarray(np.concatenate((first, second), axis=1))
