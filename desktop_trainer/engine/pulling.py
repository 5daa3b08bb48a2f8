"""Pulls what computes, one event at a time: lends it the process and tells its errors in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from desktop_trainer.engine.devices import DeviceError, FloatProducts, IntraOpThreads
from desktop_trainer.engine.events import Event
from desktop_trainer.engine.failures import known, release
from desktop_trainer.experiment.device_settings import DeviceSettings


class Puller:
    """Pulls events, and only while it does so lets the process compute as `settings` ask."""

    def __init__(self, settings: DeviceSettings) -> None:
        # Made once: they are entered for every batch.
        self._threads, self._products = IntraOpThreads(settings.threads), FloatProducts(settings.precision)

    def next(self, events: Iterator[Event], explained: Callable[[BaseException], DeviceError]) -> Event | None:
        """The next of `events`, None behind the last.

        Args:
            explained: makes our own words of an error that is `known`, when all that was in work has been released.

        Raises:
            DeviceError: what `explained` returned.
        """
        try:
            with self._threads, self._products:
                return next(events, None)
        except (RuntimeError, MemoryError) as error:
            if not known(error):
                raise
            release(error)
            raise explained(error) from None
