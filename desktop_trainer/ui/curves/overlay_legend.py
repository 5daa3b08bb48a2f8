"""The legend of the runs that are drawn beside the one at hand."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSignalBlocker, QSize, Qt, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListWidget, QListWidgetItem, QToolButton, QWidget

from desktop_trainer.i18n import tr
from desktop_trainer.ui.curves.overlay import OverlaidRun
from desktop_trainer.ui.naming import named

_MOST_LINES = 4


class OverlayLegend(QFrame):
    """A line a run: its colour, its name, and the settings in which it differs. Its box hides its curves.

    Signals:
        toggled: a run is to be shown or hidden; its `shown` says so. clear_asked: no run is to be drawn any more.
    """

    toggled = Signal()
    clear_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("overlay_legend")
        self.runs: list[OverlaidRun] = []
        self._list, self._clear = named(QListWidget(), "overlaid_runs"), named(QToolButton(), "clear_run_curves_button")
        self._list.setUniformItemSizes(True)
        self._list.setIconSize(QSize(22, 12))
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self._list.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 0, 8, 4)
        layout.setSpacing(6)
        layout.addWidget(self._list, 1)
        layout.addWidget(self._clear, 0, Qt.AlignmentFlag.AlignTop)
        self._list.itemChanged.connect(self._on_changed)
        self._clear.clicked.connect(self.clear_asked)
        self._retranslate()
        self.hide()

    def show_runs(self, runs: Sequence[OverlaidRun]) -> None:
        """List these runs; without any there is no legend."""
        self.runs = list(runs)
        with QSignalBlocker(self._list):
            self._list.clear()
            for run in runs:
                self._list.addItem(self._item(run))
        if runs:
            height = self._list.sizeHintForRow(0) * min(len(runs), _MOST_LINES)
            self._list.setFixedHeight(height + 2 * self._list.frameWidth())
        self.setVisible(bool(runs))

    def _item(self, run: OverlaidRun) -> QListWidgetItem:
        item = QListWidgetItem(run.title)
        hint = tr("Line: training, smoothed. Dotted, with markers: test set.")
        item.setToolTip("\n".join(text for text in (run.name, run.difference, hint) if text))
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked if run.shown else Qt.CheckState.Unchecked)
        item.setIcon(swatch(run))
        item.setSizeHint(QSize(0, self._list.fontMetrics().height() + 6))
        return item

    def recolour(self) -> None:
        """Take over the colours of the theme in use."""
        with QSignalBlocker(self._list):
            for row, run in enumerate(self.runs):
                self._list.item(row).setIcon(swatch(run))

    def _retranslate(self) -> None:
        self._list.setAccessibleName(tr("Runs whose curves are drawn"))
        self._clear.setText(tr("Clear"))
        self._clear.setToolTip(tr("Draw the curves of these runs no longer."))
        self._clear.setAccessibleName(tr("Clear the curves of other runs"))

    def changeEvent(self, event: QEvent) -> None:
        """Qt's: the language may have changed."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.LanguageChange:
            self._retranslate()

    @Slot(QListWidgetItem)
    def _on_changed(self, item: QListWidgetItem) -> None:
        self.runs[self._list.row(item)].shown = item.checkState() is Qt.CheckState.Checked
        self.toggled.emit()


def swatch(run: OverlaidRun) -> QIcon:
    """A piece of the run's curve, which keeps its colour where it is selected."""
    result, sample = QIcon(), run.sample()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        result.addPixmap(sample, mode)
    return result
