"""Connects the panel of the runs with the form, the session, the curves and the models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QAction, QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop_trainer import folders
from desktop_trainer.engine.events import EpochEnded, RunStarted
from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.experiment.problems import ExperimentError, parse_experiment
from desktop_trainer.i18n import tr
from desktop_trainer.regular_files import is_link
from desktop_trainer.runs.files import link_refused
from desktop_trainer.ui.banner import Banner
from desktop_trainer.ui.curves.overlay import MOST_RUNS
from desktop_trainer.ui.curves.panel import CurvesPanel
from desktop_trainer.ui.form.form import ExperimentForm
from desktop_trainer.ui.model_files import ModelFiles
from desktop_trainer.ui.run_curves import RunCurves
from desktop_trainer.ui.runs.bin import RunBin
from desktop_trainer.ui.runs.bin_dialog import BinDialog
from desktop_trainer.ui.runs.differences import DifferencesDialog
from desktop_trainer.ui.runs.files import RunFiles
from desktop_trainer.ui.runs.panel import RunsPanel
from desktop_trainer.ui.session import Session

if TYPE_CHECKING:
    from desktop_trainer.engine.events import Event
    from desktop_trainer.runs.summary import RunSummary
    from desktop_trainer.ui.runs.model import Changes

_READING = "reading the runs"


class RunDesk(QObject):
    """Does what the panel asks for; `start` is the action that begins a run."""

    def __init__(
        self,
        window: QWidget,
        panel: RunsPanel,
        curves: CurvesPanel,
        form: ExperimentForm,
        session: Session,
        banner: Banner,
        models: ModelFiles,
        start: QAction,
    ) -> None:
        super().__init__(window)
        self._window, self._panel, self._form, self._session = window, panel, form, session
        self._banner, self._models, self._start = banner, models, start
        self.curves = RunCurves(curves, panel.table.runs, lambda: session.folder, self)
        self.files = RunFiles(window, panel, banner)
        self.bin = RunBin(panel, session, form.undo_stack, banner, self)
        self._work: dict[str, Callable[[list[RunSummary]], None]] = {
            "show_run_curves": self.curves.show,
            "what_changed": self.compare,
            "repeat_run": self.repeat,
            "copy_run_settings": self.copy_settings,
            "open_best_model": self.open_best,
            "open_last_model": self.open_last,
            "open_run_folder": self.open_folder,
            "export_run": self.export,
            "edit_run_notes": self.files.ask_notes,
            "delete_runs": self.bin.delete,
            "show_bin": self.show_bin,
        }
        self._connect()

    def _connect(self) -> None:
        panel, session = self._panel, self._session
        panel.asked.connect(self._on_asked)
        panel.failed.connect(self._on_failed)
        panel.feed.read.connect(self._on_read)
        panel.feed.changed.connect(self.curves.follow)
        panel.feed.changed.connect(self._on_changed)
        panel.table.recoloured.connect(self.curves.recolour)
        self.files.imported.connect(panel.feed.refresh)
        self.files.moved.connect(self.curves.moved)
        self.files.moved.connect(self._on_moved)
        self.files.moved.connect(session.folder_moved)
        self.files.moved.connect(self.bin.renamed)
        self.bin.moved.connect(self.curves.moved)
        self.bin.moved.connect(session.folder_moved)
        self.curves.failed.connect(self._on_failed)
        self.curves.cut.connect(self._on_cut)
        self.curves.already.connect(self._on_already)
        session.happened.connect(self._on_event)
        session.ended.connect(panel.refresh)
        session.discarded.connect(panel.refresh)
        session.restored.connect(panel.refresh)
        session.state_changed.connect(self._on_state)
        session.model_changed.connect(self.curves.refresh)
        self._models.busy_changed.connect(self._on_state)

    def close(self) -> None:
        """The window is closing: let every thread come to its end."""
        for dialog in self._window.findChildren(BinDialog):
            dialog.close()
        self._panel.close_thread()
        self.curves.close()
        self.files.close()

    def compare(self, runs: list[RunSummary]) -> None:
        """Show in what the settings of the runs differ, or those of one from the form's."""
        values = {run.name: run.values for run in runs}
        if len(runs) == 1:
            if self._form.experiment is None:
                self._banner.show_message(
                    tr("The form has no experiment to compare with. {problem}", problem=self._form.problems[0]),
                    kind="error",
                )
                return
            values[tr("The form")] = shared_values(self._form.experiment)
        DifferencesDialog(values, self._window).open()

    def copy_settings(self, runs: list[RunSummary]) -> None:
        """Put the settings of a run into the form."""
        if self._to_form(runs[0]):
            self._banner.show_message(
                tr("The form has the settings of {run}.", run=runs[0].name),
                kind="success",
                do=(tr("Undo"), self._form.undo_stack.undo),
                until=(self._form.undo_stack.indexChanged,),
            )

    def repeat(self, runs: list[RunSummary]) -> None:
        """Train with the settings of a run, from the beginning."""
        if self._to_form(runs[0]):
            self._start.trigger()

    def _to_form(self, run: RunSummary) -> bool:
        try:
            experiment = parse_experiment(run.values)
        except ExperimentError as error:
            text = tr("The settings of {run} are not those of an experiment; nothing was changed.", run=run.name)
            self._banner.show_error(f"{text}\n{error}", error)
            return False
        self._form.set_experiment(experiment, keep_local=True)
        return True

    def open_best(self, runs: list[RunSummary]) -> None:
        """Load the model of a run's best epoch."""
        self._open(runs[0], "best.safetensors")

    def open_last(self, runs: list[RunSummary]) -> None:
        """Load the model of a run's last whole epoch."""
        self._open(runs[0], "model.safetensors")

    def _open(self, run: RunSummary, name: str) -> None:
        path = run.folder / name
        if is_link(path):
            error = link_refused(path)
            self._banner.show_error(str(error), error)
        elif path.exists():
            self._models.load(path, self._form.experiment)
        else:
            self._banner.show_message(
                tr("{run} has no {file}: it has not come to the end of an epoch.", run=run.name, file=name),
                kind="error",
            )

    def show_bin(self, *_: object) -> None:
        """Show what was deleted and discarded."""
        dialog = BinDialog(self._window)
        dialog.asked.connect(self._on_bin_asked)
        self.bin.changed.connect(dialog.read)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str, object)
    def _on_bin_asked(self, verb: str, runs: list[RunSummary]) -> None:
        if verb == "restore":
            self.bin.restore([run.folder for run in runs])
        else:
            self._work[verb](runs)

    def open_folder(self, runs: list[RunSummary]) -> None:
        """Show the files of a run in the system's file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(runs[0].folder)))

    def export(self, runs: list[RunSummary]) -> None:
        """Ask where, then write a run into a zip file."""
        name, _ = QFileDialog.getSaveFileName(
            self._window, tr("Export the run"), f"{runs[0].name}.zip", tr("Zip file (*.zip)")
        )
        if name:
            path = Path(name)
            self.files.export(runs[0], path if path.suffix else path.with_name(path.name + ".zip"))

    @Slot(str, object)
    def _on_asked(self, verb: str, runs: list[RunSummary]) -> None:
        self._work[verb](runs)

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        if isinstance(event, RunStarted | EpochEnded):
            self._panel.refresh()

    @Slot()
    def _on_state(self, *_: object) -> None:
        self._panel.actions_.set_idle(not self._session.active and not self._models.busy)
        self._panel.table.runs.set_held(self._session.held_folder)

    @Slot(object)
    def _on_changed(self, difference: Changes) -> None:
        for folder in difference.gone:
            self._banner.settle(str(folder))

    @Slot(object, object)
    def _on_moved(self, old: Path, _: Path | None) -> None:
        self._banner.settle(str(old))

    @Slot()
    def _on_cut(self) -> None:
        self._banner.show_message(
            tr("The curves of the first {count} runs are drawn; more could not be told apart.", count=MOST_RUNS)
        )

    @Slot(str)
    def _on_already(self, name: str) -> None:
        self._banner.show_message(tr("{run} is the run at hand: its curves are drawn already.", run=name))

    @Slot(object)
    def _on_failed(self, error: BaseException) -> None:
        self._banner.show_error(tr("The runs could not be read: {error}", error=error), error, about=_READING)

    @Slot()
    def _on_read(self) -> None:
        self._banner.settle(_READING)


def open_runs_folder() -> None:
    """Show the folder of the runs in the system's file manager."""
    folders.runs().mkdir(parents=True, exist_ok=True)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folders.runs())))
