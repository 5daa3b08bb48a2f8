"""The submenus that are filled at run time: theme, language, panels, recent files."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QMenu

from desktop_trainer import i18n
from desktop_trainer.i18n import mark, tr
from desktop_trainer.ui.actions import Actions
from desktop_trainer.ui.language import apply_language
from desktop_trainer.ui.preferences import Preferences
from desktop_trainer.ui.theme import apply_theme

_THEMES = {"system": mark("As the &system"), "light": mark("&Light"), "dark": mark("&Dark")}


class LookMenus(QObject):
    """Fills the submenus and does what they say, at once and for the next start.

    Signals:
        recent_chosen: a recent file is to be opened.
    """

    recent_chosen = Signal(object)

    def __init__(self, window: QMainWindow, actions: Actions, preferences: Preferences) -> None:
        super().__init__(window)
        self._window, self._preferences = window, preferences
        self._menus = actions.submenus
        self._themes = self._group(self._menus["theme"], _THEMES)
        self._languages = self._group(self._menus["language"], i18n.LANGUAGES)
        self._themes.triggered.connect(self._on_theme)
        self._languages.triggered.connect(self._on_language)
        for dock in window.findChildren(QDockWidget):
            self._menus["panels"].addAction(dock.toggleViewAction())
        self._menus["recent_models"].triggered.connect(self._on_recent)

    def _group(self, menu: QMenu, names: dict[str, str]) -> QActionGroup:
        group = QActionGroup(self)
        for name in names:
            action = menu.addAction("")
            action.setObjectName(f"{menu.objectName()}_{name}")
            action.setData(name)
            action.setCheckable(True)
            group.addAction(action)
        return group

    def fill(self) -> None:
        """Set the texts in the current language and the marks at what is in use."""
        for action in self._themes.actions():
            action.setText(tr(_THEMES[action.data()]))
            action.setChecked(action.data() == self._preferences.theme)
        for action in self._languages.actions():
            action.setText(i18n.LANGUAGES[action.data()])
            action.setChecked(action.data() == i18n.language())
        self.fill_recent()

    @Slot()
    def fill_recent(self) -> None:
        """Show the recent files that still exist."""
        menu = self._menus["recent_models"]
        menu.clear()
        for path in self._preferences.recent_models:
            if path.exists():
                action = menu.addAction(path.name.replace("&", "&&"))
                action.setToolTip(str(path))
                action.setData(str(path))
        menu.setEnabled(not menu.isEmpty())

    @Slot(QAction)
    def _on_recent(self, action: QAction) -> None:
        self.recent_chosen.emit(Path(action.data()))

    @Slot(QAction)
    def _on_theme(self, action: QAction) -> None:
        self._preferences.theme = action.data()
        apply_theme(_app(), action.data())

    @Slot(QAction)
    def _on_language(self, action: QAction) -> None:
        self._preferences.language = action.data()
        apply_language(_app(), action.data())


def _app() -> QApplication:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return app
