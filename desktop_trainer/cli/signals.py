"""Ctrl-C, a polite kill and a closed terminal, as something to look at between two batches."""

from __future__ import annotations

import signal
from time import monotonic, sleep
from types import FrameType
from typing import Any

from desktop_trainer.process import stop_signals

_LOOK = 0.1
"""Seconds until a signal that came is seen: Python sleeps on after it."""


class StopSignals:
    """Inside its ``with`` block the first of `stop_signals` is only remembered; the second one acts as ever.

    After a second Ctrl-C, and behind the block if a signal came, Ctrl-C is ignored: the process is about to end,
    and what is being closed then is to be closed.

    Attributes:
        number: the signal that came; 0 if none.
    """

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}

    @property
    def exit_code(self) -> int:
        """What a shell reports of a process that this signal ended: 129, 130 or 143; 0 if there was none."""
        return 128 + self.number if self.number else 0

    def wait(self, seconds: float) -> None:
        """Wait so long, or until a signal comes."""
        end = monotonic() + seconds
        while not self.number and (left := end - monotonic()) > 0:
            sleep(min(left, _LOOK))

    def __enter__(self) -> StopSignals:
        self._before = {number: signal.signal(number, self._on_signal) for number in stop_signals()}
        return self

    def __exit__(self, *_: object) -> None:
        self._as_before()
        if self.number:
            ignore_interrupts()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.number = number
        self._as_before()
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _interrupt_once)

    def _as_before(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _interrupt_once(number: int, frame: FrameType | None) -> None:
    ignore_interrupts()
    signal.default_int_handler(number, frame)


def ignore_interrupts() -> None:
    """There is nothing left to interrupt, for the process is about to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
