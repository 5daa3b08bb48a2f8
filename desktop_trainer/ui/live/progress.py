"""The status strip at the foot of the window: a thin bar, and what `Status` says in cells that are never cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from desktop_trainer.engine.events import Loading
from desktop_trainer.i18n import tr
from desktop_trainer.ui import sparing
from desktop_trainer.ui.live.status import CELLS, ShownRun, Status, percent, words_while_active
from desktop_trainer.ui.naming import named
from desktop_trainer.ui.session import RunState

if TYPE_CHECKING:
    from desktop_trainer.engine.events import RunEnded
    from desktop_trainer.runs.events import RunEvent

_SECOND_ROW = ("rate", "device", "loss", "accuracy")
"""What goes below the others where all are too wide for one row."""
_SPACING, _MARGIN = 18, 12
_REFRESH_MS = 400 if sparing.PROCESSORS > 2 else 1000
"""Numbers that change faster can hardly be read, and each change is painted."""


class ProgressStrip(QWidget):
    """A cell for each figure. Where one row is too narrow for the cells, there are two.

    A cell is as wide as the widest text that it had in this run: figures that change do not move the others, and as the
    cells are of a fixed size, nothing is laid out anew.

    Signals:
        refreshed: the figures are others, perhaps.
    """

    refreshed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("progress")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._status = Status()
        self._two_rows = False
        self._timer = QTimer(self, singleShot=True, interval=_REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self.bar = named(QProgressBar(maximum=1000, textVisible=False), "run_progress")
        self._cells = {name: named(QLabel(textFormat=Qt.TextFormat.PlainText), f"status_{name}") for name in CELLS}
        bold = self.font()
        bold.setBold(True)
        self._cells["state"].setFont(bold)
        self._rows = [QHBoxLayout(), QHBoxLayout()]
        self._lay_out()
        self.retranslate()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        for row in self._rows:
            row.setContentsMargins(_MARGIN, 0, _MARGIN, 0)
            row.setSpacing(_SPACING)
            column.addLayout(row)
        for cell in self._cells.values():
            self._rows[0].addWidget(cell)
        for row in self._rows:
            row.addStretch(1)

    @property
    def figures(self) -> str:
        """All that is shown, in a line."""
        return self.accessibleName()

    @property
    def share(self) -> str:
        """How much of the run is done, in percent; empty before it began."""
        return "" if self._status.run is None else percent(self._status.run.share)

    @property
    def place(self) -> tuple[int, int] | None:
        """The epoch and the batch that were done last, from 1; None before a run."""
        return None if self._status.run is None else self._status.run.place

    def set_state(self, state: RunState) -> None:
        """Show what the session is doing."""
        self._status.state = state
        if state is RunState.IDLE:
            self._status.doing = None
        self.refresh()

    def begin(self) -> None:
        """A run begins: say so before it says anything itself."""
        self._status.begin()
        self._forget_widths()
        self.refresh()

    def show_event(self, event: RunEvent) -> None:
        """Take in what the run says."""
        self._status.take(event)
        if not self._timer.isActive():
            self._timer.start()

    def end(self, ended: RunEnded | None) -> None:
        """The run is over, or never came to be: what it came to stays."""
        self._status.doing = None
        if self._status.run is not None:
            self._status.run.ended = ended
        self.refresh()

    def fail(self) -> None:
        """Something failed: if it was a run that never came to be, nothing else says so."""
        self._status.failed = self._status.run is None
        self.refresh()

    def set_busy(self, busy: bool) -> None:
        """Whether something is done beside the runs: a model is read or examined."""
        if self._status.state is RunState.IDLE:
            self._status.doing = Loading("", 0, 0) if busy else None
            self.refresh()

    def shelve(self) -> ShownRun | None:
        """Show no run; returns what was shown, for `unshelve`."""
        shelved, self._status = self._status.run, Status()
        self._forget_widths()
        self.refresh()
        return shelved

    def unshelve(self, shelved: ShownRun | None) -> None:
        """Show again what `shelve` returned."""
        self._status.run = shelved
        self.refresh()

    def retranslate(self) -> None:
        """Show everything anew in the current language."""
        self.bar.setAccessibleName(tr("Progress of the run"))
        self._forget_widths()
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show the figures as they are now."""
        self._timer.stop()
        texts = self._status.texts()
        self.setUpdatesEnabled(False)  # each cell would be painted on its own
        self._colour(self._status.words()[1])
        for name, cell in self._cells.items():
            _show(cell, texts.get(name, ""))
        self._arrange()
        self.bar.setValue(int(1000 * self._status.share))
        self.setAccessibleName("  ·  ".join(texts[name] for name in CELLS if name in texts))
        self.setToolTip(self._status.hint())
        self.setUpdatesEnabled(True)
        self.refreshed.emit()

    def _colour(self, tone: str) -> None:
        cell = self._cells["state"]
        if cell.property("tone") != tone:
            cell.setProperty("tone", tone)
            cell.style().polish(cell)

    def _forget_widths(self) -> None:
        """The cells may become narrower: another run, or another language."""
        for cell in self._cells.values():
            cell.clear()
            cell.setMinimumWidth(0)
        for word in words_while_active():
            _widen(self._cells["state"], word)

    def _arrange(self) -> None:
        """Use two rows where one has not enough room."""
        shown = [cell.minimumWidth() for cell in self._cells.values() if not cell.isHidden()]
        needed = sum(shown) + _SPACING * len(shown) + 2 * _MARGIN
        if (needed > self.width()) is not self._two_rows:
            self._two_rows = not self._two_rows
            before, after = self._rows[not self._two_rows], self._rows[self._two_rows]
            for name in _SECOND_ROW:
                before.removeWidget(self._cells[name])
                after.insertWidget(after.count() - 1, self._cells[name])

    def sizeHint(self) -> QSize:
        """Qt's: any width will do."""
        return QSize(1, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Qt's."""
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's: there is more room, or less."""
        super().resizeEvent(event)
        self._arrange()

    def changeEvent(self, event: QEvent) -> None:
        """Qt's: the language may have changed, or the font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.LanguageChange, QEvent.Type.FontChange):
            self.retranslate()


def _show(cell: QLabel, text: str) -> None:
    if text != cell.text():
        cell.setText(text)
        _widen(cell, text)
    cell.setVisible(bool(text))


def _widen(cell: QLabel, text: str) -> None:
    needed = cell.fontMetrics().horizontalAdvance(text) + 2
    if needed > cell.minimumWidth():
        cell.setFixedSize(needed, cell.fontMetrics().height() + 8)
