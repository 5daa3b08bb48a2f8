"""How long the command line takes to answer, and the window to be painted, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time

from desktop_trainer.benchmark.measure import BenchmarkFailed
from desktop_trainer.i18n import tr

_SECONDS = 120.0
_PAINTED = "painted at "


def measure_help() -> dict[str, float]:
    """Seconds of ``desktop-trainer --help``.

    Raises:
        BenchmarkFailed: if it failed.
    """
    began = time.perf_counter()
    _run("desktop_trainer", "--help")
    return {"help": time.perf_counter() - began}


def measure_first_paint() -> dict[str, float]:
    """Seconds from the start of a process to its window's first paint.

    Raises:
        BenchmarkFailed: if it failed, or ended without having painted.
    """
    began = time.time()
    output = _run("desktop_trainer.benchmark.startup")
    for line in output.splitlines():
        if line.startswith(_PAINTED):
            return {"painted": float(line.removeprefix(_PAINTED)) - began}
    raise BenchmarkFailed(tr("The window was not painted: {output}", output=output))


def _run(module: str, *arguments: str) -> str:
    """What a module, run as a program, writes to stdout."""
    command = [sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.CalledProcessError as error:
        why = error.stderr.strip()
    except subprocess.TimeoutExpired as error:
        why = str(error)
    else:
        return done.stdout
    raise BenchmarkFailed(tr("{command} failed: {why}", command=" ".join(command), why=why))


def open_and_report() -> None:
    """Open the window as the program does, write the time of its first paint to stdout, and close it."""
    from PySide6.QtCore import QEvent, QObject, QTimer

    from desktop_trainer.ui.app import create_application, create_window

    class FirstPaint(QObject):
        """Waits for the window's first paint."""

        def eventFilter(self, _: QObject, event: QEvent) -> bool:  # noqa: N802
            """Qt's: what is painted is on the screen when the event loop goes on."""
            if event.type() is QEvent.Type.Paint:
                window.removeEventFilter(self)
                QTimer.singleShot(0, self.report)
            return False

        def report(self) -> None:
            """Say when."""
            print(f"{_PAINTED}{time.time():.6f}", file=sys.stdout, flush=True)
            window.close()

    app = create_application()
    window = create_window()
    first_paint = FirstPaint()
    window.installEventFilter(first_paint)
    window.show()
    app.exec()


if __name__ == "__main__":
    open_and_report()
