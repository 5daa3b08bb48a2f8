"""The engine under the real window with live curves, and how late the window's heart beats meanwhile. Needs Qt."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter, thread_time
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer, Slot

from desktop_trainer.benchmark.headless import EventClock, for_epochs
from desktop_trainer.benchmark.workloads import Workload
from desktop_trainer.engine.events import EpochEnded, Event, RunStarted
from desktop_trainer.ui.app import create_application, create_window
from desktop_trainer.ui.garbage import GarbageCollector

if TYPE_CHECKING:
    from desktop_trainer.engine.events import RunEnded
    from desktop_trainer.ui.window import TrainerWindow

BEAT_MS = 10
_SETTLE_MS = 400


class Heart(QObject):
    """A timer that should fire each `BEAT_MS` milliseconds in the window's thread.

    Attributes:
        late: how many seconds each beat came later than `BEAT_MS` after the one before.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.late: list[float] = []
        self._last = 0.0
        self._timer = QTimer(self, timerType=Qt.TimerType.PreciseTimer, interval=BEAT_MS)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        """Begin to beat."""
        self._last = perf_counter()
        self._timer.start()

    def stop(self) -> None:
        """Stop beating; a beat that is due counts."""
        if self._timer.isActive():
            self._timer.stop()
            self._beat()

    @Slot()
    def _beat(self) -> None:
        now = perf_counter()
        self.late.append(max(now - self._last - BEAT_MS / 1000, 0.0))
        self._last = now

    def lateness(self) -> dict[str, float]:
        """Median, 99th percentile and greatest lateness, in seconds."""
        p50, p99, most = np.percentile(self.late, (50, 99, 100)).tolist()
        return {"late_p50": p50, "late_p99": p99, "late_max": most}


class Watch(QObject):
    """Takes the times of one run in a window; `measured` once it has ended.

    Args:
        beating: take the lateness of a heart, too. It wakes the window a hundred times a second, which the training
            feels.
    """

    def __init__(self, window: TrainerWindow, workload: Workload, *, beating: bool) -> None:
        super().__init__()
        self._clock, self._loop = EventClock(), QEventLoop(self)
        self._thread_began = self._thread_took = 0.0
        self._heart = Heart(self) if beating else None
        self._epochs = workload.epochs
        self._error: BaseException | None = None
        window.session.happened.connect(self._on_event)
        window.session.failed.connect(self._on_failed)
        window.session.ended.connect(self._on_ended)
        window.session.start(for_epochs(workload))
        _run(self._loop, partial(window.session.stop, discard=True))
        window.session.happened.disconnect(self._on_event)
        window.session.failed.disconnect(self._on_failed)
        window.session.ended.disconnect(self._on_ended)
        if self._error is not None:
            raise self._error

    def measured(self) -> dict[str, float]:
        """As the engine's, and ``gui``, the processor's seconds of this thread an epoch; or the heart's lateness."""
        if self._heart is not None:
            return self._heart.lateness()
        return {**self._clock.measured(), "gui": self._thread_took / self._clock.epochs}

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        self._clock.hear(event)
        if isinstance(event, RunStarted):
            self._thread_began = thread_time()
        elif isinstance(event, EpochEnded):
            self._thread_took = thread_time() - self._thread_began
        if self._heart is None:
            return
        if isinstance(event, RunStarted):
            self._heart.start()
        elif isinstance(event, EpochEnded) and self._clock.epochs == self._epochs:
            self._heart.stop()

    @Slot(object)
    def _on_failed(self, error: BaseException) -> None:
        self._error = error

    @Slot(object)
    def _on_ended(self, _: RunEnded | None) -> None:
        # `failed` comes after `ended`, so the loop ends one turn later.
        QTimer.singleShot(0, self._loop.quit)


class WindowedEngine:
    """A contender: a new run in one window each time it is called. See `Watch`."""

    def __init__(self, window: TrainerWindow, workload: Workload, *, beating: bool = False) -> None:
        self._window, self._workload, self._beating = window, workload, beating

    def __call__(self) -> dict[str, float]:
        rest(_SETTLE_MS)
        return Watch(self._window, self._workload, beating=self._beating).measured()


def rest(milliseconds: int) -> None:
    """Let the windows do what they have to do."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    _run(loop, loop.quit)


def _run(loop: QEventLoop, stop: Callable[[], object]) -> None:
    """Until `loop` ends. A signal lets it `stop` first: an exception in one of Qt's calls would be printed and lost."""
    came: list[int] = []

    def remember(number: int, _: object) -> None:
        came.append(number)
        stop()

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        loop.exec()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


@contextmanager
def opened_window() -> Iterator[TrainerWindow]:
    """The window, shown, with garbage collected as the program does; closed behind the block."""
    garbage = GarbageCollector(create_application())
    window = create_window()
    window.warmed.connect(garbage.spare)
    window.show()
    rest(_SETTLE_MS)
    try:
        yield window
    finally:
        window.close()
        window.deleteLater()
        rest(0)
        garbage.close()
