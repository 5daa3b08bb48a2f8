"""The one place where the window says that something went wrong, or what comes next."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Qt, Signal, SignalInstance, Slot
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from desktop_trainer.i18n import tr
from desktop_trainer.ui.naming import named


class Banner(QFrame):
    """A line above the curves: a message, at most one thing to do about it, its details, and a way to close it.

    Signals:
        closed: the user closed the message, or pressed its button, with what that does still to come.
    """

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._details = self._about = ""
        self._until: Sequence[SignalInstance] = ()
        self._do: Callable[[], None] | None = None
        self._text = QLabel(wordWrap=True, textInteractionFlags=Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setObjectName("banner_text")
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self._action = named(QPushButton(), "banner_action")
        self._copy = named(QPushButton(), "copy_details")
        self._close = named(QToolButton(autoRaise=True), "close_banner")
        self._close.setText("✕")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 6, 6)
        layout.addWidget(self._text, 1)
        for button in (self._action, self._copy, self._close):
            layout.addWidget(button)
        self._action.clicked.connect(self._on_action)
        self._copy.clicked.connect(self._on_copy)
        self._close.clicked.connect(self._on_close)
        self.retranslate()
        self.hide()

    @property
    def text(self) -> str:
        """The message that is shown."""
        return self._text.text()

    @property
    def details(self) -> str:
        """What "Copy details" copies."""
        return self._details

    def show_message(
        self,
        text: str,
        *,
        kind: str = "info",
        details: str = "",
        do: tuple[str, Callable[[], None]] | None = None,
        about: str = "",
        until: Sequence[SignalInstance] = (),
    ) -> None:
        """Show `text`; `kind` is ``info``, ``success`` or ``error``; `do` is a button's text and what it does.

        Args:
            about: names the work that failed, or the folder that the message is about: `settle` takes the message away
                when the same work has succeeded, or the folder has gone.
            until: signals, each of which takes the message away: what it speaks of is no more.
        """
        self._forget()
        self._about, self._until = about, until
        for signal in until:
            signal.connect(self._on_gone)
        self._text.setText(text)
        self.setAccessibleName(text)
        self.setProperty("kind", kind)
        self.style().polish(self)
        self._details = details
        self._copy.setVisible(bool(details))
        self._do = do[1] if do else None
        self._action.setText(do[0] if do else "")
        self._action.setVisible(do is not None)
        self.show()

    def show_error(
        self,
        text: str,
        error: BaseException,
        *,
        do: tuple[str, Callable[[], None]] | None = None,
        about: str = "",
        until: Sequence[SignalInstance] = (),
    ) -> None:
        """Show what went wrong; the details are the error's traceback."""
        details = "".join(traceback.format_exception(error))
        self.show_message(text, kind="error", details=f"{text}\n\n{details}", do=do, about=about, until=until)

    def settle(self, about: str) -> None:
        """What failed before has succeeded, or what was spoken of has gone: take that message away, if it is shown."""
        if about == self._about:
            self._on_gone()

    def retranslate(self) -> None:
        """Set the buttons' texts in the current language; the message stays as it was said."""
        self._copy.setText(tr("Copy details"))
        self._close.setAccessibleName(tr("Close this message"))
        self._close.setToolTip(tr("Close this message"))

    def changeEvent(self, event: QEvent) -> None:
        """Qt's: the language may have changed."""
        if event.type() is QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)

    @Slot()
    def _on_gone(self) -> None:
        self._forget()
        self.hide()

    def _forget(self) -> None:
        """Wait no longer for what would take the message away."""
        for signal in self._until:
            signal.disconnect(self._on_gone)
        self._until = ()

    @Slot()
    def _on_close(self) -> None:
        self._on_gone()
        self.closed.emit()

    @Slot()
    def _on_action(self) -> None:
        self._on_close()
        if self._do is not None:
            self._do()

    @Slot()
    def _on_copy(self) -> None:
        QApplication.clipboard().setText(self._details)
