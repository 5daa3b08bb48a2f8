"""Opens and saves experiments as JSON files for the window."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.experiment.formats import numbered
from desktop_trainer.experiment.problems import ExperimentError, load_values, parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr
from desktop_trainer.ui.banner import Banner
from desktop_trainer.ui.form.form import ExperimentForm


def _content(experiment: Experiment) -> bytes:
    return (json.dumps(numbered(shared_values(experiment)), indent=2, ensure_ascii=False) + "\n").encode()


class ExperimentFiles(QObject):
    """What the File menu does with experiments."""

    def __init__(self, window: QWidget, form: ExperimentForm, banner: Banner) -> None:
        super().__init__(window)
        self._window, self._form, self._banner = window, form, banner

    @Slot()
    def save(self) -> None:
        """Ask where, then write the settings of the form."""
        from desktop_trainer.runs.files import SaveFailed, write_file

        experiment = self._form.experiment
        if experiment is None:
            self._banner.show_message(tr("Not saved. {problem}", problem=self._form.problems[0]), kind="error")
            return
        name, _ = QFileDialog.getSaveFileName(
            self._window, tr("Save experiment"), "experiment.json", tr("Experiment (*.json)")
        )
        if not name:
            return
        path = Path(name) if Path(name).suffix else Path(name + ".json")
        try:
            write_file(path, _content(experiment))
        except SaveFailed as error:
            self._banner.show_error(str(error), error)
        else:
            self._banner.show_message(tr("Saved {file}.", file=path), kind="success")

    @Slot()
    def ask_and_load(self) -> None:
        """Ask which file, then put its settings into the form."""
        name, _ = QFileDialog.getOpenFileName(self._window, tr("Open experiment"), "", tr("Experiment (*.json)"))
        if name:
            self.load(Path(name))

    def load(self, path: Path) -> None:
        """Put the settings of `path` into the form; if they are wrong, say why and change nothing."""
        try:
            experiment = parse_experiment(load_values(path))
        except (OSError, ExperimentError) as error:
            text = tr("{file} was not opened; nothing was changed.", file=path.name)
            why = getattr(error, "strerror", None)
            reason = tr("It cannot be read: {error}.", error=why) if why else error
            self._banner.show_error(f"{text}\n{reason}", error)
            return
        self._form.set_experiment(experiment, keep_local=True)
        opened = tr("Opened {file}.", file=path.name)
        self._banner.show_message(opened, kind="success", until=(self._form.experiment_changed,))
