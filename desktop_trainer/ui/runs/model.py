"""The table of runs as Qt's models: rows brought up to date by difference, sorted and filtered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QIcon

from desktop_trainer.i18n import tr
from desktop_trainer.report.run_columns import matches, words_of
from desktop_trainer.runs.outcomes import OUTCOMES
from desktop_trainer.ui.runs.columns import COLUMNS, EDITABLE, PLACES
from desktop_trainer.ui.theme import icon

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_Role = Qt.ItemDataRole
_MIDDLE = Qt.AlignmentFlag.AlignVCenter
_LEFT, _RIGHT = Qt.AlignmentFlag.AlignLeft | _MIDDLE, Qt.AlignmentFlag.AlignRight | _MIDDLE


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run's summary with the `words` that a search looks through."""

    summary: RunSummary
    words: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different from a list of runs that was known: folders that are `gone`, rows that are new or others
    now.
    """

    gone: frozenset[Path]
    fresh: tuple[RunRow, ...]


def changes(known: Mapping[Path, RunSummary], found: Iterable[RunSummary]) -> Changes:
    """What `found` has that is not in `known`, and the other way round."""
    now = {summary.folder: summary for summary in found}
    others = (item for folder, item in now.items() if (old := known.get(folder)) is not item and old != item)
    fresh = tuple(RunRow(item, words_of(item)) for item in others)
    return Changes(frozenset(known.keys() - now.keys()), fresh)


class RunModel(QAbstractTableModel):
    """A row a run. It is never reset: what stays keeps its place in selections.

    Signals:
        edited: the user typed another text into a cell: the `RunSummary`, the column's name and the text.
    """

    edited = Signal(object, str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[RunRow] = []
        self._column, self._descending = PLACES["created"], True
        self._colours: dict[Path, QIcon] = {}
        self._icons: dict[str, QIcon] = {}
        self._held: Path | None = None

    def summaries(self) -> dict[Path, RunSummary]:
        """Every run by its folder."""
        return {row.summary.folder: row.summary for row in self.rows}

    def apply(self, difference: Changes) -> None:
        """Bring the rows up to date."""
        self._remove(difference.gone)
        places = {row.summary.folder: place for place, row in enumerate(self.rows)}
        added, moved = [], False
        for row in difference.fresh:
            if (place := places.get(row.summary.folder)) is None:
                added.append(row)
            else:
                moved |= self._replace(place, row)
        if added:
            self.beginInsertRows(_ROOT, len(self.rows), len(self.rows) + len(added) - 1)
            self.rows += added
            self.endInsertRows()
        if added or moved:
            self._arrange()

    def replace(self, folder: Path, summary: RunSummary) -> None:
        """Show `summary` in the row of the run that lay in `folder`; it may lie elsewhere now."""
        for place, row in enumerate(self.rows):
            if row.summary.folder == folder:
                self._replace(place, RunRow(summary, words_of(summary)))
        self._arrange()

    def _replace(self, place: int, row: RunRow) -> bool:
        """Show another row there; returns whether its place may be another one now."""
        old, self.rows[place] = self.rows[place].summary, row
        self.dataChanged.emit(self.index(place, 0), self.index(place, len(COLUMNS) - 1))
        key = COLUMNS[self._column].key
        return (old.created, key(old)) != (row.summary.created, key(row.summary))

    def _remove(self, gone: frozenset[Path]) -> None:
        for first, last in _stretches([at for at, row in enumerate(self.rows) if row.summary.folder in gone]):
            self.beginRemoveRows(_ROOT, first, last)
            del self.rows[first : last + 1]
            self.endRemoveRows()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Qt's: by a column; runs without a figure come last, equal ones the newest first."""
        self._column, self._descending = column, order is Qt.SortOrder.DescendingOrder
        self._arrange()

    def _arrange(self) -> None:
        """Put the rows in order. One key a row: Qt would ask for two cells at each of its comparisons."""
        key = COLUMNS[self._column].key
        rows = sorted(self.rows, key=lambda row: row.summary.created, reverse=True)
        keys = {id(row): key(row.summary) for row in rows}
        present = [row for row in rows if keys[id(row)] is not None]
        present.sort(key=lambda row: keys[id(row)], reverse=self._descending)
        arranged = present + [row for row in rows if keys[id(row)] is None]
        if all(one is other for one, other in zip(arranged, self.rows, strict=True)):
            return
        self.layoutAboutToBeChanged.emit()
        places = {id(row): place for place, row in enumerate(arranged)}
        before = self.persistentIndexList()
        after = [self.index(places[id(self.rows[old.row()])], old.column()) for old in before]
        self.rows = arranged
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def set_colours(self, colours: dict[Path, QIcon]) -> None:
        """Show these marks before the names: of the runs whose curves are drawn."""
        changed = self._colours.keys() | colours.keys()
        self._colours = colours
        for place, row in enumerate(self.rows):
            if row.summary.folder in changed:
                cell = self.index(place, PLACES["name"])
                self.dataChanged.emit(cell, cell, [_Role.DecorationRole])

    def set_held(self, folder: Path | None) -> None:
        """The run in `folder` goes on, but is paused; its files do not say so."""
        changed, self._held = {self._held, folder}, folder
        for place, row in enumerate(self.rows):
            if row.summary.folder in changed:
                cell = self.index(place, PLACES["outcome"])
                self.dataChanged.emit(cell, cell)

    def _is_held(self, run: RunSummary) -> bool:
        return run.folder == self._held and run.outcome == "running"

    def recolour(self) -> None:
        """Ask for the icons again: the theme is another."""
        self._icons.clear()
        if self.rows:
            self.dataChanged.emit(
                self.index(0, 0), self.index(len(self.rows) - 1, len(COLUMNS) - 1), [_Role.DecorationRole]
            )

    def retranslate(self) -> None:
        """Say that every text is in another language."""
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(COLUMNS) - 1))

    def rowCount(self, parent: _Index = _ROOT) -> int:
        """Qt's."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        """Qt's."""
        return 0 if parent.isValid() else len(COLUMNS)

    def flags(self, index: _Index) -> Qt.ItemFlag:
        """Qt's: name and tags can be edited; a running run keeps its name."""
        flags = super().flags(index)
        if not index.isValid() or COLUMNS[index.column()].name not in EDITABLE:
            return flags
        running = self.rows[index.row()].summary.outcome == "running"
        fixed = running and index.column() == PLACES["name"]
        return flags if fixed else flags | Qt.ItemFlag.ItemIsEditable

    def data(self, index: _Index, role: int = _Role.DisplayRole) -> object:
        """Qt's: a cell."""
        run, column = self.rows[index.row()].summary, COLUMNS[index.column()]
        match role:
            case _Role.DisplayRole if column.name == "outcome" and self._is_held(run):
                return tr("Paused")
            case _Role.EditRole if column.name == "name":
                return run.name
            case _Role.DisplayRole | _Role.EditRole:
                return column.text(run)
            case _Role.TextAlignmentRole:
                return _RIGHT if column.number else _LEFT
            case _Role.DecorationRole if column.name == "outcome" and self._is_held(run):
                return self._icon("pause")
            case _Role.DecorationRole if column.name == "outcome":
                return self._icon(
                    "warning" if run.save_failed else f"run_{run.outcome if run.outcome in OUTCOMES else 'new'}"
                )
            case _Role.DecorationRole if column.name == "name":
                return self._colours.get(run.folder)
            case _Role.FontRole if column.name == "name" and run.folder in self._colours:
                font = QFont()
                font.setBold(True)
                return font
            case _Role.ToolTipRole:
                return _tooltip(run)
        return None

    def _icon(self, name: str) -> QIcon:
        if name not in self._icons:
            drawn = icon(name)
            self._icons[name] = QIcon(drawn)
            for size in (16, 32):  # what is selected keeps its colour
                self._icons[name].addPixmap(drawn.pixmap(size), QIcon.Mode.Selected)
        return self._icons[name]

    def setData(self, index: _Index, value: Any, role: int = _Role.EditRole) -> bool:
        """Qt's: the text is handed on; whoever can change the run's files does so, or says why not."""
        if role != _Role.EditRole or value == self.data(index, role):
            return False
        self.edited.emit(self.rows[index.row()].summary, COLUMNS[index.column()].name, str(value))
        return True

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Role.DisplayRole) -> object:
        """Qt's: the headings of the columns."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = COLUMNS[section]
        match role:
            case _Role.DisplayRole:
                return tr(column.heading)
            case _Role.ToolTipRole:
                return tr(column.hint)
            case _Role.TextAlignmentRole:
                return _RIGHT if column.number else _LEFT
        return None


class RunFilter(QSortFilterProxyModel):
    """The runs that a search finds. The order is the model's own."""

    def __init__(self, model: RunModel) -> None:
        super().__init__(model.parent())
        self._runs = model
        self._words: list[str] = []
        self._outcome = ""
        self.setSourceModel(model)

    def search(self, text: str, outcome: str = "") -> None:
        """Show the runs in which every word of `text` occurs, and of these only those with `outcome`, if one is
        given.
        """
        wanted = text.casefold().split(), outcome
        if wanted != (self._words, self._outcome):
            self.beginFilterChange()
            self._words, self._outcome = wanted
            self.endFilterChange(QSortFilterProxyModel.Direction.Rows)

    def summary(self, index: _Index) -> RunSummary:
        """The run of a row."""
        return self._runs.rows[self.mapToSource(index).row()].summary

    def filterAcceptsRow(self, row: int, parent: _Index) -> bool:  # noqa: ARG002
        """Qt's."""
        item = self._runs.rows[row]
        if self._outcome and item.summary.outcome != self._outcome:
            return False
        return matches(item.words, self._words)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Qt's."""
        if column >= 0:
            self._runs.sort(column, order)


def _stretches(places: list[int]) -> Iterator[tuple[int, int]]:
    """The ascending `places` as first and last of neighbours, from the end on."""
    while places:
        last = first = places.pop()
        while places and places[-1] == first - 1:
            first = places.pop()
        yield first, last


def _tooltip(run: RunSummary) -> str:
    return "\n".join(text for text in (run.name, run.reason, run.next_step, run.save_failed, run.note) if text)
