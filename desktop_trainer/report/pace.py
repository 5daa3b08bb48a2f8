"""How fast a run goes and how long it still takes, from its events."""

from __future__ import annotations

from collections import deque

from desktop_trainer.engine.events import EpochEnded, Records, RunStarted

_WINDOW = 3.0
"""Seconds over which the pace is averaged: long enough to be steady, short enough to follow a change."""


class Pace:
    """Samples a second now, and the time to the end of the run.

    Args:
        started: what the run said of itself.

    Attributes:
        epochs: of the whole run; may be changed.
    """

    def __init__(self, started: RunStarted) -> None:
        self._started, self.epochs = started, started.epochs
        self.epoch, self.batch = started.epoch, started.batch
        self._samples = 0
        self._marks: deque[tuple[float, int, int]] = deque()
        self._batches = 0
        self._rest_seconds = 0.0
        self._rates: tuple[float, float] | None = None

    @property
    def epoch_share(self) -> float:
        """How much of the epoch's training is done, 0 to 1."""
        return self.batch / self._started.batches_per_epoch

    @property
    def run_share(self) -> float:
        """How much of the run is done, 0 to 1."""
        return min(1.0, (self.epoch + self.epoch_share) / self.epochs)

    @property
    def samples_per_second(self) -> float | None:
        """Training samples a second over the last few seconds; None before there are two marks."""
        return self._rates[0] if self._rates else None

    @property
    def seconds_left(self) -> float | None:
        """Time to the end of the run at the present pace, the test passes of the coming epochs included."""
        if self._rates is None:
            return None
        epochs_left = self.epochs - self.epoch
        batches_left = max(0, epochs_left * self._started.batches_per_epoch - self.batch)
        return batches_left / self._rates[1] + max(0, epochs_left) * self._rest_seconds

    def add(self, records: Records) -> None:
        """Take in a block of records."""
        self.epoch, self.batch = records.epoch - 1, records.first + len(records) - 1
        if not self._marks:
            first = self._samples + int(records.count[0]), self._batches + 1
            self._marks.append((float(records.seconds[0]), *first))
        self._samples += int(records.count.sum())
        self._batches += len(records)
        self._marks.append((float(records.seconds[-1]), self._samples, self._batches))
        while len(self._marks) > 2 and self._marks[-1][0] - self._marks[1][0] > _WINDOW:
            self._marks.popleft()
        (began, samples, batches), (ended, *_) = self._marks[0], self._marks[-1]
        if ended > began:
            self._rates = (self._samples - samples) / (ended - began), (self._batches - batches) / (ended - began)

    def end_epoch(self, event: EpochEnded) -> None:
        """Take in the end of an epoch: its test pass is what the training part leaves of its time."""
        self.epoch, self.batch = event.epoch, 0
        trained = self._started.train_samples / event.examples_per_second
        self._rest_seconds = max(0.0, event.seconds - trained)
        self._marks.clear()
