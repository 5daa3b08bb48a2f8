"""The table of the epochs. Knows what an epoch ended with, and no run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QFont, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableView, QWidget

from desktop_trainer.i18n import mark, tr
from desktop_trainer.ui.axes import number

if TYPE_CHECKING:
    from desktop_trainer.engine.events import EpochEnded

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_NUMBERS = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class _Field(NamedTuple):
    """A column: the attribute of `EpochEnded`, its heading, and how its numbers read."""

    name: str
    heading: str
    shown: Callable[[Any], str]


_FIELDS = (
    _Field("epoch", mark("Epoch"), str),
    _Field("train_loss", mark("Train loss"), "{:.4f}".format),
    _Field("train_accuracy", mark("Train acc"), "{:.3f}".format),
    _Field("test_loss", mark("Test loss"), "{:.4f}".format),
    _Field("test_accuracy", mark("Test acc"), "{:.3f}".format),
    _Field("seconds", mark("Seconds"), "{:.2f}".format),
    _Field("examples_per_second", mark("Examples/s"), number),
)


class EpochModel(QAbstractTableModel):
    """The epochs that have ended, a row each; the one with the best test accuracy (the first of equals) is bold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.epochs: list[EpochEnded] = []
        self._best = -1

    def add(self, ended: EpochEnded) -> None:
        """Append an epoch; it replaces those that are there from it on."""
        keep = sum(each.epoch < ended.epoch for each in self.epochs)
        if keep < len(self.epochs):
            self.beginRemoveRows(_ROOT, keep, len(self.epochs) - 1)
            del self.epochs[keep:]
            self.endRemoveRows()
        self.beginInsertRows(_ROOT, keep, keep)
        self.epochs.append(ended)
        self.endInsertRows()
        self._mark_best()

    def clear(self) -> None:
        """Forget all epochs."""
        self.beginResetModel()
        self.epochs.clear()
        self._best = -1
        self.endResetModel()

    def _mark_best(self) -> None:
        before, self._best = self._best, max(range(len(self.epochs)), key=lambda row: self.epochs[row].test_accuracy)
        for row in {before, self._best}:
            if 0 <= row < len(self.epochs):
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(_FIELDS) - 1), [Qt.ItemDataRole.FontRole])

    def rowCount(self, parent: _Index = _ROOT) -> int:
        """Qt's."""
        return 0 if parent.isValid() else len(self.epochs)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        """Qt's."""
        return 0 if parent.isValid() else len(_FIELDS)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Qt's: text, alignment and weight of a cell."""
        if role == Qt.ItemDataRole.DisplayRole:
            field = _FIELDS[index.column()]
            return field.shown(getattr(self.epochs[index.row()], field.name))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _NUMBERS
        if role == Qt.ItemDataRole.FontRole and index.row() == self._best:
            font = QFont()
            font.setBold(True)
            return font
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Qt's: the headings of the columns."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return tr(_FIELDS[section].heading)
        return _NUMBERS if role == Qt.ItemDataRole.TextAlignmentRole else None

    def table(self, rows: list[int]) -> str:
        """The headings and the given rows as tab-separated values, in full precision."""
        lines = [[tr(field.heading) for field in _FIELDS]]
        lines += [[f"{getattr(self.epochs[row], field.name):.9g}" for field in _FIELDS] for row in rows]
        return "".join("\t".join(line) + "\n" for line in lines)

    def retranslate(self) -> None:
        """Say that the headings are in another language."""
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(_FIELDS) - 1)


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
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
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

    def _retranslate(self) -> None:
        self.setAccessibleName(tr("Epochs"))
        self.epochs.retranslate()
