"""Tries a refused write again before anybody is troubled: what holds a file often lets go of it soon."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep
from typing import TypeVar

from desktop_trainer.runs.files import SaveFailed

PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds before each further try. On Windows a virus scanner holds new files, every night; a network drive may
hiccup.
"""
T = TypeVar("T")


def patiently(act: Callable[[], T]) -> T:
    """What `act` returns, which is called again after growing pauses as long as it raises `SaveFailed`.

    Raises:
        SaveFailed: of the last try, some seconds later.
    """
    for pause in PAUSES:
        try:
            return act()
        except SaveFailed:
            sleep(pause)
    return act()
