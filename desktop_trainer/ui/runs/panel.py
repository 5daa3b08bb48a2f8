"""The panel with every run there is: search, table and buttons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal, Slot
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QToolButton, QVBoxLayout, QWidget

from desktop_trainer.i18n import tr
from desktop_trainer.report.run_columns import words_of
from desktop_trainer.runs.outcomes import OUTCOMES
from desktop_trainer.ui.naming import named
from desktop_trainer.ui.runs.actions import RunActions
from desktop_trainer.ui.runs.feed import RunFeed
from desktop_trainer.ui.runs.model import Changes, RunRow
from desktop_trainer.ui.runs.table import RunTable
from desktop_trainer.ui.theme import icon

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary

_BUTTONS = ("show_run_curves", "what_changed", "resume_run", "delete_runs")
_WIDE = 700
"""From so many pixels on the buttons have their texts beside the icons."""


class RunsPanel(QWidget):
    """The runs in the folder `runs`. While it is in sight it stays up to date by itself.

    Signals:
        resume_requested: the folder of a run that is to go on.
        asked: what else is to be done, by its verb in `run_actions`, with a list of `RunSummary`.
        edited: another text for a run: its `RunSummary`, ``name`` or ``tags``, and the text.
        failed: the exception that kept the runs from being read.
    """

    resume_requested = Signal(object)
    asked = Signal(str, object)
    edited = Signal(object, str, str)
    failed = Signal(object)

    def __init__(self, runs: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runs")
        self.table = RunTable()
        self.feed = RunFeed(runs, self.table.runs.summaries, self)
        self.actions_ = RunActions(self)
        self._search, self._state = (
            named(QLineEdit(clearButtonEnabled=True), "runs_search"),
            named(QComboBox(), "runs_state"),
        )
        self._count, self._nothing = named(QLabel(), "runs_count"), named(QLabel(wordWrap=True), "no_runs")
        self._buttons = [self._button(verb) for verb in _BUTTONS]
        self._more = named(QToolButton(), "runs_more")
        self._lay_out()
        self._connect()
        self._retranslate()

    def _button(self, verb: str) -> QToolButton:
        button = named(QToolButton(), f"{verb}_button")
        button.setDefaultAction(self.actions_.by_verb[verb])
        button.setIconSize(QSize(16, 16))
        return button

    def _lay_out(self) -> None:
        self._count.setProperty("role", "muted")
        self._nothing.setProperty("role", "muted")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._more.setMenu(self.actions_)
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._more.setIconSize(QSize(16, 16))
        self._state.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)  # the language can change
        self._search.setMinimumWidth(90)
        row = QHBoxLayout()
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(4)
        row.addWidget(self._search, 1)
        for widget in (self._state, self._count, *self._buttons, self._more):
            row.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        column.addWidget(self._nothing, 1)

    def _connect(self) -> None:
        self._search.textChanged.connect(self._on_search)
        self._state.currentIndexChanged.connect(self._on_search)
        self.table.selected.connect(self._on_selected)
        self.table.chosen.connect(self.actions_.by_verb["show_run_curves"].trigger)
        self.table.menu_asked.connect(self._on_menu)
        self.table.runs.edited.connect(self.edited)
        self.actions_.asked.connect(self._on_asked)
        self.feed.changed.connect(self.apply)
        self.feed.failed.connect(self.failed)
        self.feed.read.connect(self._show_count)

    def apply(self, difference: Changes) -> None:
        """Bring the table up to date."""
        self.table.apply(difference)
        self._on_selected()
        self._show_count()

    def replace(self, folder: Path, summary: RunSummary) -> None:
        """Show `summary` for the run that lay in `folder`."""
        self.table.runs.replace(folder, summary)
        self._on_selected()

    def put_back(self, runs: Sequence[RunSummary]) -> None:
        """Show runs again that were gone."""
        self.apply(Changes(frozenset(), tuple(RunRow(run, words_of(run)) for run in runs)))

    @Slot()
    def refresh(self, *_: object) -> None:
        """Something happened to a run of this window: read it, if anybody is looking."""
        if self.isVisible():
            self.feed.refresh_soon()

    def close_thread(self) -> None:
        """The window is closing."""
        self.feed.close()

    @Slot()
    def _show_count(self) -> None:
        shown, every = self.table.filter.rowCount(), len(self.table.runs.rows)
        self._count.setText(f"{shown} / {every}" if shown != every else str(every))
        self._count.setAccessibleName(tr("Runs shown: {shown} of {count}", shown=shown, count=every))
        self._count.setToolTip(self._count.accessibleName())
        text = (
            tr("No run matches the search.")
            if every
            else tr("No run yet. Start trains one; every run is kept and listed here.")
        )
        self._nothing.setText(tr("Reading the runs…") if self.feed.busy and not every else text)
        self._nothing.setVisible(not shown)
        self.table.setVisible(bool(shown))

    @Slot()
    def _on_search(self, *_: object) -> None:
        self.table.filter.search(self._search.text(), self._state.currentData() or "")
        self._show_count()

    @Slot()
    def _on_selected(self) -> None:
        self.actions_.set_runs(self.table.selection())

    @Slot(QPoint)
    def _on_menu(self, place: QPoint) -> None:
        self.actions_.popup(place)

    @Slot(str, object)
    def _on_asked(self, verb: str, runs: list[RunSummary]) -> None:
        if verb == "resume_run":
            self.resume_requested.emit(runs[0].folder)
        elif verb == "rename_run":
            self.table.rename()
        elif verb == "refresh_runs":
            self.feed.refresh()
        else:
            self.asked.emit(verb, runs)

    def _retranslate(self) -> None:
        self._search.setPlaceholderText(tr("Search"))
        self._search.setAccessibleName(tr("Search the runs"))
        self._search.setToolTip(
            tr(
                "Every word must occur in the name, the tags, the note or the settings, which read like "
                "“optimizer.lr=0.1”."
            )
        )
        self._state.setAccessibleName(tr("State of the runs to show"))
        self._state.setToolTip(tr("Show only the runs in this state."))
        for place, (outcome, text) in enumerate({"": tr("All states"), **OUTCOMES}.items()):
            if place == self._state.count():
                self._state.addItem("", outcome)
            self._state.setItemText(place, tr(text))
        self._more.setToolTip(tr("More that can be done with the selected runs"))
        self._more.setAccessibleName(tr("More"))
        self.actions_.retranslate()
        for button in self._buttons:
            button.setAccessibleName(button.text().replace("&", ""))
        self._show_count()

    def changeEvent(self, event: QEvent) -> None:
        """Qt's: language or colours may have changed."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.LanguageChange:
            self._retranslate()
        elif event.type() is QEvent.Type.PaletteChange and self.isVisible():
            self._dress()

    def _dress(self) -> None:
        self.actions_.dress()
        self._more.setIcon(icon("more"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's: where there is no room for them, the buttons have no texts."""
        style = Qt.ToolButtonStyle
        for button in self._buttons:
            button.setToolButtonStyle(
                style.ToolButtonTextBesideIcon if event.size().width() >= _WIDE else style.ToolButtonIconOnly
            )
        super().resizeEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Qt's: from now on somebody is looking."""
        super().showEvent(event)
        self._dress()
        self.feed.watch(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Qt's: nobody is looking any more."""
        super().hideEvent(event)
        self.feed.watch(False)
