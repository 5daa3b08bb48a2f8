"""The strip in the toolbar: progress of the epoch and the run, time left, pace and device. Knows events, no session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QWidget

from desktop_trainer.engine import events
from desktop_trainer.engine.pace import Pace, duration
from desktop_trainer.engine.report import grouped
from desktop_trainer.i18n import mark, tr
from desktop_trainer.ui import sparing
from desktop_trainer.ui.naming import named
from desktop_trainer.ui.session import RunState

if TYPE_CHECKING:
    from desktop_trainer.runs.events import RunEvent

_STATES = {
    RunState.IDLE: "",
    RunState.RUNNING: "",
    RunState.PAUSING: mark("Pausing after this batch…"),
    RunState.PAUSED: mark("Paused"),
    RunState.STOPPING: mark("Stopping after this batch…"),
}


_SEPARATOR = "  ·  "
_REFRESH_MS = 400 if sparing.PROCESSORS > 2 else 1000
"""Numbers that change faster can hardly be read, and each change is painted."""


class ProgressStrip(QWidget):
    """Two bars and a line of figures; empty before the first run.

    Signals:
        refreshed: the figures are others, perhaps.
    """

    refreshed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("progress")
        self._pace: Pace | None = None
        self._device = self._place = ""
        self._state = RunState.IDLE
        self._doing = ""
        self._epochs = 0
        self._timer = QTimer(self, singleShot=True, interval=_REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self.epoch_bar = _bar("epoch_progress")
        self.run_bar = _bar("run_progress")
        self._figures = named(QLabel(), "figures")
        self._figures.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._figures.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 0, 8, 0)
        layout.addWidget(self._figures, 1)
        layout.addWidget(self.epoch_bar)
        layout.addWidget(self.run_bar)
        self.retranslate()

    @property
    def figures(self) -> str:
        """All the figures in a line."""
        return self._figures.toolTip()

    @property
    def run_share(self) -> float | None:
        """How much of the run is done, 0 to 1; None before it began."""
        return None if self._pace is None else self._pace.run_share

    def set_state(self, state: RunState) -> None:
        """Show what the session is doing."""
        self._state = state
        self._doing = "" if state is RunState.IDLE else self._doing
        self.refresh()

    def begin(self) -> None:
        """A run begins: say so before it says anything itself."""
        self._pace, self._doing = None, tr("Starting…")
        self.refresh()

    def clear(self) -> None:
        """Nothing is going on, and nothing was."""
        self._pace, self._doing = None, ""
        self.refresh()

    def show_event(self, event: RunEvent) -> None:
        """Take in what the run says."""
        self._doing = ""
        match event:
            case events.Loading(what=what):
                self._doing = what
            case events.RunStarted():
                self._pace, self._device, self._epochs = Pace(event), event.device, event.epochs
                self._place = tr("data {place}", place=event.data_place)
            case events.BatchEnded(records=records) if self._pace is not None and records is not None:
                self._pace.add(records)
            case events.Evaluating(done=done, total=total):
                self._doing = tr("Examining the test set: {done} of {total}", done=done, total=total)
            case events.EpochEnded() if self._pace is not None:
                self._pace.end_epoch(event)
            case _:
                pass
        if not self._timer.isActive():
            self._timer.start()

    def retranslate(self) -> None:
        """Show everything anew in the current language."""
        for bar, name in ((self.epoch_bar, tr("Progress of the epoch")), (self.run_bar, tr("Progress of the run"))):
            bar.setAccessibleName(name)
            bar.setToolTip(name)
        self.run_bar.setFormat(tr("run %p%"))
        least = tr("ETA {time}", time="00:00")
        self._figures.setMinimumWidth(self._figures.fontMetrics().horizontalAdvance(least))
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show the figures as they are now."""
        self._timer.stop()
        self.setUpdatesEnabled(False)  # each bar would be painted on its own
        self._show_figures()
        pace = self._pace
        self.epoch_bar.setValue(0 if pace is None else round(1000 * pace.epoch_share))
        self.run_bar.setValue(0 if pace is None else round(1000 * pace.run_share))
        epoch = 0 if pace is None else min(pace.epoch + 1, self._epochs)
        self.epoch_bar.setFormat(
            tr("epoch {epoch}/{epochs}", epoch=epoch, epochs=self._epochs) if pace else tr("epoch")
        )
        self.setUpdatesEnabled(True)
        self.refreshed.emit()

    def _show_figures(self) -> None:
        """As many of the figures as there is room for, the first ones first; the tooltip has them all."""
        parts = [part for part in self._parts() if part]
        whole = _SEPARATOR.join(parts)
        if whole != self._figures.toolTip():
            self._figures.setToolTip(whole)
            self._figures.setAccessibleName(whole)
        room = self._figures.fontMetrics().horizontalAdvance
        while len(parts) > 1 and room(_SEPARATOR.join(parts)) > self._figures.width():
            parts.pop()
        self._figures.setText(_SEPARATOR.join(parts))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's: there is more room, or less."""
        super().resizeEvent(event)
        self._show_figures()

    def _parts(self) -> list[str]:
        if self._state is RunState.IDLE or self._pace is None:
            return [tr(_STATES[self._state]), self._doing]
        left, rate = self._pace.seconds_left, self._pace.samples_per_second
        return [
            tr(_STATES[self._state]) or self._doing,
            tr("ETA {time}", time=duration(left)) if left is not None else "",
            tr("{rate} samples/s", rate=grouped(rate)) if rate else "",
            self._device,
            self._place,
        ]

    def changeEvent(self, event: QEvent) -> None:
        """Qt's: the language may have changed."""
        if event.type() is QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)


def _bar(name: str) -> QProgressBar:
    bar = named(QProgressBar(maximum=1000, value=0, textVisible=True), name)
    bar.setMinimumWidth(76)
    bar.setMaximumWidth(130)
    return bar
