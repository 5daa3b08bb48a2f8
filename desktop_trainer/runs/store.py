"""The folders of the runs: names for new ones, and a bin for discarded ones."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from time import time

from desktop_trainer import folders
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr
from desktop_trainer.regular_files import is_link
from desktop_trainer.runs import path_room
from desktop_trainer.runs.files import Disk, SaveFailed
from desktop_trainer.runs.lock import is_running

KEPT_DAYS = 7.0
"""What was discarded stays in the bin so long."""
_BIN = ".bin"
_FORBIDDEN = frozenset('<>:"/\\|?*')
_RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    "conin$",
    "conout$",
    *(f"{port}{number}" for port in ("com", "lpt") for number in "123456789¹²³"),
}
"""What Windows does not take; runs are moved between systems."""
_JOINERS = "\u200c\u200d"
"""Invisible, but part of emoji and of some scripts."""
_MOST_BYTES = 240
"""File systems take 255 bytes a name; a number may be added."""


def new_folder(experiment: Experiment, runs: Path | None = None, disk: Disk | None = None) -> Path:
    """Make a folder for a new run, named for people: ``2026-03-01 1405 lenet fashion_mnist``.

    Raises:
        SaveFailed: if it cannot be made.
    """
    parent, disk = runs or folders.runs(), disk or Disk()
    name = f"{datetime.now():%Y-%m-%d %H%M} {experiment.model.name} {experiment.data.dataset.name}"
    name = path_room.shortened(name, parent)
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name} {number}")
        try:
            parent.mkdir(parents=True, exist_ok=True)
            disk.make_folder(folder)
            disk.sync_folder(parent)
            return folder
        except OSError as error:
            if isinstance(error, FileExistsError) and parent.is_dir():
                number += 1
                continue
            text = tr(
                "The folder {folder} for the run cannot be made: {error}. Make it writable, or choose "
                "another with DESKTOP_TRAINER_HOME.",
                folder=folder,
                error=error.strerror or error,
            )
            raise SaveFailed(text) from error


def rename(folder: Path, name: str, disk: Disk | None = None) -> Path:
    """Give a run, which is its folder, another name; returns the new path.

    Raises:
        SaveFailed: if no folder can be called so on some system, one is, the run is going on, or it cannot be moved.
    """
    name = " ".join(name.split())
    if name == folder.name:
        return folder
    if problem := name_problem(name) or _path_problem(name, folder.parent):
        raise SaveFailed(tr("The run keeps its name {old}. {problem}", old=folder.name, problem=problem))
    target = folder.with_name(name)
    if os.path.lexists(target) and not _same(folder, target):
        problem = tr("There is a run called {name} already. Choose another name.", name=name)
        raise SaveFailed(tr("The run keeps its name {old}. {problem}", old=folder.name, problem=problem))
    return _move(folder, target, disk)


def _path_problem(name: str, runs: Path) -> str:
    if not path_room.too_long(name, runs):
        return ""
    return tr(
        "With the new name Windows would not take the paths of the run's files. The most here is {most} characters.",
        most=path_room.longest_name(runs),
    )


def name_problem(name: str) -> str:
    """Why no folder can be called `name`, as a sentence; empty if one can."""
    if not name:
        return tr("A name has at least one character.")
    if len(name.encode(errors="replace")) > _MOST_BYTES:
        return tr("The new name is too long; the most is {most} bytes.", most=_MOST_BYTES)
    if _FORBIDDEN & set(name) or not all(mark.isprintable() or mark in _JOINERS for mark in name):
        return tr(
            "A name cannot have any of {characters}, nor invisible characters.", characters=" ".join(sorted(_FORBIDDEN))
        )
    if name.startswith(".") or name.endswith(".") or name.partition(".")[0].strip().casefold() in _RESERVED:
        return tr("A name cannot begin or end with a full stop, nor be one that Windows keeps for itself, such as CON.")
    return ""


def _same(one: Path, other: Path) -> bool:
    """Whether both are one folder: where case does not matter, a name may differ in nothing else."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def free_place(runs: Path, name: str) -> Path:
    """Where a run called `name` can lie: there, or with a number behind its name if there is one; cut where paths
    are bounded.
    """
    name = path_room.shortened(name, runs)
    target, number = runs / name, 1
    while os.path.lexists(target):
        number += 1
        target = runs / f"{name} {number}"
    return target


def discard(folder: Path, disk: Disk | None = None) -> Path:
    """Move a run's folder to the bin; returns where it lies, for `restore`.

    Raises:
        SaveFailed: if the run is going on, or it cannot be moved.
    """
    place = folder.parent / _BIN / secrets.token_hex(8)  # of its own, so that names in the bin never collide
    return _move(folder, place / folder.name, disk)


def restore(binned: Path, disk: Disk | None = None) -> Path:
    """Move a folder back out of the bin; returns its old place, or one beside it if there is a new run of that name.

    Raises:
        SaveFailed: if it cannot be moved.
    """
    restored = _move(binned, free_place(binned.parents[2], binned.name), disk)
    with suppress(OSError):
        binned.parent.rmdir()
    return restored


def binned(runs: Path | None = None) -> list[Path]:
    """Every run in the bin, for `restore`, the one discarded last first."""
    places = sorted(_places(runs), key=_when, reverse=True)
    return [folder for place in places for folder in sorted(_entries(place)) if folder.is_dir()]


def _move(folder: Path, target: Path, disk: Disk | None) -> Path:
    """Move a run's folder; a power cut finds it here or there."""
    disk = disk or Disk()
    if is_running(folder):
        raise SaveFailed(tr("The run {name} is going on. Stop it first.", name=folder.name))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.parent != folder.parent:  # where it goes to must be there before it goes
            disk.sync_folder(target.parent.parent)
            disk.sync_folder(folder.parent)
        folder.rename(target)
    except OSError as error:
        reason = error.strerror or error
        text = tr(
            "The folder {folder} cannot be moved: {reason}. Was it moved or opened by another program?",
            folder=folder,
            reason=reason,
        )
        raise SaveFailed(text) from error
    with suppress(OSError):  # it is moved, and the system will write it down
        for place in dict.fromkeys((target.parent, folder.parent)):
            disk.sync_folder(place)
    return target


def delete_binned(binned: Path) -> None:
    """Delete a run in the bin for good; what cannot be deleted stays there."""
    if binned.parents[1].name == _BIN:
        shutil.rmtree(binned.parent, ignore_errors=True)


def empty_bin(runs: Path | None = None, *, days: float = KEPT_DAYS) -> None:
    """Delete what was discarded more than `days` ago: what is newer, another window may still bring back."""
    for place in _places(runs):
        if time() - _when(place) >= days * 86_400:
            shutil.rmtree(place, ignore_errors=True)


def _places(runs: Path | None) -> list[Path]:
    return _folders((runs or folders.runs()) / _BIN)


def _folders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir() and not is_link(path)]


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _when(place: Path) -> float:
    """When a run was put there, in seconds since 1970."""
    try:
        return place.stat().st_mtime
    except OSError:
        return time()
