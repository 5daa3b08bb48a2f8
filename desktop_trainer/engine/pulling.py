"""Pulls what computes, one event at a time: lends it the process and tells its errors in words. Knows no training."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from desktop_trainer.engine.devices import DeviceError, FloatProducts, IntraOpThreads
from desktop_trainer.engine.events import Event
from desktop_trainer.engine.failures import known, release
from desktop_trainer.experiment.device_settings import DeviceSettings


def next_event(
    events: Iterator[Event], settings: DeviceSettings, explained: Callable[[BaseException], DeviceError]
) -> Event | None:
    """The next of `events`, None behind the last; only in here does the process compute as `settings` ask.

    Args:
        explained: makes our own words of an error that is `known`, when all that was in work has been released.

    Raises:
        DeviceError: what `explained` returned.
    """
    try:
        with IntraOpThreads(settings.threads), FloatProducts(settings.precision):
            return next(events, None)
    except (RuntimeError, MemoryError) as error:
        if not known(error):
            raise
        release(error)
        raise explained(error) from None
