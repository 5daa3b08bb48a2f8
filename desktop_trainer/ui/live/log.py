"""The log: one line after the other, as the run says them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Qt, Slot
from PySide6.QtGui import QAction, QContextMenuEvent, QFontDatabase, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMenu, QPlainTextEdit, QWidget

from desktop_trainer.i18n import tr
from desktop_trainer.printable import printable
from desktop_trainer.ui.saving import complain, write

MOST_LINES = 20_000


class LogPanel(QPlainTextEdit):
    """A text that only grows at its end; it follows the end unless the user has scrolled up.

    Attributes:
        timestamps: whether lines begin with the time of day.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("log")
        self.timestamps = False
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setMaximumBlockCount(MOST_LINES)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPointSizeF(self.font().pointSizeF())
        self.setFont(font)
        self.document().setDocumentMargin(8)
        # Read-only, it would take no keys at all: they scroll and select.
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._copy, self._select, self._save, self._clear = (QAction(self) for _ in range(4))
        for action, name, do in (
            (self._copy, "copy_log", self.copy),
            (self._select, "select_log", self.selectAll),
            (self._save, "save_log", self._on_save),
            (self._clear, "clear_log", self.clear),
        ):
            action.setObjectName(name)
            action.triggered.connect(do)
        self._copy.setShortcut(QKeySequence.StandardKey.Copy)
        self._select.setShortcut(QKeySequence.StandardKey.SelectAll)
        for action in (self._copy, self._select):
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.retranslate()

    def add(self, line: str) -> None:
        """Append a line, whose characters are shown and not obeyed."""
        line = printable(line)
        bar = self.verticalScrollBar()
        at_end, place = bar.value() >= bar.maximum(), bar.value()
        self.appendPlainText(f"{datetime.now():%H:%M:%S}  {line}" if self.timestamps else line)
        bar.setValue(bar.maximum() if at_end else place)

    def retranslate(self) -> None:
        """Set every text in the current language; the lines stay as they were said."""
        self.setAccessibleName(tr("Log"))
        self._copy.setText(tr("Copy"))
        self._select.setText(tr("Select all"))
        self._save.setText(tr("Save the log…"))
        self._clear.setText(tr("Clear the log"))

    def menu(self) -> QMenu:
        """What can be done with the log; the menu goes when it is closed."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._copy.setEnabled(self.textCursor().hasSelection())
        menu.addActions([self._copy, self._select])
        menu.addSeparator()
        menu.addActions([self._save, self._clear])
        return menu

    def save(self, path: Path) -> None:
        """Write the log to `path`; says so if that fails."""
        problem = write(path, self.toPlainText().encode() + b"\n")
        if problem:
            title, text = (
                tr("Save the log"),
                tr("The log could not be saved to {path}: {reason}. Choose another place.", path=path, reason=problem),
            )
            complain(self, title, text)

    @Slot()
    def _on_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Save the log"), "log.txt", tr("Text files") + " (*.txt)")
        if name:
            self.save(Path(name))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Qt's: our own menu, since Qt's is in the language of the program's start."""
        self.menu().popup(QPoint(event.globalPos()))

    def changeEvent(self, event: QEvent) -> None:
        """Qt's: the language may have changed."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.LanguageChange:
            self.retranslate()
