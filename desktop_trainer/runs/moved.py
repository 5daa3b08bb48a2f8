"""Notices that the folder of a run's images is no longer where it was."""

from __future__ import annotations

from pathlib import Path

from desktop_trainer.experiment.fields import get_value, to_values
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.files.errors import DataError
from desktop_trainer.i18n import tr
from desktop_trainer.runs.fixed import FOLDER


class FolderMoved(DataError):
    """The images of a run are not where they were; nothing was changed."""


def lost_folder(experiment: Experiment) -> str:
    """The folder of the experiment's images, if there is none; else empty."""
    folder = get_value(to_values(experiment), FOLDER)
    if not isinstance(folder, str) or not folder:
        return ""
    try:
        return "" if Path(folder).expanduser().is_dir() else folder
    except (OSError, RuntimeError, ValueError):
        return folder


def check_folder(experiment: Experiment) -> None:
    """See whether the folder of the images is there.

    Raises:
        FolderMoved: if not.
    """
    if folder := lost_folder(experiment):
        text = tr(
            "The images of this run were in {folder}, which is not there. If they were moved, say "
            "where they are now: the run goes on if they are the same.",
            folder=folder,
        )
        raise FolderMoved(text)
