"""The one state of the window: what is running, what it said, and the model there is. Knows no widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from desktop_trainer import process
from desktop_trainer.engine.events import RunStarted
from desktop_trainer.engine.tracebacks import forget_locals
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.runs.events import SaveProblem, SettingsChanged
from desktop_trainer.runs.files import SaveFailed
from desktop_trainer.runs.run_folder import BEST
from desktop_trainer.ui.thread import Change, Command, TrainingThread

if TYPE_CHECKING:
    from torch import Tensor

    from desktop_trainer.runs.events import RunEvent
    from desktop_trainer.runs.model_file import SavedModel
    from desktop_trainer.runs.recording import Recording


class RunState(Enum):
    """What the session is doing. The two in ``-ing`` behind running last until the batch in hand is done."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True, eq=False)
class EndedRun:
    """What is remembered of a run that has ended: not what it had in memory, which the next one needs.

    Attributes:
        folder: where it lies. experiment: what it trained. epoch: how many whole epochs.
        outcome: how it ended. resumable: whether it can go on where it ended.
        model: the one that was kept; None if there was no whole epoch.
    """

    folder: Path
    experiment: Experiment
    epoch: int
    outcome: str
    resumable: bool
    model: SavedModel | None

    @classmethod
    def of(cls, recording: Recording) -> EndedRun:
        """That of a recording that has ended."""
        training = recording.training
        outcome = recording.ended.outcome if recording.ended is not None else ""
        return cls(recording.folder, training.experiment, training.epoch, outcome, recording.resumable, recording.kept)


class Session(QObject):
    """Starts, holds and ends one training at a time.

    Signals:
        state_changed: the new `RunState`.
        began: a run begins; False if it goes on with the curves that are there.
        happened: a `RunEvent` of the run; at a `SaveProblem` it pauses, and `resume` tries again.
        failed: the exception that ended a run, or a save, or that says why settings cannot change now.
        ended: the `RunEnded`, or None if the run never came to be.
        model_changed: there is another `model`, or none.
        discarded: the run that had ended was discarded; the bin holds it.
        restored: it was brought back.
    """

    state_changed = Signal(object)
    began = Signal(object)
    happened = Signal(object)
    failed = Signal(object)
    ended = Signal(object)
    model_changed = Signal()
    discarded = Signal()
    restored = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = RunState.IDLE
        self.experiment: Experiment | None = None
        self.model: SavedModel | None = None
        self._binned: tuple[Path, EndedRun] | None = None
        self._thread: TrainingThread | None = None
        self._last: EndedRun | None = None
        self._gone: EndedRun | None = None
        self._error: BaseException | None = None
        self._discard, self._started = False, False
        self._wanted: list[Callable[[SavedModel], None]] = []

    @property
    def active(self) -> bool:
        """Whether a run is going on, be it paused or stopping."""
        return self.state is not RunState.IDLE

    @property
    def can_change(self) -> bool:
        """Whether a run is paused that can go on with other settings: it has a model and an optimizer."""
        return self.state is RunState.PAUSED and self._started

    @property
    def held_folder(self) -> Path | None:
        """Where the run lies that is paused; None while none is."""
        recording = self._thread.recording if self._thread is not None and self.state is RunState.PAUSED else None
        return None if recording is None else recording.folder  # the thread waits, and never changes it

    @property
    def can_continue(self) -> bool:
        """Whether the last run can go on where it ended, with the curves that are there."""
        return self.can_discard and self._last is not None and self._last.resumable

    @property
    def last_folder(self) -> Path | None:
        """Where the last run lies, if it has ended and anything of it was kept."""
        return self._last.folder if self._last is not None and not self.active else None

    @property
    def last_outcome(self) -> str:
        """How the last run ended; empty if there is none."""
        return self._last.outcome if self._last is not None else ""

    @property
    def can_discard(self) -> bool:
        """Whether there is a run that ended and lies in its folder."""
        return not self.active and self._last is not None

    @property
    def can_undo_discard(self) -> bool:
        """Whether a discarded run can be brought back."""
        return not self.active and self._binned is not None

    @property
    def has_model(self) -> bool:
        """Whether there is a model that `with_model` can give."""
        return self._started if self.active else self.model is not None

    @property
    def folder(self) -> Path | None:
        """Where the run at hand lies, be it going on or over; None if there is none, or before it has a folder."""
        recording = self._thread.recording if self._thread is not None else self._last
        return recording.folder if recording is not None else None

    @property
    def best(self) -> Path | None:
        """Where the model of the best epoch of the last run lies, if there is one."""
        path = self._last.folder / BEST if self._last is not None else None
        return path if path is not None and path.is_file() else None

    @property
    def epochs_done(self) -> int:
        """Whole epochs of the last run."""
        return self._last.epoch if self._last is not None else 0

    def start(
        self, experiment: Experiment, *, weights_of: SavedModel | None = None, step: bool = False, recipe: str = ""
    ) -> None:
        """Begin a run, from new parameters or those of a model; with `step`, hold after its first batch."""
        if self.active:
            return
        weights = None if weights_of is None else weights_of.weights
        self._binned = None
        self._launch(experiment, lambda: _new_recording(experiment, weights, recipe), step=step, fresh=True)

    def reopen(self, folder: Path, experiment: Experiment, changes: Mapping[str, Any] | None = None) -> None:
        """Let the run in `folder` go on where it was; `experiment` is what it trains, with this machine's settings.

        Its history is told first, unless it is the last run, whose history was told.
        """
        if not self.active:
            self._binned = None
            new = not (self.can_continue and self.last_folder == folder)
            self._launch(experiment, lambda: _reopened(folder, changes, experiment), step=False, fresh=new, replay=new)

    def pause(self) -> None:
        """Hold after the batch in hand."""
        if self.state is RunState.RUNNING:
            self._tell(Command.PAUSE, RunState.PAUSING)

    def resume(self, experiment: Experiment | None = None) -> None:
        """Go on after a pause, with the settings of `experiment` if they are others."""
        if self.state in (RunState.PAUSED, RunState.PAUSING):
            self._tell(self._changed(experiment, Command.RESUME), RunState.RUNNING)

    def step(self, experiment: Experiment | None = None) -> None:
        """Do one batch of a paused run, with the settings of `experiment` if they are others."""
        if self.state is RunState.PAUSED:
            self._tell(self._changed(experiment, Command.STEP), RunState.PAUSING)

    def _changed(self, experiment: Experiment | None, then: Command) -> Command | Change:
        if experiment is None or experiment == self.experiment or not self.can_change:
            return then
        self._asked = experiment
        return Change(experiment, then)

    def stop(self, *, discard: bool = False, anyway: bool = False) -> None:
        """End the run after the batch in hand and keep it, or discard it.

        A run that cannot be saved is paused instead, unless it is to end `anyway`.
        """
        if self.active and self.state is not RunState.STOPPING:
            self._discard = discard
            self._tell(Command.STOP_ANYWAY if discard or anyway else Command.STOP, RunState.STOPPING)

    def stop_and_wait(self, seconds: float) -> None:
        """As `stop`, and stand still until the run is kept, so long at most: the machine is about to shut down."""
        self.stop(anyway=True)
        if self._thread is not None:
            self._thread.wait(int(1000 * seconds))

    @property
    def binned(self) -> Path | None:
        """Where the run that was discarded last lies in the bin, until the next start."""
        return self._binned[0] if self._binned is not None else None

    def discard_last(self) -> None:
        """Discard the run that has ended: its folder goes to the bin. What goes wrong is told by `failed`."""
        if self.can_discard:
            try:
                self.put_away()
            except SaveFailed as error:
                self.failed.emit(error)

    def put_away(self) -> Path:
        """As `discard_last`, of a run that there is; returns where it lies in the bin.

        Raises:
            SaveFailed: if it cannot be moved.
        """
        from desktop_trainer.runs import store

        assert self._last is not None
        place = store.discard(self._last.folder)
        self._binned, self._last = (place, self._last), None
        self._set_model(None)
        self.discarded.emit()
        return place

    def undo_discard(self) -> Path:
        """Bring back the run that was discarded last, which there is; returns its folder.

        Raises:
            SaveFailed: if it cannot be moved.
        """
        from desktop_trainer.runs import store

        assert self._binned is not None
        place, run = self._binned
        run = replace(run, folder=store.restore(place))
        self._binned, self._last = None, run
        self.experiment = run.experiment
        self._set_model(run.model)
        self.restored.emit()
        return run.folder

    @Slot(object, object)
    def folder_moved(self, old: Path, new: Path | None) -> None:
        """The folder of a run has another path, or is gone: then only the run's model stays, until it is back."""
        if self._last is not None and self._last.folder == old:
            self._gone, self._last = (self._last, None) if new is None else (None, replace(self._last, folder=new))
            self.model_changed.emit()
        elif self._gone is not None and self._gone.folder == new and not self.active:
            self._gone, self._last = None, self._gone
            self.model_changed.emit()

    def with_model(self, use: Callable[[SavedModel], None]) -> None:
        """Call `use` with the model as it is now: of the run between two batches, else the one that is there."""
        if self._thread is not None:
            self._wanted.append(use)
            self._thread.tell(Command.SNAPSHOT)
        elif self.model is not None:
            use(self.model)

    def set_model(self, model: SavedModel) -> None:
        """Take over a model that was loaded; the last run cannot go on then."""
        self._last, self.experiment = None, model.experiment
        self._set_model(model)

    def _set_model(self, model: SavedModel | None) -> None:
        self.model, self._gone = model, None
        self.model_changed.emit()

    def _tell(self, command: Command | Change, state: RunState) -> None:
        if self._thread is not None:
            self._thread.tell(command)
            self._set_state(state)

    def _set_state(self, state: RunState) -> None:
        self.state = state
        self.state_changed.emit(state)

    def _launch(
        self, experiment: Experiment, make: Callable[[], Recording], *, step: bool, fresh: bool, replay: bool = False
    ) -> None:
        self.experiment, self._error, self._discard, self._started = experiment, None, False, False
        self._asked = experiment
        thread = TrainingThread(make, step=step, replay=replay, parent=self)
        thread.happened.connect(self._on_event)
        thread.replayed.connect(self.happened)
        thread.held.connect(self._on_held)
        thread.snapshot.connect(self._on_snapshot)
        thread.failed.connect(self._on_failed)
        thread.refused.connect(self._on_refused)
        thread.finished.connect(self._on_finished)
        self._thread = thread
        self.began.emit(fresh)
        self._set_state(RunState.PAUSING if step else RunState.RUNNING)
        thread.start()

    @Slot(object)
    def _on_event(self, event: RunEvent) -> None:
        if isinstance(event, RunStarted):
            self._started = True
            self.model_changed.emit()
        elif isinstance(event, SettingsChanged):
            self.experiment = self._asked
        elif isinstance(event, SaveProblem) and self.state in (RunState.RUNNING, RunState.STOPPING):
            self._set_state(RunState.PAUSING)
        self.happened.emit(event)

    @Slot(object)
    def _on_refused(self, error: BaseException) -> None:
        if self.state is RunState.RUNNING:
            self._set_state(RunState.PAUSING)
        self.failed.emit(error)

    @Slot()
    def _on_held(self) -> None:
        if self.state is RunState.PAUSING:
            self._set_state(RunState.PAUSED)

    @Slot(object)
    def _on_snapshot(self, model: SavedModel) -> None:
        if self._wanted:
            self._wanted.pop(0)(model)

    @Slot(object)
    def _on_failed(self, error: BaseException) -> None:
        self._error = error

    @Slot()
    def _on_finished(self) -> None:
        """The thread has ended, so what it made may be read; the only place where a run becomes the past."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        recording, thread.recording = thread.recording, None
        thread.deleteLater()
        ended = None if recording is None else recording.ended
        trained = EndedRun.of(recording) if recording is not None and recording.begun else None
        del thread, recording
        self._let_go()
        wanted, self._wanted = self._wanted, []
        self._set_state(RunState.IDLE)
        if trained is not None:
            self._last = trained
            self._set_model(trained.model)
            for use in wanted:
                self.with_model(use)
        self.ended.emit(ended)
        if self._error is not None:
            self.failed.emit(self._error)
        elif self._discard and trained is not None:
            self.discard_last()

    def _let_go(self) -> None:
        """Nobody holds the run's data and model any more, not even its error: their memory goes back."""
        if self._error is not None:
            forget_locals(self._error)
        process.give_back()


def _new_recording(experiment: Experiment, weights: Mapping[str, Tensor] | None, recipe: str) -> Recording:
    """Called in the thread: torch is loaded here."""
    from desktop_trainer.engine.training import Training
    from desktop_trainer.runs.recording import Recording
    from desktop_trainer.runs.store import empty_bin, new_folder

    empty_bin()
    return Recording(Training(experiment, weights=weights), new_folder(experiment), recipe=recipe)


def _reopened(folder: Path, changes: Mapping[str, Any] | None, here: Experiment) -> Recording:
    """Called in the thread: the run goes on in its folder."""
    from desktop_trainer.runs.resume import reopen

    return reopen(folder, changes, here=here)
