"""A training that is kept in a folder of its own, so that it is never lost. Knows files, not who is watching."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from desktop_trainer.engine.devices import DeviceError
from desktop_trainer.engine.events import BatchEnded, Notice, RunEnded, RunStarted
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.difference import differences
from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.runs.events import FilesMended, RunEvents, SaveProblem, SettingsChanged
from desktop_trainer.runs.files import Disk, SaveFailed
from desktop_trainer.runs.fixed import check_changes
from desktop_trainer.runs.history import History
from desktop_trainer.runs.keeper import GOES_ON, Keeper, Past
from desktop_trainer.runs.lock import RunLock
from desktop_trainer.runs.model_file import SavedModel
from desktop_trainer.runs.retrying import patiently


class Recording:
    """A training that is kept in `folder`: its settings, its journal, its models, and checkpoints to go on from
    exactly.

    A checkpoint is written at the start, when one is due (see `SavingSettings`), when it is asked for, and at the end,
    however the run ends. What is not finite is never saved.

    Args:
        training: not yet begun.
        folder: is there. A run that never came to train removes it.
        recipe: the name of the recipe it was started from, or empty.
        past: what a run that goes on brings with it; see `reopen`.

    Attributes:
        ended: how the run ended; None before.
    """

    def __init__(
        self, training: Training, folder: Path, *, recipe: str = "", past: Past | None = None, disk: Disk | None = None
    ) -> None:
        self.training, self.folder = training, folder
        self.ended: RunEnded | None = None
        self._past = past
        self._lock = past.lock if past else RunLock(folder)
        self._keeper = Keeper(training, folder, self._lock, past, recipe, disk or Disk())
        self._over: RunEnded | None = None

    @property
    def history(self) -> History:
        """The journal of a run that goes on, up to where it does; of a new run it is empty."""
        return self._past.history if self._past else History()

    @property
    def inexact(self) -> tuple[str, ...]:
        """Sentences: why a run that goes on may differ from one without a break; usually there are none.

        `events` has them as `Notice`, and also what shows only when the data have been read: that these have changed.
        """
        return self._past.inexact if self._past else ()

    @property
    def kept(self) -> SavedModel | None:
        """The model of the last whole epoch, or of the end; None before."""
        return self._keeper.models.last

    @property
    def begun(self) -> bool:
        """Whether it came to train, so that there is something to keep."""
        return self._keeper.begun and self.training.started

    @property
    def resumable(self) -> bool:
        """Whether the training can go on from where it ended."""
        return self.ended is not None and self.ended.outcome in GOES_ON and self.begun

    @property
    def trains(self) -> bool:
        """Whether the model is there, so that `snapshot` has one."""
        return self.training.started

    def read_every(self, seconds: float) -> None:
        """Read the numbers of batches from the device this often: `BatchEnded` has them then, and not in between."""
        self.training.read_every(seconds)

    def events(self) -> RunEvents:
        """The training's events, and a `SaveProblem` where a save failed. Closing the generator stops and keeps.

        Raises:
            RunBusy: if the run is going on elsewhere.
            SaveFailed: if the folder cannot be written: before anything is trained, or when the generator is closed.
        """
        with self._folder_in_hand():
            try:
                patiently(self._keeper.begin)
                yield from self._events()
            except GeneratorExit:
                self._stop()
                raise
            except BaseException as error:
                self._fail(error)
                raise

    def _events(self) -> RunEvents:
        keeper, every = self._keeper, self._keeper.at_batches
        with closing(self.training.events()) as events:
            for event in events:
                if type(event) is BatchEnded and event.records is None and not every:
                    yield event
                    continue
                keeper.take(event)
                if isinstance(event, RunEnded):
                    self._over = event
                if isinstance(event, RunStarted):
                    yield from map(Notice, keeper.inexact)
                    if self._past is not None and self._past.changes:
                        yield SettingsChanged(event.epoch, event.batch, self._past.changes)
                while (problem := keeper.attempt()) is not None:
                    yield problem
                yield from map(FilesMended, keeper.notices())
                yield self._end(event) if isinstance(event, RunEnded) else event

    @contextmanager
    def _folder_in_hand(self) -> Iterator[None]:
        """Hold the lock, and close the journal; what never came to train leaves nothing."""
        if self._past is None:
            self._lock.acquire()
        try:
            yield
        finally:
            try:
                self._keeper.close()
            finally:
                self._lock.release()
                if not self._keeper.begun:
                    self._keeper.forget()

    def _stop(self) -> None:
        """End a run that was closed.

        Raises:
            SaveFailed: if it could not be kept. DeviceLost: if that is how it ended.
        """
        try:
            if self._over is None:
                self.flush()  # what was not shown yet stands in the journal all the same
            problem = self._finish("stopped")
        except DeviceError as error:
            self._fail(error)
            raise
        if problem is not None:
            raise SaveFailed(problem.reason) from None

    def _fail(self, error: BaseException) -> None:
        """End a run that failed."""
        if (problem := self._finish("failed", str(error))) is not None:
            error.add_note(problem.reason)

    def _finish(self, outcome: str, reason: str = "") -> SaveProblem | None:
        """End a run that was closed or failed; says what could not be kept."""
        if self.ended is not None:
            return None
        if self._over is None:
            ended = self.training.ended(outcome)
            over = ended if ended.reason else replace(ended, reason=reason)
            self._keeper.end(over)  # may show that the device is lost, and then the end is another one
            self._over = over
        problem = self._keeper.attempt()
        self._end(self._over)
        return problem

    def _end(self, ended: RunEnded) -> RunEnded:
        self.ended = replace(ended, paths=self._keeper.paths())
        return self.ended

    def change(self, experiment: Experiment) -> SettingsChanged:
        """Go on with the settings of `experiment` from the next batch on, between two events; the next `checkpoint`
        writes them down.

        Raises:
            ExperimentError: if one of them cannot change now; nothing has changed then.
        """
        training = self.training
        experiment = experiment.settled_as(training.experiment)
        changes = tuple(differences(shared_values(training.experiment), shared_values(experiment)))
        check_changes(changes, experiment, training)
        training.change(experiment)
        changed = SettingsChanged(training.epoch, training.batch, changes)
        self._keeper.change(changed)
        return changed

    def checkpoint(self) -> SaveProblem | None:
        """Save the run as it is between two events, for whoever holds it; says what went wrong, if anything did."""
        self._keeper.ask()
        return self._keeper.attempt()

    def snapshot(self) -> SavedModel:
        """A copy of the model as it is between two events, with the figures of the last whole epoch."""
        return self._keeper.snapshot()

    def flush(self) -> BatchEnded | None:
        """The numbers of the batches since the last block, for a consumer that stands still; None if there are none."""
        training = self.training
        records = training.flush() if training.started else None
        if records is None:
            return None
        self._keeper.note(records)
        return BatchEnded(training.epoch + 1, training.batch, records)
