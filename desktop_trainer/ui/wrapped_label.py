"""A label of several lines for forms that scroll."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy


class WrappedLabel(QLabel):
    """Plain text that wraps and can be selected with the mouse; the style sheet colours it by `role`, notes are small.

    It asks for the height that its text needs at its present width. A height for a width, Qt's own way, is not
    updated in a form layout when the text grows: rows were cut off.
    """

    def __init__(self, role: str = "") -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        if role:
            self.setProperty("role", role)
            font = self.font()
            font.setPointSizeF(font.pointSizeF() * 0.9)
            self.setFont(font)

    def show_text(self, text: str) -> None:
        """Say `text`; without one the label takes no room."""
        self.setText(text)
        self.setVisible(bool(text))

    def hasHeightForWidth(self) -> bool:
        """Qt's: see above."""
        return False

    def sizeHint(self) -> QSize:
        """Qt's."""
        return QSize(1, self.heightForWidth(max(self.width(), 1)))

    def minimumSizeHint(self) -> QSize:
        """Qt's."""
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's: another width may need another height."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()
