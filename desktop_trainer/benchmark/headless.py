"""The engine with nobody watching: its events are pulled and dropped."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from desktop_trainer.benchmark.measure import BenchmarkFailed
from desktop_trainer.benchmark.workloads import Workload
from desktop_trainer.engine.events import BatchEnded, EpochEnded, Event, RunStarted
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.fields import to_values, with_value
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr


class EventClock:
    """Times a run by its events: from the model's being there to the end of its last epoch, as whoever hears them
    sees it.
    """

    def __init__(self) -> None:
        self._began = self._ended = 0.0
        self._epoch_began = self._last_batch = self._training = 0.0
        self.epochs = self.batches = 0

    def hear(self, event: Event) -> None:
        """Take the time of an event."""
        now = perf_counter()
        if isinstance(event, RunStarted):
            self._began = self._epoch_began = now
        elif isinstance(event, BatchEnded):
            self._last_batch, self.batches = now, event.batch
        elif isinstance(event, EpochEnded):
            self._training += self._last_batch - self._epoch_began
            self._epoch_began = self._ended = now
            self.epochs += 1

    def measured(self) -> dict[str, float]:
        """Seconds of an epoch and of its training part, means over the run's epochs; batches a second while training.

        Raises:
            BenchmarkFailed: if no epoch ended.
        """
        if not self.epochs:
            raise BenchmarkFailed(tr("The run that was to be measured ended before its first epoch did."))
        training = self._training / self.epochs
        return {
            "epoch": (self._ended - self._began) / self.epochs,
            "training": training,
            "rate": self.batches / training,
        }


def for_epochs(workload: Workload) -> Experiment:
    """The work load's experiment, as long as one repetition."""
    return parse_experiment(with_value(to_values(workload.experiment), "training.epochs", workload.epochs))


def measured_engine(workload: Workload) -> Callable[[], dict[str, float]]:
    """A contender: a new run each time it is called. Reading the data and building the model are not counted."""
    experiment = for_epochs(workload)

    def run() -> dict[str, float]:
        clock = EventClock()
        for event in Training(experiment).events():
            clock.hear(event)
        return clock.measured()

    return run
