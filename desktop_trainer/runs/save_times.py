"""When a run is saved: by the clock, and at batches and epochs."""

from __future__ import annotations

from math import inf
from time import monotonic

from desktop_trainer.engine.events import BatchEnded, EpochEnded, Event, RunStarted
from desktop_trainer.experiment.saving_settings import SavingSettings

PATIENCE = 100
"""By the clock, a save comes no sooner than after so many times as long as the last one took: less than 1 % of the
time.
"""


class Schedule:
    """Tells at which events a checkpoint is due.

    Attributes:
        at_batches: whether every batch must be looked at; else only those that bring numbers.
    """

    def __init__(self, settings: SavingSettings) -> None:
        self._settings = settings
        self.at_batches = settings.every_batches > 0
        self._interval = 60 * settings.every_minutes or inf
        self._batches_per_epoch = 1
        self._due = monotonic() + self._interval

    def saved(self, seconds: float) -> None:
        """A save is done that took so long."""
        self._due = monotonic() + max(self._interval, PATIENCE * seconds)

    def due(self, event: Event) -> bool:
        """Whether to save at `event`."""
        match event:
            case RunStarted():
                self._batches_per_epoch = event.batches_per_epoch
                return False
            case BatchEnded() if self.at_batches:
                number = (event.epoch - 1) * self._batches_per_epoch + event.batch
                if number % self._settings.every_batches == 0:
                    return True
            case EpochEnded() if self._settings.every_epochs:
                if event.epoch % self._settings.every_epochs == 0:
                    return True
            case _:
                pass
        return monotonic() >= self._due
