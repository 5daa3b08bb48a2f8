"""What can be done with the selected runs, as rows of data: menu, buttons and keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from desktop_trainer.i18n import mark, tr, trn
from desktop_trainer.report.next_steps import changes_for_more
from desktop_trainer.runs.continuing import EPOCHS
from desktop_trainer.ui.theme import icon

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary

Runs = Sequence["RunSummary"]


def _some(runs: Runs) -> bool:
    return bool(runs)


def _one(runs: Runs) -> bool:
    return len(runs) == 1


def _one_at_rest(runs: Runs) -> bool:
    return _one(runs) and runs[0].outcome != "running"


def _all_at_rest(runs: Runs) -> bool:
    return bool(runs) and all(run.outcome != "running" for run in runs)


def _resumable(runs: Runs) -> bool:
    return _one_at_rest(runs) and runs[0].checkpoint


def _comparable(runs: Runs) -> bool:
    return 1 <= len(runs) <= 12


def _always(_: Runs) -> bool:
    return True


class Row(NamedTuple):
    """One action: its verb (also its ``objectName``), text, hint, for which runs it is there, its keys and its icon.

    `idle` ones wait until no run is going on in this window. A row without a verb is a separator.
    """

    verb: str = ""
    text: str = ""
    hint: str = ""
    when: Callable[[Runs], bool] = _always
    keys: str = ""
    icon: str = ""
    idle: bool = False


ROWS = (
    Row(
        "show_run_curves",
        mark("Draw the &curves"),
        mark(
            "Draw the curves of the selected runs beside those of the run at hand. Return or a "
            "double click does it, too."
        ),
        _some,
        "",
        "show_run_curves",
    ),
    Row(
        "what_changed",
        mark("&What changed…"),
        mark("The settings in which the selected runs differ; of one run, those in which it differs from the form."),
        _comparable,
        "Ctrl+D",
        "what_changed",
    ),
    Row(),
    Row(
        "resume_run",
        mark("&Resume"),
        mark("Go on where the run ended, in the same folder."),
        _resumable,
        "Ctrl+Return",
        "resume",
        idle=True,
    ),
    Row(
        "repeat_run",
        mark("Re&peat"),
        mark("Put its settings into the form and train from the beginning, as a new run."),
        _one,
        "Ctrl+Shift+R",
        "redo",
        idle=True,
    ),
    Row(
        "copy_run_settings",
        mark("Copy settings to the &form"),
        mark("Put its settings into the form. Edit, Undo takes them back."),
        _one,
        "",
        "",
        idle=True,
    ),
    Row(),
    Row(
        "open_best_model",
        mark("Open its &best model"),
        mark("Load the model of the epoch with the highest test accuracy."),
        _one,
        "",
        "load_model",
        idle=True,
    ),
    Row(
        "open_last_model",
        mark("Open its &last model"),
        mark("Load the model of the last whole epoch."),
        _one,
        "",
        "",
        idle=True,
    ),
    Row("open_run_folder", mark("Open its f&older"), mark("Show its files in the file manager."), _one, "", "folder"),
    Row("export_run", mark("&Export…"), mark("Write the whole run into one zip file."), _one, "", "export"),
    Row(),
    Row("rename_run", mark("Re&name"), mark("Give the run, and its folder, another name."), _one_at_rest, "F2"),
    Row("edit_run_notes", mark("&Tags and note…"), mark("Your own words for the selected runs."), _some, "Ctrl+T"),
    Row(
        "delete_runs",
        mark("&Delete"),
        mark("Move the selected runs to the bin. Can be undone."),
        _all_at_rest,
        "Del",
        "delete_runs",
    ),
    Row(),
    Row("show_bin", mark("B&in…"), mark("Look at the runs that were deleted or discarded, and restore them."), _always),
    Row(
        "refresh_runs",
        mark("Read the runs &again"),
        mark("Look through the folders of all runs now."),
        _always,
        "Ctrl+R",
    ),
)
"""Every action, in the order of the menu."""
_KEYS = {row.verb: row.keys for row in ROWS}


class RunActions(QMenu):
    """The menu of the table of runs. Its keys work while the focus is in `scope`.

    Signals:
        asked: the verb, and the list of the runs it is for.
    """

    asked = Signal(str, object)

    def __init__(self, scope: QWidget) -> None:
        super().__init__(scope)
        self.setObjectName("runs_menu")
        self.setToolTipsVisible(True)
        self.by_verb: dict[str, QAction] = {}
        self.runs: list[RunSummary] = []
        self._idle = True
        for row in ROWS:
            if row.verb:
                self._add(row, scope)
            else:
                self.addSeparator()
        self.retranslate()
        self._refresh()

    def _add(self, row: Row, scope: QWidget) -> None:
        action = self.by_verb[row.verb] = self.addAction("")
        action.setObjectName(row.verb)
        action.setData(row.verb)
        action.triggered.connect(self._on_triggered)
        if row.keys and row.verb != "rename_run":  # the table's own key opens an editor in the column at hand
            action.setShortcut(QKeySequence(row.keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        scope.addAction(action)

    def set_runs(self, runs: list[RunSummary]) -> None:
        """Be for these runs from now on."""
        self.runs = runs
        self._refresh()

    def set_idle(self, idle: bool) -> None:
        """Whether no run is going on in this window."""
        self._idle = idle
        self._refresh()

    def _refresh(self) -> None:
        for row in ROWS:
            if row.verb:
                self.by_verb[row.verb].setEnabled(row.when(self.runs) and (self._idle or not row.idle))
        self._name_resume()

    def _name_resume(self) -> None:
        """Say for how long a run that did all of its epochs would go on."""
        more = changes_for_more(self.runs[0]) if _resumable(self.runs) else {}
        if more:
            text = trn("&Resume for {n} more epoch", "&Resume for {n} more epochs", self.runs[0].epochs)
            hint = tr(
                "It did all of its epochs: go on in the same folder until it has done {epochs}.", epochs=more[EPOCHS]
            )
            self._set_text("resume_run", text, hint)
        else:
            row = next(row for row in ROWS if row.verb == "resume_run")
            self._set_text("resume_run", tr(row.text), tr(row.hint))

    def retranslate(self) -> None:
        """Set every text in the current language."""
        self.setAccessibleName(tr("What can be done with the selected runs"))
        for row in ROWS:
            if row.verb:
                self._set_text(row.verb, tr(row.text), tr(row.hint))
        self._name_resume()

    def _set_text(self, verb: str, text: str, hint: str) -> None:
        action = self.by_verb[verb]
        action.setText(text)
        action.setStatusTip(hint)
        keys = QKeySequence(_KEYS[verb]).toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(tr("{hint} ({keys})", hint=hint, keys=keys) if keys else hint)

    def dress(self) -> None:
        """Take the icons in the colours of the theme in use; not before somebody looks: drawing them takes time."""
        for row in ROWS:
            if row.icon:
                self.by_verb[row.verb].setIcon(icon(row.icon))

    @Slot()
    def _on_triggered(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        self.asked.emit(action.data(), list(self.runs))
