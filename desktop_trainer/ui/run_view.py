"""Hands the events of a run to the panels that show them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Slot

from desktop_trainer.engine import events
from desktop_trainer.engine.lines import end_line, epoch_line, paused_line, resumed_line, start_line
from desktop_trainer.i18n import tr
from desktop_trainer.runs.events import RunEvent, SaveProblem, SettingsChanged
from desktop_trainer.ui.curves.panel import CurvesPanel
from desktop_trainer.ui.live.epochs import EpochTable
from desktop_trainer.ui.live.log import LogPanel
from desktop_trainer.ui.live.progress import ProgressStrip
from desktop_trainer.ui.live.status import ShownRun
from desktop_trainer.ui.session import RunState, Session


class RunView(QObject):
    """Feeds curves, epoch table, log and status strip."""

    def __init__(
        self, session: Session, curves: CurvesPanel, epochs: EpochTable, log: LogPanel, progress: ProgressStrip
    ) -> None:
        super().__init__(session)
        self._session = session
        self._curves, self._epochs, self._log, self._progress = curves, epochs, log, progress
        self._batches, self._device, self._paused = 1, "", False
        self._shelf: dict[str, Any] = {}
        self._before: dict[str, Any] | None = None
        self._shelved: ShownRun | None = None
        session.began.connect(self._on_began)
        session.happened.connect(self._on_event)
        session.ended.connect(self._on_ended)
        session.failed.connect(self._on_failed)
        session.discarded.connect(self._on_discarded)
        session.restored.connect(self._on_restored)
        session.state_changed.connect(self._on_state)

    def clear(self) -> None:
        """Show no run."""
        self._curves.clear()
        self._epochs.clear()
        self._progress.shelve()

    @Slot(object)
    def _on_began(self, fresh: bool) -> None:
        self._paused = False
        if fresh:
            self._before = self._curves.shelve()
            self._curves.clear()
            self._epochs.clear()
        self._progress.begin()

    @Slot(object)
    def _on_state(self, state: RunState) -> None:
        """The log tells of a pause and its end; of batches that are done one by one it does not."""
        self._progress.set_state(state)
        if state is RunState.PAUSED and not self._paused and (place := self._progress.place) is not None:
            self._paused = True
            self._log.add(paused_line(*place))
        elif state is RunState.RUNNING and self._paused:
            self._paused = False
            self._log.add(tr("Resumed."))

    @Slot(object)
    def _on_event(self, event: RunEvent) -> None:
        self._progress.show_event(event)
        match event:
            case events.Notice(text=text) | events.DataCounted(text=text):
                self._log.add(text)
            case events.RunStarted() if self._session.experiment is not None:
                self._before = None
                self._batches, self._device = event.batches_per_epoch, event.device
                done = event.epoch * event.batches_per_epoch + event.batch
                self._curves.begin(event.epochs, event.batches_per_epoch, done=done)
                if done:
                    self._log.add(resumed_line(event))
                self._log.add(start_line(self._session.experiment, event))
            case events.BatchEnded(records=records) if records is not None:
                self._curves.add_records(records, self._batches)
            case events.EpochEnded():
                self._curves.add_epoch(event)
                self._epochs.add(event)
                self._log.add(epoch_line(event, self._device))
            case SettingsChanged():
                self._curves.add_change(event)
                self._log.add(event.line)
            case SaveProblem(reason=reason):
                self._log.add(reason)
            case _:
                pass

    @Slot(object)
    def _on_ended(self, ended: events.RunEnded | None) -> None:
        self._progress.end(ended)
        if ended is not None:
            self._log.add(end_line(ended))
        if self._before is not None:  # it never came to be
            self._show_again(self._before)
        self._before = None

    @Slot(object)
    def _on_failed(self, _: BaseException) -> None:
        self._progress.fail()

    @Slot()
    def _on_discarded(self) -> None:
        self._shelf, self._shelved = self._curves.shelve(), self._progress.shelve()
        self._epochs.clear()
        self._log.add(tr("The run was discarded."))

    @Slot()
    def _on_restored(self) -> None:
        self._show_again(self._shelf)
        self._progress.unshelve(self._shelved)
        self._log.add(tr("The run was brought back."))

    def _show_again(self, shelf: dict[str, Any]) -> None:
        self._curves.unshelve(shelf)
        self._epochs.clear()
        for ended in self._curves.series.epochs:
            self._epochs.add(ended)
