"""Opens the window."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING

from desktop_trainer import process
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from desktop_trainer.ui.window import TrainerWindow


def main(experiment: Experiment | None = None, language: str = "") -> int:
    """Open the window and stay until it is closed; returns the process's exit code.

    Args:
        experiment: what its form shows, else the last session's. language: its language this time, else the one
            that was chosen in it.
    """
    process.prepare()
    if sys.platform == "win32":
        import torch  # noqa: F401  after PySide6 its c10.dll fails to load (pytorch#166628)
    if not _has_display():
        print(
            tr("There is no display to open a window on; train without one: desktop-trainer train --help"),
            file=sys.stderr,
        )
        return 1
    app = create_application(language)
    from desktop_trainer.ui.faults import FaultReporter
    from desktop_trainer.ui.garbage import GarbageCollector

    faults, garbage = FaultReporter(app), GarbageCollector(app)
    window = create_window(experiment, language)
    faults.caught.connect(window.show_fault)
    window.warmed.connect(garbage.spare)
    _close_on_signals(window)
    app.commitDataRequest.connect(window.on_logout)
    window.show()
    try:
        return app.exec()
    finally:
        garbage.close()
        faults.close()


def create_application(language: str = "") -> QApplication:
    """The Qt application, dressed; the one that exists if there is one. For `language` see `main`."""
    process.prepare()
    from PySide6.QtWidgets import QApplication

    from desktop_trainer.ui.language import apply_language
    from desktop_trainer.ui.preferences import Preferences
    from desktop_trainer.ui.theme import apply_theme

    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("Desktop Trainer")
    app.setDesktopFileName("desktop-trainer")
    preferences = Preferences()
    apply_language(app, language or preferences.language)
    apply_theme(app, preferences.theme)
    return app


def create_window(experiment: Experiment | None = None, language: str = "") -> TrainerWindow:
    """The window, not yet shown, with `experiment` or the first recipe in its form; needs no running event loop."""
    create_application(language)
    from desktop_trainer.ui.window import TrainerWindow

    return TrainerWindow(experiment)


def _has_display() -> bool:
    """On Linux a window needs an X or Wayland display, or a platform that needs none."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM", "") in ("offscreen", "minimal", "vnc"):
        return True
    return bool(os.environ.get("WAYLAND_DISPLAY")) or (bool(os.environ.get("DISPLAY")) and _x_answers())


def _x_answers() -> bool:
    """Whether the X server that ``DISPLAY`` names can be reached: Qt would abort the process."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True  # then Qt itself says what is missing
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    answers = bool(xcb.xcb_connection_has_error(connection) == 0)
    xcb.xcb_disconnect(connection)
    return answers


def _close_on_signals(window: TrainerWindow) -> None:
    """SIGINT, SIGTERM and SIGHUP stop and keep. Python sees a signal only between its own instructions: a timer
    gives it some.
    """
    from PySide6.QtCore import QTimer

    for number in process.stop_signals():
        signal.signal(number, window.on_signal)
    timer = QTimer(window)
    timer.timeout.connect(window.on_tick)
    timer.start(200)
