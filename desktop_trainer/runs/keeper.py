"""Writes down what a training does: facts, journal, checkpoints, models.

What cannot be written stays in hand, in its order, until an attempt succeeds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from desktop_trainer.engine.events import BatchEnded, EpochEnded, Event, Records, RunEnded, RunStarted
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.difference import Difference
from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.experiment.formats import numbered
from desktop_trainer.runs.checkpoint import save_checkpoint
from desktop_trainer.runs.checkpoint_folders import prune, sweep
from desktop_trainer.runs.events import SaveProblem, SettingsChanged
from desktop_trainer.runs.files import Disk, SaveFailed
from desktop_trainer.runs.history import History
from desktop_trainer.runs.inexact import changed_data
from desktop_trainer.runs.journal import Journal
from desktop_trainer.runs.journal_lines import changed_line, save_failed_line, saved_line, started_line
from desktop_trainer.runs.kept_models import KeptModels, finite
from desktop_trainer.runs.lock import RunLock
from desktop_trainer.runs.lost import known_facts
from desktop_trainer.runs.memory import told_if_short
from desktop_trainer.runs.mending import Mender
from desktop_trainer.runs.model_file import SavedModel, check_savable, save_model
from desktop_trainer.runs.retrying import patiently
from desktop_trainer.runs.run_folder import (
    BEST,
    CHECKPOINTS,
    EVENTS,
    EXPERIMENT,
    LOCK,
    LOG,
    MANIFEST,
    MODEL,
    RUN,
    new_facts,
    write_experiment,
    write_facts,
)
from desktop_trainer.runs.run_log import RunLog
from desktop_trainer.runs.save_times import Schedule
from desktop_trainer.runs.versions import threads, versions

if TYPE_CHECKING:
    from torch import Tensor

GOES_ON = ("completed", "stopped", "early_stopped")
"""How a run ends that can go on from its very end; its model is kept as it is then."""


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """What a run that goes on brings with it.

    Attributes:
        lock: of its folder, held. history: its journal up to where it goes on.
        checkpoint: the one that it goes on from; empty if it begins anew. newest: whether there is none behind it.
        changes: the settings that are not as they were.
        inexact: sentences: why it may differ from a run without a break.
        fingerprint: of the data that it was trained on, see `DataInfo`; empty if it is not known.
    """

    lock: RunLock
    history: History
    checkpoint: str = ""
    newest: bool = True
    changes: tuple[Difference, ...] = ()
    inexact: tuple[str, ...] = ()
    fingerprint: str = ""


class Keeper:
    """Keeps `training` in `folder`, whose lock is held; see `Recording`.

    Attributes:
        begun: whether the run came to train, so that there is something to keep.
        inexact: sentences, once it has begun: why it may differ from a run without a break.
    """

    def __init__(
        self, training: Training, folder: Path, lock: RunLock, past: Past | None, recipe: str, disk: Disk
    ) -> None:
        self._training, self._folder, self._past, self._disk = training, folder, past, disk
        self._facts = new_facts(training.experiment, recipe)
        self._notices: list[str] = []
        self._journal = Journal(folder, disk)
        self.models = KeptModels(folder, disk)
        self._mender = Mender(folder, self._journal, self.models, lock, disk)
        self._log = RunLog(training.experiment, folder, disk)
        self._schedule = Schedule(training.experiment.saving)
        self._todo: deque[Callable[[], None]] = deque()
        self._checkpoint = past.checkpoint if past else ""
        self._saved_at = (training.epoch, training.batch) if past and past.checkpoint and past.newest else None
        self.begun = past is not None
        self.inexact: tuple[str, ...] = ()
        self._made_with: dict[str, Any] = {}
        self._told = False

    @property
    def at_batches(self) -> bool:
        """Whether `take` must see every batch; else only those that bring numbers."""
        return self._schedule.at_batches

    def begin(self) -> None:
        """Write what is known before anything is loaded.

        Raises:
            SaveFailed: if that is not possible.
        """
        experiment, past = self._training.experiment, self._past
        if past is not None:
            self._facts = known_facts(self._folder)
            sweep(self._folder, self._disk)
            self.models.recall(past.history.epochs[-1] if past.history.epochs else None)
        else:
            write_facts(self._folder, self._facts, self._disk)
            write_experiment(self._folder, experiment, self._disk)
        if past is None and self._training.weights is not None:
            # Until the first checkpoint, these are what the run would have to begin with again.
            save_model(self._folder / MODEL, SavedModel(experiment, self._training.weights), self._disk, links=False)

    def take(self, event: Event) -> None:
        """Take in an event; what is to be written for it is done by `attempt`.

        Raises:
            SaveFailed: if the run has only just started and cannot be saved.
        """
        match event:
            case RunStarted():
                self._start(event)
            case BatchEnded(records=records) if records is not None:
                self.note(records)
            case EpochEnded():
                self.note(event)
                self.models.end_epoch(event, self.snapshot)
            case RunEnded():
                self.end(event)
            case _:
                pass
        if not isinstance(event, RunEnded):
            self._log.tell(event)
        if self._schedule.due(event):
            self.ask()

    def ask(self) -> None:
        """Let the next `attempt` write a checkpoint of the state as it is then, unless it has been saved."""
        if self._training.started:
            self._todo.append(self._save)

    def attempt(self) -> SaveProblem | None:
        """Do what is to be done; says what went wrong, if anything did: it stays to be done."""
        try:
            if self._todo or self._journal.unchecked:
                self._insist(self._mend)
            while self._todo:
                self._insist(self._todo[0])
                self._todo.popleft()
        except SaveFailed as error:
            if not self._told:
                self.note(save_failed_line(str(error)))
                self._log.add([str(error)])
            self._told = True
            return SaveProblem(str(error))
        self._told = False
        return None

    def _insist(self, act: Callable[[], None]) -> None:
        """Try patiently, once it is not known yet that it is in vain."""
        if self._told:
            act()
        else:
            patiently(act)

    def notices(self) -> list[str]:
        """Sentences about what happened to the run's files, each of them once."""
        notices, self._notices = self._notices, []
        return notices

    def _mend(self) -> None:
        text = self._mender.mend(self._facts, self._training.experiment)
        if text:
            self._notices.append(text)
            self._log.add([text])
            self._saved_at = None
            self.ask()

    def note(self, what: Event | Records | Mapping[str, Any]) -> None:
        """Write into the journal, which keeps what it cannot write."""
        try:
            self._journal.write(what)
        except SaveFailed:
            self._todo.append(self._journal.flush)  # fails again, or has written it

    def end(self, ended: RunEnded) -> None:
        """Let the next `attempt` save what there is, as it is now."""
        if not self.begun or not self._training.started:
            return
        if ended.outcome in GOES_ON:
            self.models.keep(self.snapshot())
        self._log.tell(ended)
        if ended.outcome != "diverged":
            self.ask()
        self._todo += [self.models.write, lambda: self.note(ended), self._journal.sync]

    def change(self, changed: SettingsChanged) -> None:
        """Let the next `attempt` save the run as it goes on with the settings that the training has now.

        First the checkpoint: whoever goes on from an earlier one would train with them from there.
        """
        experiment = self._training.experiment
        self._made_with["experiment"], self._saved_at = numbered(shared_values(experiment)), None
        self._log.add([changed.line])
        paths = [each.path for each in changed.changes]
        line = changed_line(changed.epoch, changed.batch, self._made_with["experiment"], paths)
        self._todo += [
            self._save,
            lambda: self.note(line),
            self._journal.sync,
            lambda: write_experiment(self._folder, experiment, self._disk),
        ]

    def snapshot(self) -> SavedModel:
        """A copy of the model as it is between two events, with the figures of the last whole epoch."""
        return self._with_facts(self._training.model_state())

    def _with_facts(self, weights: Mapping[str, Tensor]) -> SavedModel:
        training, figures = self._training, dict(self.models.figures)
        return SavedModel(training.experiment, weights, figures, training.info.class_names, training.statistics)

    def paths(self) -> dict[str, str]:
        """Where what is kept lies, by kind; nothing if the run leaves nothing."""
        places = {"run": self._folder, "model": self._folder / MODEL, "best": self._folder / BEST}
        return {name: str(path) for name, path in places.items() if self.begun and path.exists()}

    def close(self) -> None:
        """Close the journal.

        Raises:
            SaveFailed: if it could not be written to its end.
        """
        try:
            self._insist(self._journal.sync)
        finally:
            self._journal.close()

    def forget(self) -> None:
        """Leave nothing of a run that never came to train; only what this program makes is removed."""
        prune(self._folder, set(), self._disk)
        with suppress(OSError):  # what cannot be removed is seen as a run that is new
            for name in (RUN, EXPERIMENT, EVENTS, MODEL, LOG, LOCK):
                self._disk.remove(self._folder / name)
            if (self._folder / CHECKPOINTS).is_dir():
                self._disk.remove_folder(self._folder / CHECKPOINTS)
            self._disk.remove_folder(self._folder)

    def _start(self, started: RunStarted) -> None:
        experiment, past = self._training.experiment, self._past
        check_savable(self._with_facts(self._training.model.state_dict()))  # not after the first epoch
        self._made_with = {
            "experiment": numbered(shared_values(experiment)),
            "versions": versions(),
            "threads": threads(experiment.device.threads),
        }
        if past is not None:  # not before: loading may fail, and nothing was trained with them then
            patiently(lambda: write_experiment(self._folder, experiment, self._disk))
            self.inexact = (*past.inexact, *changed_data(past.fingerprint, self._training.info.fingerprint))
        changes = past.changes if past is not None else ()
        paths = [each.path for each in changes]
        line = started_line(started, **self._made_with, changes=paths, inexact=self.inexact)
        self._log.add(self.inexact)
        if changes:
            self._log.add([SettingsChanged(started.epoch, started.batch, changes).line])
        self.note(line)
        for step in (self._journal.flush, self._save, self._journal.sync):
            patiently(step)
        self.begun = True

    def _save(self) -> None:
        if not self._training.consistent:
            return
        with told_if_short():
            self._save_now()

    def _save_now(self) -> None:
        began = monotonic()
        position = self._training.epoch, self._training.batch
        self.models.write()
        saved = position == self._saved_at and (self._folder / CHECKPOINTS / self._checkpoint / MANIFEST).is_file()
        if not saved and _finite(state := self._training.state()):
            self._journal.sync()  # what the checkpoint goes on from must not be missing in the curves
            info = self._training.info
            state |= {**self._made_with, "fingerprint": info.fingerprint, "channels": info.channels}
            self._checkpoint = save_checkpoint(self._folder, state, self._disk, keep=self._checkpoint)
            self._saved_at = position
            self.note(saved_line(*position, self._checkpoint, monotonic() - began))
        self._schedule.saved(monotonic() - began)


def _finite(state: Mapping[str, Any]) -> bool:
    """Whether a run can go on from `state`: what an optimizer remembers spoils a model as surely as its own numbers."""
    from torch import Tensor

    remembered = state["optimizer"]["state"].values()
    return finite(state["model"]) and all(
        finite({key: value for key, value in each.items() if isinstance(value, Tensor)}) for each in remembered
    )
