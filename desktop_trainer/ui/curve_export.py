"""Saves the curves as an image, a drawing or a table. Knows the panel that shows them, and no run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, QSaveFile, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QAction, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QProgressDialog, QWidget

from desktop_trainer.i18n import mark, tr
from desktop_trainer.ui.series import Series

if TYPE_CHECKING:
    from desktop_trainer.engine.events import EpochEnded
    from desktop_trainer.ui.curve_plot import CurvePlot
    from desktop_trainer.ui.curves import CurvesPanel

_KINDS = {
    "png": (mark("Save the plots as an image (PNG)…"), mark("PNG image")),
    "svg": (mark("Save the plots as a drawing (SVG)…"), mark("SVG drawing")),
    "csv": (mark("Save every number as a table (CSV)…"), mark("CSV table")),
}

_HEADER = "batch,epoch,batch_in_epoch,loss,accuracy,correct,count,lr,seconds,train_loss,train_accuracy,test_loss,test_accuracy\n"
_ROWS = 5000


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
        self.retranslate()

    def _entry(self, kind: str) -> QAction:
        action = self.addAction("")
        action.setObjectName(f"save_{kind}")
        action.setData(kind)
        action.triggered.connect(self._on_save)
        return action

    def retranslate(self) -> None:
        """Set every text in the current language."""
        self._fit.setText(tr("Fit"))
        for kind, action in self._save.items():
            action.setText(tr(_KINDS[kind][0]))

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
            TableExport(path, self._panel.series, self._panel)
            return
        self._panel.draw()
        plots = self._panel.plots
        problem = write(path, png(plots) if kind == "png" else svg(plots))
        if problem:
            _complain_of_curves(self._panel, path, problem)


def png(plots: Sequence[CurvePlot]) -> bytes:
    """The plots, one below the other, as a PNG image of twice the size on the screen."""
    size = _size(plots)
    image = QImage(size * 2, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(2)
    painter = QPainter(image)
    _paint(plots, painter, size)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())


def svg(plots: Sequence[CurvePlot]) -> bytes:
    """The plots, one below the other, as an SVG drawing."""
    data, size = QByteArray(), _size(plots)
    buffer = QBuffer(data)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(plots[0].rect().united(plots[0].rect().translated(0, size.height() - plots[0].height())))
    painter = QPainter(generator)
    _paint(plots, painter, size)
    painter.end()
    return bytes(data.data())


def _size(plots: Sequence[CurvePlot]) -> QSize:
    return QSize(max(plot.width() for plot in plots), sum(plot.height() for plot in plots))


def _paint(plots: Sequence[CurvePlot], painter: QPainter, size: QSize) -> None:
    painter.fillRect(0, 0, size.width(), size.height(), plots[0].palette().window())
    top = 0
    for plot in plots:
        plot.keep_pictures(False)  # they have the resolution of the screen
        plot.render(painter, QPoint(0, top))
        plot.keep_pictures(True)
        top += plot.height()


def write(path: Path, data: bytes) -> str:
    """Write a whole file or none; returns what went wrong, if anything did."""
    file = QSaveFile(str(path))
    if file.open(QIODevice.OpenModeFlag.WriteOnly):
        file.write(data)
        if file.commit():
            return ""
    return file.errorString()


def complain(parent: QWidget, title: str, text: str) -> None:
    """Say what went wrong, why, and what to do, without holding anything up."""
    box = QMessageBox(QMessageBox.Icon.Warning, title, text, parent=parent)
    box.setObjectName("not_saved")
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()


def _complain_of_curves(parent: QWidget, path: Path, reason: str) -> None:
    text = tr("The curves could not be saved to {path}: {reason}. Choose another place.", path=path, reason=reason)
    complain(parent, tr("Save the curves"), text)


def table(series: Series) -> Iterator[str]:
    """The records that are there now as CSV, some thousand lines at a time; an epoch's means stand beside its last batch."""
    columns = [column.values for column in (series.loss, series.correct, series.count, series.lr, series.seconds)]
    means = {ended.epoch * series.batches_per_epoch: ended for ended in series.epochs}
    return _portions(columns, series.origin, series.batches_per_epoch, means)


def _portions(
    columns: Sequence[NDArray[Any]], origin: int, per_epoch: int, means: dict[int, EpochEnded]
) -> Iterator[str]:
    yield _HEADER
    for first in range(0, len(columns[0]), _ROWS):
        rows = zip(*(column[first : first + _ROWS].tolist() for column in columns), strict=True)
        yield "".join(_line(origin + first + at, per_epoch, row, means) for at, row in enumerate(rows))


def _line(batch: int, per_epoch: int, row: tuple[float, ...], means: dict[int, EpochEnded]) -> str:
    loss, correct, count, lr, seconds = row
    epoch, before = divmod(batch - 1, per_epoch)
    accuracy = f"{correct / count:.6g}" if count else ""
    ended = means.get(batch)
    rest = (
        f"{ended.train_loss:.6g},{ended.train_accuracy:.6g},{ended.test_loss:.6g},{ended.test_accuracy:.6g}"
        if ended is not None
        else ",,,"
    )
    return f"{batch},{epoch + 1},{before + 1},{loss:.8g},{accuracy},{correct},{count},{lr:.8g},{seconds:.6f},{rest}\n"


class TableExport(QProgressDialog):
    """Writes the table a portion at a time, so that the window stays alive; Cancel leaves no file."""

    def __init__(self, path: Path, series: Series, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("table_export")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Save the curves"))
        self.setLabelText(tr("Writing {count} records…", count=len(series)))
        self.setCancelButtonText(tr("Cancel"))
        self.setMaximum(-(-len(series) // _ROWS) + 1)
        self.setAutoClose(False)
        self._path, self._file = path, QSaveFile(str(path))
        self._lines = table(series)
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
