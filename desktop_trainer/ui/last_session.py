"""Keeps the settings of the form between two starts, in a file of the program's own."""

from __future__ import annotations

import json

from PySide6.QtCore import QObject, QTimer, Slot

from desktop_trainer import folders
from desktop_trainer.experiment.fields import to_values
from desktop_trainer.experiment.formats import numbered
from desktop_trainer.experiment.problems import ExperimentError, Problem, load_object, parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr
from desktop_trainer.runs.files import SaveFailed, write_file
from desktop_trainer.ui.banner import Banner
from desktop_trainer.ui.form.form import ExperimentForm

FORMAT = 1
_FILE = "session.json"
_QUIET_SECONDS = 1.0
"""So long nothing must have been edited before the file is written."""


class LastSession(QObject):
    """Writes the form's settings soon after they changed, whenever they make an experiment."""

    def __init__(self, form: ExperimentForm, banner: Banner) -> None:
        super().__init__(form)
        self._form, self._banner = form, banner
        self._timer = QTimer(self, singleShot=True, interval=int(1000 * _QUIET_SECONDS))
        self._timer.timeout.connect(self.save)
        form.experiment_changed.connect(self._timer.start)

    @Slot()
    def save(self) -> None:
        """Write the file now, if there is something new."""
        self._timer.stop()
        experiment = self._form.experiment
        if experiment is None:
            return
        path = folders.home() / _FILE
        content = json.dumps(
            {"format": FORMAT, "experiment": numbered(to_values(experiment))}, indent=2, ensure_ascii=False
        )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, content.encode())
        except (OSError, SaveFailed) as error:
            text = tr("These settings will not be there at the next start.")
            self._banner.show_error(f"{text}\n{error}", error)

    def close(self) -> None:
        """Write what has not been written yet; the window is closing."""
        if self._timer.isActive():
            self.save()


def last_experiment() -> tuple[Experiment | None, str]:
    """The settings of the last session, and a notice for the user; None if there are none.

    A file that cannot be used is kept aside, under a name that the notice tells.
    """
    path = folders.home() / _FILE
    try:
        values = load_object(path)
        if values.get("format") != FORMAT:
            raise ExperimentError([Problem("", tr("It was written by another version of this program."))])
        return parse_experiment(values.get("experiment")), ""
    except FileNotFoundError:
        return None, ""
    except (OSError, ExperimentError) as error:
        return None, _put_aside(error)


def _put_aside(error: Exception) -> str:
    path = folders.home() / _FILE
    number, aside = 1, path.with_name("session.unusable.json")
    while aside.exists():
        number += 1
        aside = path.with_name(f"session.unusable {number}.json")
    try:
        path.rename(aside)
    except OSError:
        aside = path
    text = tr(
        "The settings of the last session cannot be used; these are the first ones again. They are kept in {file}.",
        file=aside,
    )
    why = getattr(error, "strerror", None)
    return f"{text}\n{tr('It cannot be read: {error}.', error=why) if why else error}"
