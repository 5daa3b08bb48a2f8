"""Changes the files of runs for the window: names, tags, notes, whole folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop_trainer.i18n import tr
from desktop_trainer.runs import store
from desktop_trainer.runs.files import SaveFailed
from desktop_trainer.ui.banner import Banner
from desktop_trainer.ui.runs.notes import RunNotesDialog, split_tags
from desktop_trainer.ui.runs.panel import RunsPanel
from desktop_trainer.ui.thread import IteratorThread

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary

_RENAMING, _NOTES = "renaming a run", "the notes of a run"


class RunFiles(QObject):
    """What the panel of the runs does with their folders; what cannot be done is said in the banner.

    Signals:
        moved: a run's folder has another path: the old one and the new one.
        imported: there is another run in the runs folder.
    """

    moved = Signal(object, object)
    imported = Signal()

    def __init__(self, window: QWidget, panel: RunsPanel, banner: Banner) -> None:
        super().__init__(window)
        self._window, self._panel, self._banner = window, panel, banner
        self._export: IteratorThread | None = None
        self._import: IteratorThread | None = None
        self._problem: BaseException | None = None
        self._target = Path()
        panel.edited.connect(self._on_edited)

    @Slot(object, str, str)
    def _on_edited(self, run: RunSummary, column: str, text: str) -> None:
        if column == "name":
            self.rename(run, text)
        else:
            self._write(run, split_tags(text), run.note)

    def rename(self, run: RunSummary, name: str) -> None:
        """Give the run's folder another name."""
        try:
            folder = store.rename(run.folder, name)
        except SaveFailed as error:
            self._banner.show_error(str(error), error, about=_RENAMING)
            return
        self._banner.settle(_RENAMING)
        self._panel.replace(run.folder, replace(run, folder=folder, name=folder.name))
        self.moved.emit(run.folder, folder)

    def ask_notes(self, runs: Sequence[RunSummary]) -> None:
        """Ask for tags and note."""
        dialog = RunNotesDialog(runs, self._window)
        dialog.accepted.connect(self._on_notes)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot()
    def _on_notes(self) -> None:
        dialog = self.sender()
        assert isinstance(dialog, RunNotesDialog)
        for run in dialog.runs:
            if not self._write(run, dialog.tags_of(run), dialog.note_of(run)):
                return

    def _write(self, run: RunSummary, tags: tuple[str, ...], note: str) -> bool:
        from desktop_trainer.runs.run_folder import Notes, write_notes

        if (tags, note) == (run.tags, run.note):
            return True
        try:
            write_notes(run.folder, Notes(tags, note))
        except SaveFailed as error:
            self._banner.show_error(str(error), error, about=_NOTES)
            return False
        self._banner.settle(_NOTES)
        self._panel.replace(run.folder, replace(run, tags=tags, note=note))
        return True

    def export(self, run: RunSummary, path: Path) -> None:
        """Write the whole run into the zip file `path`, in a thread."""
        from desktop_trainer.runs.export import export_run

        if self._export is not None:
            self._banner.show_message(tr("Another run is being exported. Try again when it is done."))
            return
        self._banner.show_message(tr("Writing {file}…", file=path.name))
        self._target = path
        self._export, self._problem = IteratorThread(partial(export_run, run.folder, path), self), None
        self._export.failed.connect(self._on_failed)
        self._export.finished.connect(self._on_exported)
        self._export.start()

    @Slot(object)
    def _on_failed(self, error: BaseException) -> None:
        self._problem = error
        self._banner.show_error(str(error), error)

    @Slot()
    def _on_exported(self) -> None:
        if self._export is not None:
            self._export.deleteLater()
        self._export = None
        if self._problem is None:
            self._banner.show_message(tr("Saved {file}.", file=self._target), kind="success")

    @Slot()
    def ask_and_import(self) -> None:
        """Ask for a zip file with a run, and copy the run into the runs folder."""
        name, _ = QFileDialog.getOpenFileName(self._window, tr("Import a run"), "", tr("Zip file (*.zip)"))
        if name:
            self.take_over(Path(name))

    def take_over(self, source: Path) -> None:
        """Copy the run in `source`, a zip file or a folder, into the runs folder, in a thread."""
        from desktop_trainer.runs.importing import import_run

        if self._import is not None:
            self._banner.show_message(tr("Another run is being imported. Try again when it is done."))
            return
        self._banner.show_message(tr("Reading {file}…", file=source.name))
        self._import = IteratorThread(partial(import_run, source), self)
        self._import.item.connect(self._on_import)
        self._import.failed.connect(self._on_failed)
        self._import.finished.connect(self._on_import_finished)
        self._import.start()

    @Slot(object)
    def _on_import(self, item: int | Path) -> None:
        if isinstance(item, Path):
            self._banner.show_message(tr("Imported as {name}.", name=item.name), kind="success")
            self.imported.emit()

    @Slot()
    def _on_import_finished(self) -> None:
        if self._import is not None:
            self._import.deleteLater()
        self._import = None

    def close(self) -> None:
        """The window is closing: what is being copied comes to its end, or leaves nothing behind."""
        for thread in filter(None, (self._export, self._import)):
            thread.stop()
            thread.wait()
