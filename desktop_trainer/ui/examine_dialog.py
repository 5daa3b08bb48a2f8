"""Asks which model is to be examined, and on which test set."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QButtonGroup, QDialog, QDialogButtonBox, QGroupBox, QRadioButton, QVBoxLayout, QWidget

from desktop_trainer.i18n import tr
from desktop_trainer.ui.naming import named


class ExamineDialog(QDialog):
    """One of `models`, one of `datasets`; at first the first of each is chosen.

    Signals:
        chosen: the places of the chosen model and dataset.
    """

    chosen = Signal(int, int)

    def __init__(self, models: Sequence[str], datasets: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("examine")
        self.setWindowTitle(tr("Evaluate on the test set"))
        self.setMinimumWidth(420)
        self._models, self._datasets = QButtonGroup(self), QButtonGroup(self)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(tr("Evaluate"), QDialogButtonBox.ButtonRole.AcceptRole).setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.accepted.connect(self._on_accepted)
        layout = QVBoxLayout(self)
        layout.addWidget(_box(tr("Model"), "examined_model", models, self._models))
        layout.addWidget(_box(tr("Test set"), "examined_data", datasets, self._datasets))
        layout.addWidget(buttons)

    @Slot()
    def _on_accepted(self) -> None:
        self.chosen.emit(self._models.checkedId(), self._datasets.checkedId())


def _box(title: str, name: str, texts: Sequence[str], group: QButtonGroup) -> QGroupBox:
    box = named(QGroupBox(title), name)
    layout = QVBoxLayout(box)
    for number, text in enumerate(texts):
        button = named(QRadioButton(text.replace("&", "&&")), f"{name}_{number}")
        button.setChecked(number == 0)
        group.addButton(button, number)
        layout.addWidget(button)
    return box
