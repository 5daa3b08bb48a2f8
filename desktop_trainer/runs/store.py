"""The folders of the runs: names for new ones, and a bin for discarded ones. Knows no contents."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from desktop_trainer import folders
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr
from desktop_trainer.runs.files import SaveFailed

_BIN = ".bin"


def new_folder(experiment: Experiment, runs: Path | None = None) -> Path:
    """Make a folder for a new run, named for people: ``2026-03-01 1405 lenet fashion_mnist``.

    Raises:
        SaveFailed: if it cannot be made.
    """
    parent = runs or folders.runs()
    name = f"{datetime.now():%Y-%m-%d %H%M} {experiment.model.name} {experiment.data.dataset.name}"
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name} {number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1
        except OSError as error:
            text = tr("The folder {folder} for the run cannot be made: {error}. Make it writable, or choose another with DESKTOP_TRAINER_HOME.", folder=folder, error=error.strerror or error)  # fmt: skip
            raise SaveFailed(text) from error


def discard(folder: Path) -> Path:
    """Move a run's folder to the bin; returns where it lies, for `restore`.

    Raises:
        SaveFailed: if it cannot be moved.
    """
    return _move(folder, folder.parent / _BIN / folder.name)


def restore(binned: Path) -> Path:
    """Move a folder back out of the bin; returns its old place.

    Raises:
        SaveFailed: if it cannot be moved.
    """
    return _move(binned, binned.parent.parent / binned.name)


def _move(folder: Path, target: Path) -> Path:
    try:
        target.parent.mkdir(exist_ok=True)
        return folder.rename(target)
    except OSError as error:
        reason = error.strerror or error
        text = tr("The folder {folder} cannot be moved: {reason}. Was it moved or opened by another program?", folder=folder, reason=reason)  # fmt: skip
        raise SaveFailed(text) from error


def empty_bin(runs: Path | None = None) -> None:
    """Delete what was discarded."""
    shutil.rmtree((runs or folders.runs()) / _BIN, ignore_errors=True)
