"""Marks in a plot where the settings of the run at hand changed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

_MARGIN, _LEAST = 4.0, 30.0
"""Pixels beside a text, and the fewest in which one can be read."""


class Marks(QGraphicsItem):
    """Dashed lines over the whole height of the parent, each with a text at its top as far as there is room."""

    def __init__(self, parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self._marks: list[tuple[float, str]] = []
        self.font, self.colour, self.background = QFont(), QColor(), QColor()
        self.hide()

    def boundingRect(self) -> QRectF:
        """Qt's: all of the parent, which clips what is outside."""
        return self.parentItem().boundingRect()

    def place(self, marks: Sequence[tuple[float, str]]) -> None:
        """Show `marks`: from the left, x in pixels and a text each."""
        if list(marks) != self._marks:
            self.prepareGeometryChange()
            self._marks = list(marks)
            self.setVisible(bool(marks))
            self.update()

    def recolour(self, colour: QColor, background: QColor, font: QFont) -> None:
        """Draw in `colour` and write in `font`, over `background`, from now on."""
        self.colour, self.background, self.font = colour, background, font
        self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:  # noqa: ARG002
        """Qt's."""
        area, letters = self.boundingRect(), QFontMetricsF(self.font)
        pen = QPen(self.colour, 1.0, Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setFont(self.font)
        ends = [x for x, _ in self._marks[1:]] + [area.right()]
        for (x, text), end in zip(self._marks, ends, strict=True):
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            room = min(end, area.right()) - x - 2 * _MARGIN
            if room >= _LEAST:
                shown = letters.elidedText(text, Qt.TextElideMode.ElideRight, room)
                foot = QPointF(x + _MARGIN, area.top() + _MARGIN + letters.ascent())
                painter.fillRect(letters.boundingRect(shown).translated(foot), self.background)
                painter.drawText(foot, shown)
