"""What happens when the window is to be closed while a run is going on."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QMessageBox, QWidget

from desktop_trainer.i18n import tr
from desktop_trainer.ui.session import RunState, Session


class ClosingGuard(QObject):
    """Asks: stop and keep, keep training, or discard; closes the window when the run has ended."""

    def __init__(self, window: QWidget, session: Session) -> None:
        super().__init__(window)
        self._window, self._session = window, session
        self._asking: QMessageBox | None = None
        self._closing = False
        session.ended.connect(self._on_ended)
        session.state_changed.connect(self._on_state)

    def may_close(self) -> bool:
        """Whether the window may close now; if not, the question is being asked or the run is about to end."""
        if not self._session.active:
            return True
        if self._asking is None and not self._closing:
            self._ask()
        return False

    def close_now(self) -> None:
        """Stop and keep without asking, then close, whatever happens: nobody can be asked."""
        self._closing = True
        if self._session.active:
            self._session.stop(anyway=True)
        else:
            self._window.close()

    def _ask(self) -> None:
        box = QMessageBox(self._window)
        box.setObjectName("ask_close")
        box.setIcon(QMessageBox.Icon.Question)
        box.setText(tr("A run is going on."))
        box.setInformativeText(tr("What shall become of it?"))
        keep = box.addButton(tr("Stop and keep"), QMessageBox.ButtonRole.AcceptRole)
        discard = box.addButton(tr("Discard"), QMessageBox.ButtonRole.DestructiveRole)
        on = box.addButton(tr("Keep training"), QMessageBox.ButtonRole.RejectRole)
        for button, name in ((keep, "close_and_keep"), (discard, "close_and_discard"), (on, "keep_training")):
            button.setObjectName(name)
        keep.clicked.connect(self._on_keep)
        discard.clicked.connect(self._on_discard)
        box.setDefaultButton(keep)
        box.setEscapeButton(on)
        box.finished.connect(self._on_answered)
        self._asking = box
        box.open()

    @Slot()
    def _on_keep(self) -> None:
        self._close(discard=False)

    @Slot()
    def _on_discard(self) -> None:
        self._close(discard=True)

    @Slot()
    def _on_answered(self) -> None:
        if self._asking is not None:
            self._asking.deleteLater()
        self._asking = None

    def _close(self, *, discard: bool) -> None:
        self._closing = True
        if self._session.active:
            self._session.stop(discard=discard)
        else:
            self._window.close()

    @Slot(object)
    def _on_state(self, state: RunState) -> None:
        """A run that was to end is paused: it could not be saved, so the window stays."""
        if state is RunState.PAUSED:
            self._closing = False

    @Slot(object)
    def _on_ended(self, _: object) -> None:
        if self._closing:
            self._window.close()
