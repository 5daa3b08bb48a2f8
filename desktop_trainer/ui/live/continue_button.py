"""Puts Continue first into the toolbar where that is what comes next."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QToolBar, QToolButton

from desktop_trainer.ui.actions import Actions
from desktop_trainer.ui.live.continuing import Continuing
from desktop_trainer.ui.session import Session


class ContinueButton(QObject):
    """After a stop or an interruption Continue stands in the place of Start, which keeps its icon beside it."""

    def __init__(self, toolbar: QToolBar, actions: Actions, continuing: Continuing, session: Session) -> None:
        super().__init__(toolbar)
        self._toolbar, self._continuing = toolbar, continuing
        self._start, self._go_on = actions["start"], actions["continue_run"]
        for happened in (continuing.changed, session.state_changed, session.model_changed):
            happened.connect(self._show)

    @Slot()
    def _show(self, *_: object) -> None:
        toolbar, suggested = self._toolbar, self._continuing.suggested
        if suggested != (self._go_on in toolbar.actions()):
            if suggested:
                toolbar.insertAction(self._start, self._go_on)
            else:
                toolbar.removeAction(self._go_on)
            button = toolbar.widgetForAction(self._start)
            assert isinstance(button, QToolButton)
            icon_only = Qt.ToolButtonStyle.ToolButtonIconOnly
            button.setToolButtonStyle(icon_only if suggested else toolbar.toolButtonStyle())
