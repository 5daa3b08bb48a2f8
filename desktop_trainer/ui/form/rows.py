"""A form's rows that come and go while the others stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFormLayout, QFrame, QLabel, QWidget

from desktop_trainer.i18n import tr
from desktop_trainer.ui.form.editor import Editor


class Heading(QLabel):
    """What the rows below it have in common: a title and, below it, an explanation; both in English."""

    def __init__(self, title: str, explanation: str = "") -> None:
        super().__init__()
        self._title, self._explanation = title, explanation
        self.setProperty("role", "heading")
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(bool(explanation))
        self.setContentsMargins(0, 4, 0, 0)
        self.retranslate()

    def retranslate(self) -> None:
        """Set the text in the current language."""
        title, explanation = escape(tr(self._title)), escape(tr(self._explanation))
        below = f'<br><span style="font-weight: 400">{explanation}</span>' if explanation else ""
        self.setText(f"<b>{title}</b>{below}")


class Divider(QFrame):
    """A thin line between groups of rows."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.HLine)
        self.setForegroundRole(QPalette.ColorRole.Mid)
        self.setFixedHeight(5)


class Rows(QFormLayout):
    """Rows of editors with their labels; any other widget takes a whole row."""

    def __init__(self) -> None:
        super().__init__()
        self.setContentsMargins(0, 0, 0, 0)
        self.setVerticalSpacing(4)
        self.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self._rows: list[QWidget] = []

    def show_rows(self, rows: Sequence[QWidget]) -> None:
        """Show these and no others; those shown before must still be in this order. Others are destroyed."""
        for row in [row for row in self._rows if row not in rows]:
            self.removeRow(row)
            self._rows.remove(row)
        for index, row in enumerate(rows):
            if index == len(self._rows) or self._rows[index] is not row:
                self._insert(index, row)

    def _insert(self, index: int, row: QWidget) -> None:
        self._rows.insert(index, row)
        if isinstance(row, Editor) and row.labelled:
            row.control.ensurePolished()  # now, because the style sheet makes it higher
            row.label.setFixedHeight(row.control.sizeHint().height())
            self.insertRow(index, row.label, row)
        elif isinstance(row, Editor):
            self.insertRow(index, "", row)
        else:
            self.insertRow(index, row)
        row.show()  # now: the layout would do it later, and what is not shown yet cannot take the focus
