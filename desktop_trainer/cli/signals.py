"""Ctrl-C and a polite kill, as something to look at between two batches. Knows no training."""

from __future__ import annotations

import signal
from time import monotonic, sleep
from types import FrameType
from typing import Any

_STOPS = (signal.SIGINT, signal.SIGTERM)
_LOOK = 0.1
"""Seconds until a signal that came is seen: Python sleeps on after it."""


class StopSignals:
    """Inside its ``with`` block the first SIGINT or SIGTERM is only remembered; the second one acts as ever.

    Attributes:
        number: the signal that came; 0 if none.
    """

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}

    @property
    def exit_code(self) -> int:
        """What a shell reports of a process that this signal ended: 130 or 143; 0 if there was none."""
        return 128 + self.number if self.number else 0

    def wait(self, seconds: float) -> None:
        """Wait so long, or until a signal comes."""
        end = monotonic() + seconds
        while not self.number and (left := end - monotonic()) > 0:
            sleep(min(left, _LOOK))

    def __enter__(self) -> StopSignals:
        self._before = {number: signal.signal(number, self._on_signal) for number in _STOPS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.number = number
        self.__exit__()
