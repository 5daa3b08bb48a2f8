"""Sees to it that an error which nobody caught is written down and shown, and that the window lives."""

from __future__ import annotations

import faulthandler
import logging
import sys
import threading
from logging.handlers import RotatingFileHandler
from types import TracebackType

from PySide6.QtCore import QObject, Signal

from desktop_trainer import folders

_log = logging.getLogger("desktop_trainer")


class FaultReporter(QObject):
    """Takes over the hooks for uncaught exceptions, of every thread.

    The hooks only log and emit: a dialog from another thread would abort the process.

    Signals:
        caught: the exception.
    """

    caught = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path = folders.log_file()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._handler = RotatingFileHandler(self.path, maxBytes=1_000_000, backupCount=2, encoding="utf-8")
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        _log.addHandler(self._handler)
        self._crash_file = (folders.home() / "crash.log").open("w")
        faulthandler.enable(self._crash_file)
        self._hooks = sys.excepthook, threading.excepthook
        sys.excepthook, threading.excepthook = self._on_exception, self._on_thread_exception

    def close(self) -> None:
        """Give the hooks back."""
        sys.excepthook, threading.excepthook = self._hooks
        _log.removeHandler(self._handler)
        self._handler.close()
        faulthandler.disable()
        self._crash_file.close()

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        _log.error("An error that nobody caught", exc_info=(kind, error, trace))
        self.caught.emit(error)

    def _on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self._on_exception(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
