"""What differs between the settings of runs: as a line for the legend, and as a table to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop_trainer.experiment.difference import differences
from desktop_trainer.experiment.fields import Setting, Values, get_value, sections, settings_of
from desktop_trainer.i18n import listed, titled, tr, trn
from desktop_trainer.report.run_columns import choice_text, value_text
from desktop_trainer.report.setting_words import short_label
from desktop_trainer.ui import theme
from desktop_trainer.ui.naming import named

_WIDEST = 260


class Line(NamedTuple):
    """A setting, what each run has there (nothing where a run does not have it), and whether not all are alike."""

    setting: Setting
    texts: tuple[str, ...]
    differs: bool


def lines(values: Sequence[Values]) -> list[Line]:
    """Every setting that any of `values` has, without those of this machine, in declared order."""
    settings: dict[str, Setting] = {}
    for each in values:
        settings |= {item.path: item for item in settings_of(each) if not item.local and item.path not in settings}
    order = list(sections())
    declared = sorted(settings.values(), key=lambda item: order.index(item.section))
    different = {each.path for other in values[1:] for each in differences(values[0], other)}
    return [Line(item, tuple(_text(item, each) for each in values), item.path in different) for item in declared]


def _text(setting: Setting, values: Values) -> str:
    if setting.path not in {item.path for item in settings_of(values)}:
        return ""
    if setting.registry is not None:
        return choice_text(setting.registry, values, setting.path) or tr(setting.registry[setting.default].label)
    value = get_value(values, setting.path)
    return value_text(setting.default if value is None else value, setting.zero)


def difference_texts(values: Sequence[Values]) -> list[str]:
    """For each of `values` the settings in which not all are alike, in one line."""
    different = [line for line in lines(values) if line.differs]
    names = [short_label(line.setting.path, line.setting.label) for line in different]
    return [
        listed(f"{name} {line.texts[at]}" for name, line in zip(names, different, strict=True) if line.texts[at])
        for at in range(len(values))
    ]


class DifferencesDialog(QDialog):
    """A column for each of the `named` values, a row a setting; what differs is marked, what does not can be hidden."""

    def __init__(self, values: Mapping[str, Values], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("differences")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._names, self._lines = list(values), lines(list(values.values()))
        self._summary = QLabel(wordWrap=True)
        self._all = named(QCheckBox(), "all_settings")
        self._table = named(QTableWidget(len(self._lines), len(values) + 1), "differences_table")
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setShowGrid(False)
        self._table.setTabKeyNavigation(False)
        self._table.verticalHeader().hide()
        self._table.horizontalHeader().setHighlightSections(False)
        self._table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._table.horizontalHeader().setMinimumSectionSize(90)
        self._table.horizontalHeader().setMaximumSectionSize(_WIDEST)
        self._table.horizontalHeader().setStretchLastSection(True)
        column = QVBoxLayout(self)
        column.addWidget(self._summary)
        column.addWidget(self._all)
        column.addWidget(self._table, 1)
        self._all.toggled.connect(self._on_all)
        self._show()
        self._table.resizeColumnsToContents()
        self.resize(min(self._table.horizontalHeader().length() + 60, 1000), 420)

    def _show(self) -> None:
        different = sum(line.differs for line in self._lines)
        self.setWindowTitle(tr("What changed"))
        self._all.setText(tr("Show the settings that are alike, too"))
        text = trn(
            "{n} of {total} settings differs.", "{n} of {total} settings differ.", different, total=len(self._lines)
        )
        self._summary.setText(text if different else tr("All settings are alike."))
        self._table.setAccessibleName(self._summary.text())
        for place, name in enumerate((tr("Setting"), *self._names)):
            heading = QTableWidgetItem(name)
            heading.setToolTip(name)
            self._table.setHorizontalHeaderItem(place, heading)
        for row, line in enumerate(self._lines):
            section, label = tr(sections()[line.setting.section].title), tr(line.setting.label)
            name = label if label == section else titled(section, label)
            for place, cell in enumerate((name, *line.texts)):
                self._table.setItem(row, place, _cell(cell, mark=line.differs, bold=line.differs and place > 0))
        self._on_all(self._all.isChecked())

    @Slot(bool)
    def _on_all(self, every: bool) -> None:
        for row, line in enumerate(self._lines):
            self._table.setRowHidden(row, not (every or line.differs))

    def changeEvent(self, event: QEvent) -> None:
        """Qt's: language or colours may have changed."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.LanguageChange, QEvent.Type.PaletteChange):
            self._show()


def _cell(text: str, *, mark: bool, bold: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setToolTip(text)
    if mark:
        item.setBackground(QColor(theme.current().warning_base))
    if bold:
        font = QFont()
        font.setBold(True)
        item.setFont(font)
    return item
