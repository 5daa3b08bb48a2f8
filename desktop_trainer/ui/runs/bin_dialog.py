"""The bin: the runs in it as a table, to be looked at, restored or deleted for good."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop_trainer.i18n import tr, trn
from desktop_trainer.report.run_columns import words_of
from desktop_trainer.runs import store
from desktop_trainer.ui.naming import named
from desktop_trainer.ui.runs.model import Changes, RunRow
from desktop_trainer.ui.runs.table import RunTable
from desktop_trainer.ui.thread import IteratorThread

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary


class BinDialog(QDialog):
    """Shows what lies in the bin.

    Signals:
        asked: what is to be done, ``restore``, ``show_run_curves`` or ``what_changed``, with the `RunSummary` of each
            selected run, whose folders lie in the bin.
        emptied: it was deleted for good.
    """

    asked = Signal(str, object)
    emptied = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bin_dialog")
        self.setWindowTitle(tr("Bin"))
        self._thread: IteratorThread | None = None
        self._stale = self._over = False
        self.table = RunTable()
        self.table.setObjectName("bin_table")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._text = QLabel(wordWrap=True)
        self._text.setProperty("role", "muted")
        texts = {
            "restore": tr("&Restore"),
            "show_run_curves": tr("Draw the &curves"),
            "what_changed": tr("&What changed…"),
            "empty_bin": tr("&Empty the bin…"),
            "close_bin": tr("Close"),
        }
        self._buttons = {name: named(QPushButton(text, autoDefault=False), name) for name, text in texts.items()}
        self._lay_out()
        self.table.selected.connect(self._refresh)
        self.table.chosen.connect(self._buttons["show_run_curves"].click)
        for name in ("restore", "show_run_curves", "what_changed"):
            self._buttons[name].clicked.connect(partial(self._ask, name))
        self._buttons["empty_bin"].clicked.connect(self._ask_to_empty)
        self._buttons["close_bin"].clicked.connect(self.close)
        self.read()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        for name, button in self._buttons.items():
            if name == "empty_bin":
                row.addStretch(1)
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.addWidget(self._text)
        column.addWidget(self.table, 1)
        column.addLayout(row)
        self.resize(900, 420)

    @Slot()
    def read(self) -> None:
        """Show what is in the bin now."""
        self._work(_summaries)

    def _work(self, make: Callable[[], Generator[list[RunSummary], None, None]]) -> None:
        if self._thread is not None or self._over:
            self._stale = not self._over
            return
        self._thread = IteratorThread(make, self)
        self._thread.item.connect(self._on_read)
        self._thread.finished.connect(self._on_finished)
        self._thread.start()
        self._refresh()

    @Slot(object)
    def _on_read(self, runs: Sequence[RunSummary]) -> None:
        known = self.table.runs.summaries()
        gone = known.keys() - {run.folder for run in runs}
        fresh = tuple(RunRow(run, words_of(run)) for run in runs if known.get(run.folder) != run)
        self.table.apply(Changes(frozenset(gone), fresh))

    @Slot()
    def _on_finished(self) -> None:
        if self._thread is not None:
            self._thread.deleteLater()
        self._thread, stale, self._stale = None, self._stale, False
        self._refresh()
        if stale:
            self.read()

    @Slot()
    def _refresh(self, *_: object) -> None:
        count, chosen = len(self.table.runs.rows), bool(self.table.selection())
        for name in ("restore", "show_run_curves", "what_changed"):
            self._buttons[name].setEnabled(chosen and self._thread is None)
        self._buttons["empty_bin"].setEnabled(bool(count) and self._thread is None)
        kept = trn(
            "{n} run. What was deleted is kept for {days:.0f} days.",
            "{n} runs. What was deleted is kept for {days:.0f} days.",
            count,
            days=store.KEPT_DAYS,
        )
        nothing = tr("Reading the runs…") if self._thread is not None else tr("The bin is empty.")
        self._text.setText(kept if count else nothing)

    def _ask(self, what: str, *_: object) -> None:
        if runs := self.table.selection():
            self.asked.emit(what, runs)

    @Slot()
    def _ask_to_empty(self) -> None:
        box = QMessageBox(self)
        box.setObjectName("ask_empty_bin")
        box.setIcon(QMessageBox.Icon.Warning)
        count = len(self.table.runs.rows)
        box.setText(trn("Delete {n} run for good?", "Delete {n} runs for good?", count))
        box.setInformativeText(tr("This cannot be undone."))
        yes = box.addButton(tr("Delete for good"), QMessageBox.ButtonRole.DestructiveRole)
        yes.setObjectName("delete_for_good")
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        yes.clicked.connect(self._empty)
        box.finished.connect(box.deleteLater)
        box.open()

    @Slot()
    def _empty(self) -> None:
        """Of what is shown: what was put there meanwhile stays."""
        self._work(partial(_emptied, [run.folder for run in self.table.runs.summaries().values()]))
        self.emptied.emit()

    def done(self, result: int) -> None:
        """Qt's: it closes when what it reads has been read."""
        self._over, self._stale = True, False
        if self._thread is not None:
            self._thread.stop()
            self._thread.wait()
        super().done(result)


def _summaries() -> Generator[list[RunSummary], None, None]:
    """Called in a thread: every run in the bin that can be read."""
    from desktop_trainer.runs.run_folder import NotARun
    from desktop_trainer.runs.summary import read_summary

    found = []
    for place in store.binned():
        try:
            found.append(read_summary(place))
        except NotARun:
            continue
    yield found


def _emptied(places: Sequence[Path]) -> Generator[list[RunSummary], None, None]:
    """Called in a thread: delete these for good, then what is left."""
    for place in places:
        store.delete_binned(place)
    yield from _summaries()
