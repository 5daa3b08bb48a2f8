"""The table of the epochs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QKeySequence, QResizeEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableView, QWidget

from desktop_trainer.i18n import grouped, mark, tr
from desktop_trainer.quantities import duration, figure

if TYPE_CHECKING:
    from desktop_trainer.engine.events import EpochEnded

_NUMBERS = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class _Field(NamedTuple):
    """A column: the attribute of `EpochEnded`, its heading, what that means, and how its numbers read."""

    name: str
    heading: str
    hint: str
    shown: Callable[[Any], str]


_FIELDS = (
    _Field("epoch", mark("Epoch"), mark("How often every training sample has been seen."), str),
    _Field(
        "train_loss",
        mark("Train loss"),
        mark("The mean loss over the epoch's training samples, while the model changed."),
        figure,
    ),
    _Field(
        "train_accuracy",
        mark("Train acc"),
        mark("The share of right answers on the epoch's training samples, while the model changed."),
        "{:.3f}".format,
    ),
    _Field("test_loss", mark("Test loss"), mark("The mean loss over the test set after the epoch."), figure),
    _Field(
        "test_accuracy",
        mark("Test acc"),
        mark("The share of right answers on the test set after the epoch."),
        "{:.3f}".format,
    ),
    _Field("seconds", mark("Time"), mark("Time of the whole epoch with its test pass, without pauses."), duration),
    _Field(
        "examples_per_second", mark("Samples/s"), mark("Training samples a second, without the test pass."), grouped
    ),
)


class EpochModel(QStandardItemModel):
    """The epochs that have ended, a row each; the one with the best test accuracy (the first of equals) is bold.

    Its items are Qt's own, so that no Python runs while the table is painted.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_FIELDS), parent)
        self.epochs: list[EpochEnded] = []
        self._best = -1
        self.bold = QFont()
        self.bold.setBold(True)

    def add(self, ended: EpochEnded) -> None:
        """Append an epoch; it replaces those that are there from it on."""
        keep = sum(each.epoch < ended.epoch for each in self.epochs)
        if keep < len(self.epochs):
            del self.epochs[keep:]
            self.removeRows(keep, self.rowCount() - keep)
            self._best = self._best if self._best < keep else -1
        self.epochs.append(ended)
        self.appendRow([_cell(field.shown(getattr(ended, field.name))) for field in _FIELDS])
        self._mark_best()

    def clear(self) -> None:
        """Forget all epochs; the headings stay."""
        self.epochs.clear()
        self.removeRows(0, self.rowCount())
        self._best = -1

    def _mark_best(self) -> None:
        before, self._best = self._best, max(range(len(self.epochs)), key=lambda row: self.epochs[row].test_accuracy)
        if before != self._best:
            self._set_font(before, QFont())
            self._set_font(self._best, self.bold)

    def _set_font(self, row: int, font: QFont) -> None:
        for column in range(len(_FIELDS) if 0 <= row < self.rowCount() else 0):
            self.item(row, column).setFont(font)

    def table(self, rows: list[int]) -> str:
        """The headings and the given rows as tab-separated values, in full precision."""
        lines = [[tr(field.heading) for field in _FIELDS]]
        lines += [[f"{getattr(self.epochs[row], field.name):.9g}" for field in _FIELDS] for row in rows]
        return "".join("\t".join(line) + "\n" for line in lines)

    def retranslate(self) -> None:
        """Set the headings in the current language; what does not fit is in their tooltips."""
        for column, field in enumerate(_FIELDS):
            heading = QStandardItem(tr(field.heading))
            heading.setToolTip(tr(field.hint))
            heading.setTextAlignment(_NUMBERS)
            self.setHorizontalHeaderItem(column, heading)


def _cell(text: str) -> QStandardItem:
    item = QStandardItem(text)
    item.setEditable(False)
    item.setTextAlignment(_NUMBERS)
    return item


class EpochTable(QTableView):
    """What each epoch ended with; Ctrl+C copies the selected rows for a spreadsheet."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("epochs")
        self.epochs = EpochModel(self)
        self.setModel(self.epochs)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setHighlightSections(False)
        self._retranslate()

    def add(self, ended: EpochEnded) -> None:
        """Append an epoch and show it, if the last one was in sight."""
        bar = self.verticalScrollBar()
        at_end = bar.value() == bar.maximum()
        self.epochs.add(ended)
        if at_end:
            self.scrollToBottom()

    def clear(self) -> None:
        """Forget all epochs."""
        self.epochs.clear()

    def copy(self) -> None:
        """Put the selected rows on the clipboard, with the headings."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        if rows:
            QApplication.clipboard().setText(self.epochs.table(rows))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Qt's: the language may have changed."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.LanguageChange:
            self._retranslate()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        """Each heading gets the room that it needs, and all of them the same of what is left; they are never cut."""
        header = self.horizontalHeader()
        numbers = QFontMetrics(self.epochs.bold).horizontalAdvance("1234.56")
        needed = [max(header.sectionSizeHint(column), numbers) for column in range(header.count())]
        rest = max(0, self.viewport().width() - sum(needed))
        for column, width in enumerate(needed):
            share = rest * (column + 1) // len(needed) - rest * column // len(needed)
            header.resizeSection(column, width + share)

    def _retranslate(self) -> None:
        self.setAccessibleName(tr("Each epoch"))
        self.epochs.retranslate()
        self._share_width()
