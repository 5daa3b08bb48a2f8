"""Keeps the list of runs up to date behind the window: when a folder comes or goes, when asked, and now and then."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal, Slot

from desktop_trainer.ui.runs.model import Changes, changes
from desktop_trainer.ui.thread import IteratorThread

if TYPE_CHECKING:
    from desktop_trainer.runs.index import RunIndex
    from desktop_trainer.runs.summary import RunSummary

_QUICK_S, _SLOW_S = 0.3, 5.0
_QUICK_SHARE, _SLOW_SHARE = 5, 30
"""Between two readings lie at least so many times what the last one took: ten thousand folders take their time."""


class RunFeed(QObject):
    """Reads the runs in a thread and says what is different from `known`.

    Signals:
        changed: the `Changes` since the last time. failed: the exception that ended a reading.
        read: a reading has ended, whether anything was different or not.
    """

    changed = Signal(object)
    failed = Signal(object)
    read = Signal()

    def __init__(self, runs: Path, known: Callable[[], dict[Path, RunSummary]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs, self._known = runs, known
        self._thread: IteratorThread | None = None
        self._index: RunIndex | None = None
        self._again, self._watching = False, False
        self._began, self._cost = 0.0, 0.0
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(self._on_folder)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.refresh)

    @property
    def busy(self) -> bool:
        """Whether a reading is going on."""
        return self._thread is not None

    @Slot()
    def refresh(self) -> None:
        """Read now; if that is being done already, once more afterwards."""
        self._timer.stop()
        if self._thread is not None:
            self._again = True
            return
        self._again, self._began = False, monotonic()
        self._thread = IteratorThread(partial(self._read, self._known()), self)
        self._thread.item.connect(self.changed)
        self._thread.failed.connect(self.failed)
        self._thread.finished.connect(self._on_finished)
        self._thread.start()

    @Slot()
    def refresh_soon(self, *_: object) -> None:
        """Read before long, several wishes at once."""
        self._schedule(max(_QUICK_S, _QUICK_SHARE * self._cost))

    def watch(self, on: bool) -> None:
        """Whether to read without being asked, too: while somebody is looking."""
        self._watching = on
        if on:
            self.refresh()
        else:
            self._timer.stop()

    def close(self) -> None:
        """Read no more; what is being read comes to its end first."""
        self.watch(False)
        if self._thread is not None:
            self._thread.wait()

    def _schedule(self, seconds: float) -> None:
        wait = round(1000 * seconds)
        if self._watching and not 0 <= self._timer.remainingTime() <= wait:
            self._timer.start(wait)

    def _read(self, known: dict[Path, RunSummary]) -> Generator[Changes, None, None]:
        """Called in the thread. The index is kept: it remembers what it has read."""
        from desktop_trainer.runs.index import RunIndex

        self._index = self._index or RunIndex(self._runs)
        found = changes(known, self._index.refresh())
        if found.gone or found.fresh:
            yield found

    @Slot(str)
    def _on_folder(self, _: str) -> None:
        self.refresh_soon()

    @Slot()
    def _on_finished(self) -> None:
        if self._thread is not None:
            self._thread.deleteLater()
        self._thread, self._cost = None, monotonic() - self._began
        if not self._watcher.directories() and self._runs.is_dir():
            self._watcher.addPath(str(self._runs))
        if self._again and self._watching:
            self.refresh()
        else:
            self._schedule(max(_SLOW_S, _SLOW_SHARE * self._cost))
        self.read.emit()
