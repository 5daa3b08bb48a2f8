"""Saves the curves as an image, a drawing or a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, QRect, QSaveFile, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QAction, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QMenu, QProgressDialog, QWidget

from desktop_trainer.i18n import grouped, mark, tr, trn
from desktop_trainer.report.number_tables import ROWS, curves_table
from desktop_trainer.report.series import Series
from desktop_trainer.ui.saving import complain, write

if TYPE_CHECKING:
    from desktop_trainer.ui.curves.overlay import OverlaidRun
    from desktop_trainer.ui.curves.panel import CurvesPanel
    from desktop_trainer.ui.curves.plot import CurvePlot

_KINDS = {
    "png": (mark("Save the plots as an image (PNG)…"), mark("PNG image")),
    "svg": (mark("Save the plots as a drawing (SVG)…"), mark("SVG drawing")),
    "csv": (mark("Save every number as a table (CSV)…"), mark("CSV table")),
}

_LEGEND_MARGIN = 8


class CurveMenu(QMenu):
    """What can be done with the curves of `panel`."""

    def __init__(self, panel: CurvesPanel) -> None:
        super().__init__(panel)
        self.setObjectName("curve_menu")
        self._panel = panel
        self._fit = self.addAction("")
        self._fit.triggered.connect(panel.fit)
        self.addSeparator()
        self._save = {kind: self._entry(kind) for kind in _KINDS}
        self.aboutToShow.connect(self.retranslate)
        self.retranslate()

    def _others(self) -> list[OverlaidRun]:
        """The other runs whose curves are shown."""
        return [run for run in self._panel.overlay if run.shown]

    def _entry(self, kind: str) -> QAction:
        action = self.addAction("")
        action.setObjectName(f"save_{kind}")
        action.setData(kind)
        action.triggered.connect(self._on_save)
        return action

    @Slot()
    def retranslate(self) -> None:
        """Set every text in the current language; it says of how many runs the numbers are."""
        self._fit.setText(tr("Fit"))
        for kind, action in self._save.items():
            action.setText(tr(_KINDS[kind][0]))
        runs = len(self._others()) + bool(self._panel.series)
        if self._others():
            self._save["csv"].setText(
                trn(
                    "Save every number of the {n} run shown as a table (CSV)…",
                    "Save every number of the {n} runs shown as a table (CSV)…",
                    runs,
                )
            )

    @Slot()
    def _on_save(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        kind = action.data()
        what = f"{tr(_KINDS[kind][1])} (*.{kind})"
        name, _ = QFileDialog.getSaveFileName(self._panel, tr("Save the curves"), f"curves.{kind}", what)
        if name:
            path = Path(name)
            self.save(path if path.suffix else path.with_suffix(f".{kind}"), kind)

    def save(self, path: Path, kind: str) -> None:
        """Write `path` as ``png``, ``svg`` or ``csv``; says so if that fails."""
        if kind == "csv":
            TableExport(path, self._panel.series, self._others(), self._panel)
            return
        self._panel.draw()
        plots, others = self._panel.plots, self._others()
        problem = write(path, png(plots, others) if kind == "png" else svg(plots, others))
        if problem:
            _complain_of_curves(self._panel, path, problem)


def png(plots: Sequence[CurvePlot], others: Sequence[OverlaidRun] = ()) -> bytes:
    """The plots, one below the other, and the legend of the `others`, as a PNG image of twice the size on the
    screen.
    """
    size = _size(plots, others)
    image = QImage(size * 2, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(2)
    painter = QPainter(image)
    _paint(plots, others, painter, size)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())


def svg(plots: Sequence[CurvePlot], others: Sequence[OverlaidRun] = ()) -> bytes:
    """The plots, one below the other, and the legend of the `others`, as an SVG drawing."""
    data, size = QByteArray(), _size(plots, others)
    buffer = QBuffer(data)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRect(QPoint(), size))
    painter = QPainter(generator)
    _paint(plots, others, painter, size)
    painter.end()
    return bytes(data.data())


def _size(plots: Sequence[CurvePlot], others: Sequence[OverlaidRun]) -> QSize:
    legend = _line_height(plots[0]) * len(others) + (_LEGEND_MARGIN if others else 0)
    return QSize(max(plot.width() for plot in plots), sum(plot.height() for plot in plots) + legend)


def _line_height(plot: CurvePlot) -> int:
    return plot.fontMetrics().height() + 4


def _paint(plots: Sequence[CurvePlot], others: Sequence[OverlaidRun], painter: QPainter, size: QSize) -> None:
    painter.fillRect(0, 0, size.width(), size.height(), plots[0].palette().window())
    top = 0
    for plot in plots:
        plot.keep_pictures(False)  # they have the resolution of the screen
        plot.render(painter, QPoint(0, top))
        plot.keep_pictures(True)
        top += plot.height()
    _paint_legend(plots[0], others, painter, QRect(0, top, size.width(), size.height() - top))


def _paint_legend(plot: CurvePlot, others: Sequence[OverlaidRun], painter: QPainter, place: QRect) -> None:
    """A line a run, as the legend on the screen, but all of them."""
    if not others:
        return
    painter.fillRect(place, plot.palette().base())
    painter.setFont(plot.font())
    height = _line_height(plot)
    for number, run in enumerate(others):
        line = QRect(12, place.top() + number * height, place.width() - 24, height)
        sample = run.sample()
        painter.drawPixmap(QPoint(line.left(), line.center().y() - 6), sample)
        painter.setPen(plot.palette().text().color())
        room = line.adjusted(30, 0, 0, 0)
        text = plot.fontMetrics().elidedText(run.title, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def _complain_of_curves(parent: QWidget, path: Path, reason: str) -> None:
    text = tr("The curves could not be saved to {path}: {reason}. Choose another place.", path=path, reason=reason)
    complain(parent, tr("Save the curves"), text)


class TableExport(QProgressDialog):
    """Writes the table a portion at a time, so that the window stays alive; Cancel leaves no file."""

    def __init__(self, path: Path, series: Series, others: Sequence[OverlaidRun], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("table_export")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Save the curves"))
        every = [series, *(run.series for run in others)]
        self.setLabelText(tr("Writing {count} records…", count=grouped(sum(map(len, every)))))
        self.setCancelButtonText(tr("Cancel"))
        self.setMaximum(sum(-(-len(each) // ROWS) + 1 for each in every) + 1)
        self.setAutoClose(False)
        self._path, self._file = path, QSaveFile(str(path))
        self._lines = curves_table(series, [(run.name, run.series) for run in others])
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._step)
        self.canceled.connect(self._end)
        if self._file.open(QIODevice.OpenModeFlag.WriteOnly):
            self._timer.start(0)
        else:
            self._fail()

    @Slot()
    def _step(self) -> None:
        lines = next(self._lines, None)
        if lines is None:
            done = self._file.commit()
            self._end() if done else self._fail()
        elif self._file.write(lines.encode()) < 0:
            self._fail()
        else:
            self.setValue(self.value() + 1)

    def _fail(self) -> None:
        parent = self.parentWidget()
        assert parent is not None
        _complain_of_curves(parent, self._path, self._file.errorString())
        self._end()

    @Slot()
    def _end(self) -> None:
        self._timer.stop()
        self._file.cancelWriting()
        self.close()
        self.deleteLater()
