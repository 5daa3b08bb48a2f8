"""Asks, where the form differs from a run that is to go on, with which settings it does."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop_trainer.experiment.difference import Difference
from desktop_trainer.experiment.fields import settings_of
from desktop_trainer.i18n import tr, trn
from desktop_trainer.report.run_columns import value_text
from desktop_trainer.runs.continuing import Proposal
from desktop_trainer.ui.naming import named

_ROW_HEIGHT, _MOST_ROWS = 30, 12


class ContinueDialog(QDialog):
    """A row for each setting that differs: what the run has, what the form has, and with what the run would go on.

    Attributes:
        with_changes: when it is accepted, whether the run takes over what it can.
    """

    def __init__(self, name: str, proposal: Proposal, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("continue_dialog")
        self.setWindowTitle(tr("Continue run"))
        self.with_changes = False
        self._proposal = proposal
        text = QLabel(tr("The form has other settings than the run {name}.", name=name), wordWrap=True)
        column = QVBoxLayout(self)
        for widget in (text, self._table(), self._explanation(), self._buttons()):
            column.addWidget(widget)
        self._first.setDefault(True)  # before it was in the dialog, it would not have been the dialog's
        self._first.setFocus()
        self.resize(640, self.sizeHint().height())

    def _table(self) -> QTableWidget:
        offered, kept = self._proposal.offered, self._proposal.kept
        table = named(QTableWidget(len(offered) + len(kept), 4), "continue_table")
        table.setHorizontalHeaderLabels([tr("Setting"), tr("The run"), tr("The form"), tr("Can change")])
        table.setAccessibleName(tr("Settings that differ"))
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setShowGrid(False)
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for row, each in enumerate((*offered, *kept)):
            for place, text in enumerate(_texts(each, can_change=row < len(offered))):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                table.setItem(row, place, item)
        table.setMinimumHeight(_ROW_HEIGHT * (min(table.rowCount(), _MOST_ROWS) + 1) + 8)
        return table

    def _explanation(self) -> QLabel:
        kept = len(self._proposal.kept)
        text = trn(
            "{n} setting stays as the run has it: with another value it would be another run. Start trains that.",
            "{n} settings stay as the run has them: with other values it would be another run. Start trains that.",
            kept,
        )
        label = QLabel(
            text if kept else tr("The change is marked in the curves, in the log and in the run's journal."),
            wordWrap=True,
        )
        label.setProperty("role", "muted")
        return label

    def _buttons(self) -> QDialogButtonBox:
        """To take over what is offered is what is meant, unless the form is of another run altogether."""
        box = QDialogButtonBox()
        role = QDialogButtonBox.ButtonRole.AcceptRole
        as_it_was = named(QPushButton(tr("Continue as it &was")), "continue_unchanged")
        if self._proposal.offered:
            changed = named(QPushButton(tr("Continue with the &changes")), "continue_changed")
            changed.clicked.connect(self._on_changed)
            box.addButton(changed, role)
        box.addButton(as_it_was, role)
        as_it_was.clicked.connect(self.accept)
        cancel = named(QPushButton(tr("Cancel")), "continue_cancel")
        box.addButton(cancel, QDialogButtonBox.ButtonRole.RejectRole)
        cancel.clicked.connect(self.reject)
        self._first = changed if self._proposal.offered and not self._proposal.kept else as_it_was
        return box

    def _on_changed(self) -> None:
        self.with_changes = True
        self.accept()


def _texts(difference: Difference, *, can_change: bool) -> tuple[str, ...]:
    values = (_value(difference, value) for value in (difference.before, difference.after))
    return tr(difference.label), *values, tr("yes") if can_change else tr("no")


def _value(difference: Difference, value: Any) -> str:
    registry = next((item.registry for item in settings_of({}) if item.path == difference.path), None)
    if registry is not None and value in registry:
        return tr(registry[value].label)
    return value_text(value, difference.zero)
