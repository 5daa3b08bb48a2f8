"""How the parts of the window lie: a dock on each side, or both as tabs where it is narrow."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QSplitter, QWidget

from desktop_trainer.i18n import mark, tr
from desktop_trainer.ui.naming import named
from desktop_trainer.ui.preferences import Preferences

_NARROW = 1200
"""In a window of less width, in pixels, two docks would leave too little for the curves and tables between them."""
_DOCK_WIDTH = 330
_SPLIT = [560, 180]
_VERSION = 2
_TITLES = {"experiment_dock": mark("Experiment"), "model_dock": mark("Model")}


class Layout:
    """Makes the docks of `window`; the user may move them, and they come back where they were."""

    def __init__(self, window: QMainWindow, experiment: QWidget, model: QWidget, splitter: QSplitter) -> None:
        self._window, self._splitter = window, splitter
        area = Qt.DockWidgetArea
        self._experiment = self._dock("experiment_dock", experiment, area.LeftDockWidgetArea)
        self._model = self._dock("model_dock", model, area.RightDockWidgetArea)
        self._docks = [self._experiment, self._model]
        self._wide: QByteArray | None = None
        """How they lay when the window became narrow; None while it is not, and where the user had put them
        elsewhere.
        """
        self._default = QByteArray()
        self._widen()
        splitter.setSizes(_SPLIT)

    def _dock(self, name: str, panel: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = named(QDockWidget(), name)
        dock.setWidget(panel)
        self._window.addDockWidget(area, dock)
        return dock

    def _widen(self) -> None:
        self._window.resizeDocks(self._docks, [_DOCK_WIDTH] * len(self._docks), Qt.Orientation.Horizontal)

    def retranslate(self) -> None:
        """Set the titles in the current language."""
        for dock in self._docks:
            dock.setWindowTitle(tr(_TITLES[dock.objectName()]))

    def keep_as_default(self) -> None:
        """The present layout is what `reset` comes back to."""
        self._default = self._window.saveState(_VERSION)

    def reset(self) -> None:
        """Lay everything out as at first."""
        self._restore_state(self._default)
        self._splitter.setSizes(_SPLIT)

    def restore(self, preferences: Preferences) -> None:
        """Lay everything out as it was remembered."""
        if not self._window.restoreGeometry(preferences.layout("geometry")):
            self._window.resize(QSize(1320, 840).boundedTo(self._window.screen().availableSize()))
        self._restore_state(preferences.layout("state"))
        self._splitter.restoreState(preferences.layout("splitter"))

    def save(self, preferences: Preferences) -> None:
        """Remember how everything lies, for a window of any width."""
        preferences.set_layout("geometry", self._window.saveGeometry())
        preferences.set_layout("state", self._wide or self._window.saveState(_VERSION))
        preferences.set_layout("splitter", self._splitter.saveState())

    def fit(self) -> None:
        """Make tabs of docks on two sides of a window that has become narrow, and put them back in a wide one."""
        narrow = self._window.width() < _NARROW
        if narrow and self._wide is None and self._on_two_sides():
            self._wide = self._window.saveState(_VERSION)
            self._window.tabifyDockWidget(self._experiment, self._model)
            self._experiment.raise_()
            self._widen()
        elif not narrow and self._wide is not None:
            closed = [dock for dock in self._docks if dock.isHidden()]
            state, self._wide = self._wide, None
            self._window.restoreState(state, _VERSION)
            for dock in closed:
                dock.hide()

    def _restore_state(self, state: QByteArray) -> None:
        self._wide = None
        self._window.restoreState(state, _VERSION)
        self.fit()

    def _on_two_sides(self) -> bool:
        if any(dock.isFloating() or dock.isHidden() for dock in self._docks):
            return False
        areas = {self._window.dockWidgetArea(dock) for dock in self._docks}
        return areas == {Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea}
