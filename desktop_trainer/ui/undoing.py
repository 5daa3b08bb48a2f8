"""Undo and Redo in the Edit menu: what they would do, and when they can."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QUndoCommand, QUndoStack

from desktop_trainer.experiment.keeping import changes_at_once
from desktop_trainer.i18n import titled, tr
from desktop_trainer.ui.actions import Actions
from desktop_trainer.ui.form.draft import FormChange
from desktop_trainer.ui.session import Session


class Undoing(QObject):
    """Names in the menu what would be undone. During a run the form's changes stay, but for those that its pauses
    allow.
    """

    def __init__(self, actions: Actions, stack: QUndoStack, session: Session) -> None:
        super().__init__(session)
        self._actions, self._stack, self._session = actions, stack, session
        actions["undo"].triggered.connect(stack.undo)
        actions["redo"].triggered.connect(stack.redo)
        stack.indexChanged.connect(self.refresh)
        session.state_changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self, *_: object) -> None:
        """Set texts, in the current language, and what can be done now."""
        stack = self._stack
        for verb, text, name, place in (
            ("undo", tr("&Undo"), stack.undoText(), stack.index() - 1),
            ("redo", tr("&Redo"), stack.redoText(), stack.index()),
        ):
            there = 0 <= place < stack.count()
            self._actions[verb].setEnabled(there and self._free(stack.command(place)))
            self._actions[verb].setText(titled(text, name) if name else text)

    def _free(self, command: QUndoCommand) -> bool:
        if not isinstance(command, FormChange) or not self._session.active:
            return True
        return self._session.can_change and changes_at_once(command.path)
