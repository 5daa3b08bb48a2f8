"""The table of runs as a widget: what its keys do, how wide its columns are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QPersistentModelIndex, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction, QContextMenuEvent, QFontMetrics, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QWidget

from desktop_trainer.i18n import tr
from desktop_trainer.ui.runs.columns import COLUMNS, PLACES
from desktop_trainer.ui.runs.model import Changes, RunFilter, RunModel

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary


_PADDING, _MARK = 20, 24
_FITTED = ("name", "model", "dataset", "optimizer")
"""Columns of words, which are as wide as their longest one needs, at most so many letters:"""
_MOST_LETTERS = 30


class RunTable(QTableView):
    """Every run in a row of one height; no cell has a widget, so that ten thousand rows cost what is in sight.

    Signals:
        chosen: Return was pressed, or a row double-clicked. selected: other runs are selected.
        menu_asked: with the place on the screen. recoloured: the theme is another one.
    """

    chosen = Signal()
    selected = Signal()
    menu_asked = Signal(QPoint)
    recoloured = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runs_table")
        self.runs = RunModel(self)
        self.filter = RunFilter(self.runs)
        self.setModel(self.filter)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)
        self._set_up_header()
        self.doubleClicked.connect(self._on_double_click)
        self.selectionModel().selectionChanged.connect(self._on_selection)
        self.retranslate()

    def _set_up_header(self) -> None:
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsMovable(True)
        header.setSortIndicator(PLACES["created"], Qt.SortOrder.DescendingOrder)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._on_header_menu)
        self.setSortingEnabled(True)
        letter = self.fontMetrics().horizontalAdvance("0")
        for place, column in enumerate(COLUMNS):
            self.setColumnWidth(place, letter * column.width + _PADDING)

    def apply(self, difference: Changes) -> None:
        """Bring the rows up to date; what is selected stays so, and what is in sight stays there."""
        bar = self.verticalScrollBar()
        top = QPersistentModelIndex(self.indexAt(QPoint(1, 1))) if bar.value() else None
        self.runs.apply(difference)
        self._fit_words(difference)
        if top is not None and top.isValid():
            self.updateGeometries()  # now, so that the bar knows of new rows
            bar.setValue(top.row())

    def _fit_words(self, difference: Changes) -> None:
        """Of new rows no word is cut; a column that is wider stays so."""
        bold = self.font()
        bold.setBold(True)  # as the names of the runs whose curves are drawn, which have a mark before them, too
        metrics = QFontMetrics(bold)
        most = _MOST_LETTERS * metrics.horizontalAdvance("0")
        for name in _FITTED if difference.fresh else ():
            place = PLACES[name]
            longest = max((COLUMNS[place].text(row.summary) for row in difference.fresh), key=len)
            needed = min(metrics.horizontalAdvance(longest), most) + _PADDING
            needed += _MARK if name == "name" else 0
            if not self.isColumnHidden(place) and needed > self.columnWidth(place):
                self.setColumnWidth(place, needed)

    def selection(self) -> list[RunSummary]:
        """The runs that are selected, from the top."""
        ranges = self.selectionModel().selection()  # an index for each of ten thousand rows takes a second
        each = [ranges.at(place) for place in range(ranges.count())]
        rows = sorted({row for stretch in each for row in range(stretch.top(), stretch.bottom() + 1)})
        return [self.filter.summary(self.filter.index(row, 0)) for row in rows]

    def rename(self) -> None:
        """Open the editor of the name of the run that the keys are at."""
        index = self.currentIndex()
        if index.isValid():
            self.edit(index.siblingAtColumn(PLACES["name"]))

    @property
    def layout_state(self) -> QByteArray:
        """Widths, order and visibility of the columns, and by which the rows are sorted."""
        return self.horizontalHeader().saveState()

    @layout_state.setter
    def layout_state(self, state: QByteArray) -> None:
        self.horizontalHeader().restoreState(state)
        self._fit_headings()

    def retranslate(self) -> None:
        """Set every text in the current language."""
        self.setAccessibleName(tr("Runs"))
        self.runs.retranslate()
        self._fit_headings()

    def _fit_headings(self) -> None:
        """No heading is cut in the language that has come."""
        header = self.horizontalHeader()
        for place in range(header.count()):
            if not header.isSectionHidden(place):
                header.resizeSection(place, max(header.sectionSize(place), header.sectionSizeHint(place)))

    def header_menu(self) -> QMenu:
        """Which columns are shown; the menu goes when it is closed. The name is always there."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for place, column in enumerate(COLUMNS):
            action = menu.addAction(tr(column.heading))
            action.setObjectName(f"show_{column.name}")
            action.setData(place)
            action.setCheckable(True)
            action.setChecked(not self.isColumnHidden(place))
            action.setEnabled(column.name != "name")
        menu.triggered.connect(self._on_column)
        return menu

    @Slot(QPoint)
    def _on_header_menu(self, place: QPoint) -> None:
        self.header_menu().popup(self.horizontalHeader().mapToGlobal(place))

    @Slot(QAction)
    def _on_column(self, action: QAction) -> None:
        self.setColumnHidden(action.data(), not action.isChecked())

    @Slot()
    def _on_selection(self, *_: object) -> None:
        self.selected.emit()

    @Slot()
    def _on_double_click(self, *_: object) -> None:
        self.chosen.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's: Return is a choice."""
        editing = self.state() is QAbstractItemView.State.EditingState
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not editing:
            self.chosen.emit()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Qt's."""
        self.menu_asked.emit(event.globalPos())

    def changeEvent(self, event: QEvent) -> None:
        """Qt's: language or colours may have changed."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.LanguageChange:
            self.retranslate()
        elif event.type() is QEvent.Type.PaletteChange:
            self.runs.recolour()
            self.recoloured.emit()
