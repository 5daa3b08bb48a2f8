"""The line under the cursor and the numbers beside it."""

from __future__ import annotations

import html
from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QObject, QRectF, Qt
from PySide6.QtWidgets import QLabel, QWidget

from desktop_trainer.i18n import tr
from desktop_trainer.report.series import Reading
from desktop_trainer.ui.curves.axes import Area, number
from desktop_trainer.ui.theme import CurveColours

_MARGIN = 8
_MOST_OTHERS = 8
"""More lines than this would hide the curves."""


class Crosshair(QObject):
    """A vertical line in `area` and a label over `canvas`; `metric` says which of a reading's numbers are shown."""

    def __init__(self, area: Area, canvas: QWidget, metric: str) -> None:
        super().__init__(canvas)
        self._area, self._metric = area, metric
        self._line = pg.InfiniteLine(angle=90, movable=False)
        self._line.setZValue(50)
        self._line.hide()
        area.addItem(self._line, ignoreBounds=True)
        self.label = QLabel(canvas)
        self.label.setProperty("role", "readout")
        self.label.setTextFormat(Qt.TextFormat.RichText)
        self.label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.label.hide()

    def recolour(self, colours: CurveColours) -> None:
        """Take over the colours of a theme."""
        self._colours = colours
        self._line.setPen(pg.mkPen(colours.crosshair, width=1, style=Qt.PenStyle.DotLine))

    def show_reading(
        self, reading: Reading | None, x: float | None = None, others: Sequence[tuple[str, str, float]] = ()
    ) -> None:
        """Point at a reading, at `x` with colour, name and value of each of `others`, or at nothing."""
        x = x if reading is None else reading.x
        shown = x is not None and (reading is not None or bool(others))
        if not shown and not self._line.isVisible():
            return
        self._line.setVisible(shown)
        self.label.setVisible(shown)
        if x is None or not shown:
            return
        self._line.setPos(x)
        self.label.setText(self._text(reading, others))
        self.label.adjustSize()
        self._place(self._area.sceneBoundingRect(), self._area.mapViewToScene(pg.Point(x, 0)).x())

    def _place(self, area: QRectF, x: float) -> None:
        """Beside the top corner that the line is farther from."""
        left, right = area.left() + _MARGIN, area.right() - _MARGIN - self.label.width()
        self.label.move(round(right if x < area.center().x() else left), round(area.top() + _MARGIN))

    def _text(self, reading: Reading | None, others: Sequence[tuple[str, str, float]]) -> str:
        rows = [*(self._rows(reading) if reading is not None else ()), *others[:_MOST_OTHERS]]
        cells = "".join(_ROW.format(colour=colour, name=html.escape(name), value=value) for colour, name, value in rows)
        head = ""
        if reading is not None:
            text = tr("Epoch {epoch}, batch {batch}", epoch=reading.epoch, batch=number(reading.batch_in_epoch))
            head = f"<b>{html.escape(text)}</b>"
        return f"{head}<table cellspacing='0' cellpadding='1'>{cells}</table>"

    def _rows(self, reading: Reading) -> list[tuple[str, str, float]]:
        raw, smoothed = reading.values[self._metric]
        rows = [(self._colours.batch, tr("This batch"), raw), (self._colours.smoothed, tr("Smoothed"), smoothed)]
        if reading.ended is not None:
            rows.append((self._colours.train, tr("Epoch, training"), getattr(reading.ended, f"train_{self._metric}")))
            rows.append((self._colours.test, tr("Epoch, test"), getattr(reading.ended, f"test_{self._metric}")))
        return rows


_ROW = (
    "<tr><td style='color:{colour}'>&#9632;&nbsp;</td><td>{name}&nbsp;&nbsp;</td><td "
    "align='right'>{value:.4g}</td></tr>"
)
