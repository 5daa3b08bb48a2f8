"""The dialog for the tags and the note of runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop_trainer.i18n import tr
from desktop_trainer.ui.naming import named

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary


class RunNotesDialog(QDialog):
    """Asks for the tags that all of `runs` have, and, of a single one, for its note."""

    def __init__(self, runs: Sequence[RunSummary], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("run_notes")
        self.runs = list(runs)
        self._common = [tag for tag in runs[0].tags if all(tag in run.tags for run in runs)]
        self._tags = named(QLineEdit(", ".join(self._common)), "run_tags")
        self._note = named(QPlainTextEdit(runs[0].note if len(runs) == 1 else "", tabChangesFocus=True), "run_note")
        self._tags.setAccessibleName(tr("Tags"))
        self._note.setAccessibleName(tr("Note"))
        self._lay_out()

    def _lay_out(self) -> None:
        title = self.runs[0].name if len(self.runs) == 1 else tr("{count} runs", count=len(self.runs))
        self.setWindowTitle(tr("Tags and note of {run}", run=title))
        hint = QLabel(
            tr("Words of your own, with commas between them. A search finds the runs that have them."), wordWrap=True
        )
        hint.setProperty("role", "muted")
        form = QFormLayout()
        form.addRow(tr("Tags"), self._tags)
        form.addRow("", hint)
        if len(self.runs) == 1:
            form.addRow(tr("Note"), self._note)
        buttons = QDialogButtonBox()
        buttons.addButton(named(QPushButton(tr("Save")), "save_notes"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(QPushButton(tr("Cancel")), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(buttons)
        self.resize(460, 260 if len(self.runs) == 1 else 120)

    def tags_of(self, run: RunSummary) -> tuple[str, ...]:
        """The tags that `run` is to have: its own besides those that were shown, and those that are written now."""
        return unique((*(tag for tag in run.tags if tag not in self._common), *split_tags(self._tags.text())))

    def note_of(self, run: RunSummary) -> str:
        """The note that `run` is to have."""
        return self._note.toPlainText() if len(self.runs) == 1 else run.note


def split_tags(text: str) -> tuple[str, ...]:
    """The tags in a text with commas between them, also Chinese ones."""
    return unique(tag for part in text.replace("，", ",").split(",") if (tag := " ".join(part.split())))


def unique(tags: Iterable[str]) -> tuple[str, ...]:
    """Each tag once, in order."""
    return tuple(dict.fromkeys(tags))
