"""Menus, toolbar and shortcuts as rows of data."""

from __future__ import annotations

import re
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from desktop_trainer.i18n import mark, tr

MENUS = {
    "file": mark("&File"),
    "edit": mark("&Edit"),
    "run": mark("&Run"),
    "view": mark("&View"),
    "tools": mark("&Tools"),
    "help": mark("&Help"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One action: its verb (also its ``objectName`` and its icon's name), menu, text, shortcut and hint.

    A row whose verb is empty is a separator. `submenu` rows get their entries from the window.
    """

    verb: str
    menu: str
    text: str = ""
    shortcut: str = ""
    hint: str = ""
    icon: str = ""
    submenu: bool = False


ROWS = (
    Row(
        "load_model",
        "file",
        mark("&Open model…"),
        "Ctrl+O",
        mark("Load a model from a file, with its settings."),
        "load_model",
    ),
    Row("recent_models", "file", mark("Open &recent"), submenu=True),
    Row(
        "save_model",
        "file",
        mark("&Save model…"),
        "Ctrl+S",
        mark("Save the model with its settings and figures."),
        "save_model",
    ),
    Row(
        "export_model",
        "file",
        mark("&Export state_dict…"),
        "Ctrl+E",
        mark("Write the parameters alone, for torch.load in your own program."),
        "export",
    ),
    Row("", "file"),
    Row("load_experiment", "file", mark("Open e&xperiment…"), "", mark("Read the settings from a JSON file.")),
    Row(
        "save_experiment",
        "file",
        mark("Save ex&periment…"),
        "",
        mark("Write the settings to a JSON file, as the command line reads them."),
    ),
    Row("", "file"),
    Row(
        "import_run",
        "file",
        mark("&Import run…"),
        "",
        mark("Copy a run that was exported elsewhere, a .zip file, into the runs folder."),
    ),
    Row("", "file"),
    Row("quit", "file", mark("&Quit"), "Ctrl+Q"),
    Row("undo", "edit", mark("&Undo"), "Ctrl+Z", mark("Take back the last change of a setting."), "undo"),
    Row("redo", "edit", mark("&Redo"), "Ctrl+Shift+Z", mark("Make the change of a setting again."), "redo"),
    Row("start", "run", mark("&Start"), "F5", mark("Train from the beginning."), "start"),
    Row("pause", "run", mark("&Pause"), "F6", mark("Hold after the batch in hand; again to go on."), "pause"),
    Row("step", "run", mark("S&tep"), "F10", mark("Train one batch, then hold."), "step"),
    Row(
        "continue_run",
        "run",
        mark("&Continue last run"),
        "Ctrl+F5",
        mark("Go on where the last run ended."),
        "continue_run",
    ),
    Row("", "run"),
    Row(
        "stop_and_keep",
        "run",
        mark("Stop and &keep"),
        "Shift+F5",
        mark("End the run after the batch in hand and keep its model."),
        "stop_and_keep",
    ),
    Row(
        "stop_and_discard",
        "run",
        mark("&Discard"),
        "Ctrl+Shift+F5",
        mark("End the run and throw it away. Edit, Undo brings it back."),
        "stop_and_discard",
    ),
    Row("undo_discard", "run", mark("&Undo discard"), "", mark("Bring back the run that was discarded."), "undo"),
    Row("", "run"),
    Row(
        "evaluate_model",
        "run",
        mark("&Evaluate on the test set"),
        "F8",
        mark("Examine the model on the test set."),
        "evaluate",
    ),
    Row("fit_curves", "view", mark("&Fit curves"), "Ctrl+0", mark("Show all of the curves."), "fit"),
    Row("", "view"),
    Row("theme", "view", mark("&Theme"), submenu=True),
    Row("language", "view", mark("&Language"), submenu=True),
    Row("panels", "view", mark("&Panels"), submenu=True),
    Row("reset_layout", "view", mark("&Reset layout"), "", mark("Put every panel back where it was at first.")),
    Row(
        "look_at_samples",
        "tools",
        mark("&Look at samples…"),
        "",
        mark("Show training images as the model sees them: augmented, with their classes."),
    ),
    Row(
        "download_data",
        "tools",
        mark("&Download the dataset…"),
        "",
        mark("Fetch the files of the chosen dataset."),
        "download",
    ),
    Row(
        "choose_data_root", "tools", mark("Choose the data &folder…"), "", mark("Say where the datasets are."), "folder"
    ),
    Row(
        "verify_resume",
        "tools",
        mark("&Verify resume…"),
        "",
        mark("Prove on this experiment that a run that was stopped and resumed equals one that never was."),
    ),
    Row(
        "open_runs_folder",
        "tools",
        mark("Open the &runs' folder"),
        "",
        mark("Show the files of every run in the file manager."),
        "folder",
    ),
    Row(
        "show_bin",
        "tools",
        mark("B&in…"),
        "",
        mark("Look at the runs that were deleted or discarded, and restore them."),
    ),
    Row("about", "help", mark("&About Desktop Trainer")),
)
"""Every action, in the order of its menu."""

_MNEMONIC = re.compile(r"\(&.\)|&")
"""What marks a letter in a menu and is nothing to read elsewhere: ``&Open``, ``打开(&O)``."""

TOOLBAR = ("start", "pause", "step", "stop_and_keep", "", "load_model", "save_model")
"""The buttons; that of ``stop_and_discard`` stands behind ``stop_and_keep`` while a run is going on."""


class Actions:
    """The actions of a window, by verb; makes its menu bar. Whoever does the work connects to ``triggered``."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self._menus = {name: window.menuBar().addMenu("") for name in MENUS}
        self.by_verb: dict[str, QAction] = {}
        self.submenus: dict[str, QMenu] = {}
        for row in ROWS:
            self._add(row)
        self.retranslate()

    def __getitem__(self, verb: str) -> QAction:
        return self.by_verb[verb]

    def _add(self, row: Row) -> None:
        menu = self._menus[row.menu]
        if not row.verb:
            menu.addSeparator()
        elif row.submenu:
            self.submenus[row.verb] = menu.addMenu("")
            self.submenus[row.verb].setObjectName(row.verb)
        else:
            action = QAction(self._window)
            action.setObjectName(row.verb)
            action.setShortcut(QKeySequence(row.shortcut))
            menu.addAction(action)
            self.by_verb[row.verb] = action

    def retranslate(self) -> None:
        """Set every text in the current language."""
        for name, text in MENUS.items():
            self._menus[name].setTitle(tr(text))
        for row in ROWS:
            if row.submenu:
                self.submenus[row.verb].setTitle(tr(row.text))
            elif row.verb:
                self.set_text(row.verb, tr(row.text), tr(row.hint))

    def set_text(self, verb: str, text: str, hint: str) -> None:
        """Give an action another text; its tooltip is the hint with the shortcut."""
        action = self.by_verb[verb]
        action.setText(text)
        action.setStatusTip(hint)
        shortcut = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        name = _MNEMONIC.sub("", text).removesuffix("…")
        action.setIconText(name)
        action.setToolTip(tr("{hint} ({keys})", hint=hint or name, keys=shortcut) if shortcut else hint or name)
