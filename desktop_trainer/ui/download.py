"""The dialog that fetches a dataset: bytes, time left, Cancel."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QProgressBar, QVBoxLayout, QWidget

from desktop_trainer.experiment.choices import DatasetChoice
from desktop_trainer.i18n import tr
from desktop_trainer.ui.naming import named
from desktop_trainer.ui.thread import IteratorThread
from desktop_trainer.ui.wrapped_label import WrappedLabel

if TYPE_CHECKING:
    from collections.abc import Generator

    from desktop_trainer.files.download import DownloadProgress

_WINDOW = 5.0
"""Seconds over which the speed is averaged."""


class DownloadDialog(QDialog):
    """Fetches a dataset into a folder as soon as it is shown; accepted when all files are verified and in place."""

    def __init__(self, dataset: DatasetChoice, root: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("download")
        self.setWindowTitle(tr("Download {dataset}", dataset=tr(dataset.label)))
        self.setMinimumWidth(460)
        self._marks: deque[tuple[float, int]] = deque()
        self._error: BaseException | None = None
        self._finished = False
        target = tr("Into {folder}. A download that is cancelled goes on where it ended.", folder=root)
        self._what = named(WrappedLabel(), "download_what")
        self._what.setText(tr("Connecting…"))
        self._bar = named(QProgressBar(maximum=0), "download_bar")
        self._figures = named(WrappedLabel(), "download_figures")
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._buttons.rejected.connect(self._on_cancel)
        layout = QVBoxLayout(self)
        for widget in (QLabel(target, wordWrap=True), self._what, self._bar, self._figures, self._buttons):
            layout.addWidget(widget)
        self._thread = IteratorThread(lambda: _fetch(dataset, root), self)
        self._thread.item.connect(self._on_progress)
        self._thread.failed.connect(self._on_failed)
        self._thread.finished.connect(self._on_finished)
        self._thread.start()

    def close_thread(self) -> None:
        """Cancel, and wait for the thread: the window is closing."""
        self._thread.stop()
        self._thread.wait()

    @property
    def text(self) -> str:
        """The figures, or the reason of a failure."""
        return self._figures.text()

    @Slot(object)
    def _on_progress(self, progress: DownloadProgress) -> None:
        if progress.phase == "waiting":
            self._what.setText(tr("Waiting: another program is downloading into this folder"))
            self._bar.setMaximum(0)
            return
        names = {"file": progress.file, "number": progress.number, "count": progress.count, "mirror": progress.mirror}
        unpacking = progress.phase == "unpacking"
        text = tr("Unpacking {file} ({number} of {count})", **names)
        self._what.setText(text if unpacking else tr("{file} ({number} of {count}) from {mirror}", **names))
        self._bar.setMaximum(1000 if progress.total else 0)
        self._bar.setValue(round(1000 * progress.done / progress.total) if progress.total else 0)
        self._figures.setText("  ·  ".join(self._parts(progress)))

    def _parts(self, progress: DownloadProgress) -> list[str]:
        from desktop_trainer.quantities import duration

        now = monotonic()
        if self._marks and progress.done < self._marks[-1][1]:
            self._marks.clear()
        self._marks.append((now, progress.done))
        while len(self._marks) > 2 and now - self._marks[0][0] > _WINDOW:
            self._marks.popleft()
        amount = f"{progress.done / 1e6:.1f} MB"
        parts = [f"{amount} / {progress.total / 1e6:.1f} MB" if progress.total else amount]
        (began, first), (_, last) = self._marks[0], self._marks[-1]
        if now > began and last > first:
            speed = (last - first) / (now - began)
            parts.append(f"{speed / 1e6:.1f} MB/s")
            if progress.total:
                parts.append(tr("ETA {time}", time=duration((progress.total - progress.done) / speed)))
        return parts

    @Slot(object)
    def _on_failed(self, error: BaseException) -> None:
        self._error = error

    @Slot()
    def _on_finished(self) -> None:
        self._finished = True
        if self._error is None and not self._thread.isInterruptionRequested():
            self.accept()
        elif self._error is None:
            super().reject()
        else:
            self._bar.setMaximum(1000)
            self._what.setText(tr("The download failed."))
            self.resize(680, self.height())
            self._figures.setText(str(self._error))
            self.adjustSize()
            self._buttons.setStandardButtons(QDialogButtonBox.StandardButton.Close)

    @Slot()
    def _on_cancel(self) -> None:
        """Stop after the piece that is on its way; the dialog closes when the thread has ended."""
        if self._finished:
            super().reject()
        else:
            self._what.setText(tr("Cancelling…"))
            self._thread.stop()

    def reject(self) -> None:
        """Qt's, on Escape: as Cancel."""
        self._on_cancel()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Qt's: the thread must not outlive the dialog."""
        if self._finished:
            super().closeEvent(event)
        else:
            event.ignore()
            self._on_cancel()


def _fetch(dataset: DatasetChoice, root: Path) -> Generator[DownloadProgress, None, None]:
    """Called in the thread."""
    from desktop_trainer.files.download import download

    yield from download(dataset, root)
