"""Lets a run go on, whoever asks: the menu, the toolbar, the panel of the runs, a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from desktop_trainer import folders
from desktop_trainer.experiment.problems import ExperimentError
from desktop_trainer.i18n import tr
from desktop_trainer.report.next_steps import UNFINISHED
from desktop_trainer.runs.continuing import Proposal, propose
from desktop_trainer.runs.fixed import FOLDER
from desktop_trainer.runs.moved import lost_folder
from desktop_trainer.runs.run_folder import NotARun
from desktop_trainer.ui.banner import Banner
from desktop_trainer.ui.live.continue_dialog import ContinueDialog
from desktop_trainer.ui.session import Session

if TYPE_CHECKING:
    from desktop_trainer.ui.form.form import ExperimentForm


class Continuing(QObject):
    """The one act of continuing a run: where the form differs from it, what can change is shown, and asked for once.

    Signals:
        changed: there is another `folder`, or none.
    """

    changed = Signal()

    def __init__(self, window: QWidget, session: Session, form: ExperimentForm, banner: Banner) -> None:
        super().__init__(window)
        self._window, self._session, self._form, self._banner = window, session, form, banner
        self._found: Path | None = None
        self._found_outcome = ""
        session.began.connect(self._on_began)

    @property
    def folder(self) -> Path | None:
        """The last run, of this session or an earlier one; None if there is none that can go on."""
        return self._session.last_folder or self._found

    @property
    def suggested(self) -> bool:
        """Whether the last run did not come to its end, so that to go on is what comes next."""
        session = self._session
        outcome = session.last_outcome if session.last_folder is not None else self._found_outcome
        return not session.active and self.folder is not None and outcome in UNFINISHED

    def found(self, folder: Path, outcome: str) -> None:
        """The last run of earlier sessions was found."""
        self._found, self._found_outcome = folder, outcome
        self.changed.emit()

    @Slot(object, object)
    def folder_moved(self, old: Path, new: Path | None) -> None:
        """The folder of a run has another path, or is gone."""
        if self._found == old:
            self._found = new
            self.changed.emit()

    @Slot()
    def go_on(self) -> None:
        """Continue the last run."""
        if self.folder is not None:
            self.resume(self.folder)

    @Slot(object)
    def resume(self, folder: Path, changes: Mapping[str, Any] | None = None) -> None:
        """Let the run in `folder` go on where it was, with `changes`; without any the form's are offered."""
        if self._session.active:
            return
        try:
            proposal = propose(folder, self._form.experiment)
            if changes is None and (proposal.offered or proposal.kept):
                self._ask(folder, proposal)
            else:
                self._resume(folder, proposal, {**proposal.needed, **(changes or {})})
        except (NotARun, ExperimentError) as error:
            self._refuse(folder, error)

    def _ask(self, folder: Path, proposal: Proposal) -> None:
        dialog = ContinueDialog(folder.name, proposal, self._window)

        def answered() -> None:
            changes = proposal.changes if dialog.with_changes else proposal.needed
            try:
                self._resume(folder, proposal, changes)
            except ExperimentError as error:
                self._refuse(folder, error)

        dialog.accepted.connect(answered)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _resume(self, folder: Path, proposal: Proposal, changes: Mapping[str, Any]) -> None:
        """Its settings are those of the form from now on. Where its images are is asked for, if they were moved."""
        experiment = proposal.with_changes(changes)
        if lost := lost_folder(experiment):
            self._ask_folder(lost, lambda found: self._resume(folder, proposal, {**changes, FOLDER: found}))
            return
        self._banner.hide()
        self._form.set_experiment(experiment, keep_local=True)
        self._session.reopen(folder, experiment, changes)

    def _ask_folder(self, lost: str, use: Callable[[str], None]) -> None:
        """Say that the folder `lost` is not there, and call `use` with the one that is chosen."""
        box = QMessageBox(self._window)
        box.setObjectName("ask_images")
        box.setIcon(QMessageBox.Icon.Question)
        box.setText(
            tr(
                "The images of this run were in {folder}, which is not there. If they were moved, choose "
                "the folder that holds them now.",
                folder=lost,
            )
        )
        box.setInformativeText(tr("The run goes on if they are the same."))
        choose = box.addButton(tr("Choose a folder…"), QMessageBox.ButtonRole.AcceptRole)
        choose.setObjectName("choose_images")
        box.addButton(QMessageBox.StandardButton.Cancel)

        def chosen() -> None:
            if found := QFileDialog.getExistingDirectory(self._window, tr("Folder of images")):
                folders.name_computer(found)
                use(found)

        choose.clicked.connect(chosen)
        box.finished.connect(box.deleteLater)
        box.open()

    def _refuse(self, folder: Path, error: Exception) -> None:
        text = tr("The run {name} cannot go on.", name=folder.name)
        self._banner.show_error(f"{text}\n{error}", error)

    @Slot()
    def _on_began(self, *_: object) -> None:
        self._found = None
        self.changed.emit()
