"""Threads that pull an iterator and emit what it yields. Know no widget and nothing of what is pulled but its
events.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QThread, Signal

from desktop_trainer.engine.events import BatchEnded, Evaluating
from desktop_trainer.experiment.problems import ExperimentError
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.runs.events import SaveProblem
from desktop_trainer.ui import sparing

if TYPE_CHECKING:
    from desktop_trainer.runs.events import RunEvent
    from desktop_trainer.runs.recording import Recording

_SETTLED = 0.3
"""Seconds after which a run that is held is saved."""


class IteratorThread(QThread):
    """Pulls the iterator that `make` returns, in a thread of its own; `make` is called there, too.

    Signals:
        item: a value that the iterator yielded.
        failed: the exception that ended it.
    """

    item = Signal(object)
    failed = Signal(object)

    def __init__(self, make: Callable[[], Generator[Any, None, None]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._make = make

    def stop(self) -> None:
        """Close the iterator after the value that it is busy with."""
        self.requestInterruption()

    def run(self) -> None:
        """Called by Qt in the thread."""
        try:
            with closing(self._make()) as items:
                for item in items:
                    if self.isInterruptionRequested():
                        break
                    self.item.emit(item)
        except Exception as error:  # noqa: BLE001  the boundary of the thread
            self.failed.emit(error)


class Command(Enum):
    """What a training thread can be told between two events. STOP keeps the run: if it cannot be saved, it holds
    instead.
    """

    PAUSE = "pause"
    RESUME = "resume"
    STEP = "step"
    STOP = "stop"
    STOP_ANYWAY = "stop anyway"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class Change:
    """Told to a training thread that is held: go on with these settings, then do what `then` says."""

    experiment: Experiment
    then: Command


class TrainingThread(QThread):
    """Drives a recording. It obeys what it is told between two events: within one batch.

    Args:
        make: called in the thread.
        step: hold after the first batch.
        replay: emit the history of a run that goes on.

    Signals:
        happened: a `RunEvent` that has something to show; at a `SaveProblem` it holds.
        refused: the `ExperimentError` that says why settings cannot change now; it holds.
        replayed: an `Event` from the history of a run that goes on, before anything happens.
        held: it stands still; all records have been emitted.
        snapshot: the `SavedModel` that was asked for.
        failed: the exception that ended the run.

    Attributes:
        recording: what was driven; to be read by others only when the thread has finished. None if it was never made.
    """

    happened = Signal(object)
    replayed = Signal(object)
    held = Signal()
    snapshot = Signal(object)
    failed = Signal(object)
    refused = Signal(object)

    def __init__(
        self,
        make: Callable[[], Recording],
        *,
        step: bool = False,
        replay: bool = False,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._make, self._replay = make, replay
        self.recording: Recording | None = None
        self._mailbox: queue.SimpleQueue[Command | Change] = queue.SimpleQueue()
        self._holding, self._stepping, self._stopped, self._unsaved = False, step, False, False
        self._shown = 0.0

    def tell(self, command: Command | Change) -> None:
        """Give a command, from any thread."""
        self._mailbox.put(command)

    def run(self) -> None:
        """Called by Qt in the thread."""
        try:
            self.recording = self._make()
            for event in self.recording.history.events() if self._replay else ():
                self.replayed.emit(event)
            self._pull(self.recording)
        except Exception as error:  # noqa: BLE001  the boundary of the thread
            self.failed.emit(error)

    def _pull(self, recording: Recording) -> None:
        recording.read_every(sparing.BLOCK_SECONDS)
        with closing(recording.events()) as events:
            for event in events:
                self._show(event)
                self._unsaved = isinstance(event, SaveProblem)
                if self._unsaved or (self._stepping and isinstance(event, BatchEnded)):
                    self._holding, self._stepping = True, False
                if self._holding or not self._mailbox.empty():
                    self._obey(recording)
                if self._stopped:
                    self._show_block(recording)
                    break

    def _show(self, event: RunEvent) -> None:
        """Emit what a person can see: blocks of records, and of the progress at most one a frame."""
        if isinstance(event, BatchEnded) and event.records is None:
            return
        if isinstance(event, Evaluating):
            now = monotonic()
            if now - self._shown < sparing.BLOCK_SECONDS:
                return
            self._shown = now
        self.happened.emit(event)

    def _obey(self, recording: Recording) -> None:
        told = False
        while not self._stopped and (self._holding or not self._mailbox.empty()):
            if self._mailbox.empty() and not told:
                self._show_block(recording)
                self.held.emit()
                told = True
            command = self._next_command(recording)
            if isinstance(command, Change):
                self._unsaved = not self._changed(recording, command.experiment)
                command, told = (Command.PAUSE, False) if self._unsaved else (command.then, told)
            if command is Command.SNAPSHOT:
                if recording.trains:
                    self.snapshot.emit(recording.snapshot())
            elif command is Command.STOP and (problem := recording.checkpoint()) is not None:
                self.happened.emit(problem)
                self._holding, self._unsaved, told = True, True, False
            else:
                self._stopped = command in (Command.STOP, Command.STOP_ANYWAY)
                self._holding, self._stepping = command is Command.PAUSE, command is Command.STEP

    def _next_command(self, recording: Recording) -> Command | Change:
        """Wait for one. A run that is held for more than a moment is saved; who steps on at once does not wait for
        that.
        """
        if not self._unsaved:
            try:
                return self._mailbox.get(timeout=_SETTLED)
            except queue.Empty:
                if (problem := recording.checkpoint()) is not None:
                    self.happened.emit(problem)
        return self._mailbox.get()

    def _changed(self, recording: Recording, experiment: Experiment) -> bool:
        """Go on with these settings; False if that is refused, or they could not be saved."""
        try:
            self.happened.emit(recording.change(experiment))
        except ExperimentError as error:
            self.refused.emit(error)
            return False
        if (problem := recording.checkpoint()) is not None:
            self.happened.emit(problem)
        return problem is None

    def _show_block(self, recording: Recording) -> None:
        """Show the numbers that would have waited for the next block."""
        if (block := recording.flush()) is not None:
            self.happened.emit(block)
