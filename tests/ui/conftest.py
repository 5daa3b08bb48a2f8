"""Fixtures for the window's tests: Qt without a screen, and a watch on what outlives its test."""

import gc
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

if importlib.util.find_spec("PySide6") is None:
    collect_ignore_glob = ["*"]
else:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QCoreApplication, QEvent, QThread, QTimer
    from PySide6.QtWidgets import QApplication, QWidget
    from pytestqt.qtbot import QtBot
    from shiboken6 import isValid

    from desktop_trainer.experiment.problems import parse_experiment

    def _living(kind: type) -> list[Any]:
        return [thing for thing in gc.get_objects() if issubclass(type(thing), kind) and isValid(thing)]

    def _leaks() -> list[str]:
        timers = [f"active timer of {timer.parent()}" for timer in _living(QTimer) if timer.isActive()]
        threads = [f"running {thread}" for thread in _living(QThread) if thread.isRunning()]
        widgets = [f"top-level {widget} {widget.objectName()}" for widget in QApplication.topLevelWidgets()]
        return [*timers, *threads, *widgets]

    @pytest.fixture(autouse=True)
    def nothing_outlives_its_test(qapp: QApplication) -> Iterator[None]:
        """Fails the test that leaves a thread, an active timer or a window behind."""
        before = set(threading.enumerate())
        gc.freeze()  # What is there already is not looked through: all of torch takes more than a second.
        yield
        sys.last_value = None
        for _ in range(3):
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            gc.collect()
        # Python keeps a dummy for a QThread that asked who it is, long after that thread has ended.
        new = [thread for thread in threading.enumerate() if thread not in before and "Dummy" not in thread.name]
        threads = [f"Python thread {thread}" for thread in new]
        left = [*_leaks(), *threads]
        gc.unfreeze()
        assert not left, f"outlived the test: {left}"

    Opener = Callable[..., Any]

    @pytest.fixture
    def open_window(qtbot: QtBot) -> Iterator[Opener]:
        """A function that opens the window on an experiment, given as JSON values; closed when the test ends."""
        from desktop_trainer.ui.app import create_window

        opened: list[Any] = []

        def opener(values: dict[str, Any] | None = None) -> Any:
            window = create_window(None if values is None else parse_experiment(values))
            opened.append(window)
            window.show()
            window.activateWindow()
            qtbot.waitUntil(window.isActiveWindow, timeout=30_000)
            return window

        yield opener
        for window in filter(isValid, opened):
            if window.session.active:
                window.session.stop()
            qtbot.waitUntil(lambda window=window: not window.session.active, timeout=30_000)  # type: ignore[misc]
            window.close()
            window.deleteLater()

    def child(parent: QWidget, kind: type, name: str) -> Any:
        """The child widget called `name`; it must be there."""
        found = parent.findChild(kind, name)
        assert found is not None, f"no {kind.__name__} is called {name!r}"
        return found
