"""The folders of a run's checkpoints: their names, which of them are finished, which can go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from desktop_trainer.regular_files import is_link
from desktop_trainer.runs.files import Disk
from desktop_trainer.runs.run_folder import CHECKPOINTS, MANIFEST

_NAME = re.compile(r"(\d{4,12}) epoch (\d+) batch (\d+)")
_STRAY = re.compile(r"\.[0-9a-f]{16}\.tmp")
"""What `write_file` calls a file that it has not finished."""


def new_name(folder: Path, epoch: int, batch: int) -> str:
    """The name for the next checkpoint of the run in `folder`: a number that only rises, and how much is done."""
    numbers = [_number(name) for name in all_names(folder)]
    return f"{max(numbers, default=0) + 1:04} epoch {epoch} batch {batch}"


def all_names(folder: Path) -> list[str]:
    """The names of the checkpoints of the run in `folder`, finished or not, oldest first; what is a link is none."""
    place = folder / CHECKPOINTS
    if is_link(place) or not place.is_dir():
        return []
    names = (path.name for path in place.iterdir() if _NAME.fullmatch(path.name) and not is_link(path))
    return sorted(names, key=_number)


def checkpoints(folder: Path) -> list[str]:
    """The names of those that were finished, oldest first; whether they are undamaged shows when one is loaded."""
    return [name for name in all_names(folder) if (folder / CHECKPOINTS / name / MANIFEST).is_file()]


def place_of(name: str) -> tuple[int, int]:
    """How much was done when the checkpoint called `name` was written: whole epochs, and batches of the next one."""
    found = _NAME.fullmatch(name)
    return (int(found[2]), int(found[3])) if found else (0, 0)


def remove(folder: Path, name: str, disk: Disk) -> None:
    """Remove a checkpoint, its manifest first, so that what may be left of it is not taken for a whole one.

    What cannot be removed stays: it does no harm, and is tried again.
    """
    place = folder / CHECKPOINTS / name
    with suppress(OSError):
        disk.remove(place / MANIFEST)
        for path in sorted(place.iterdir()):
            disk.remove(path)
        disk.remove_folder(place)


def prune(folder: Path, keep: set[str], disk: Disk) -> None:
    """Remove all checkpoints but those in `keep`."""
    for name in all_names(folder):
        if name not in keep:
            remove(folder, name, disk)


def sweep(folder: Path, disk: Disk | None = None) -> None:
    """Remove what a crash while saving left in the run's folder. Only for whoever holds its lock."""
    disk = disk or Disk()
    for name in set(all_names(folder)) - set(checkpoints(folder)):
        remove(folder, name, disk)
    for path in _strays(folder):
        with suppress(OSError):
            disk.remove(path)


def _strays(folder: Path) -> Iterator[Path]:
    places = [folder, *(folder / CHECKPOINTS / name for name in all_names(folder))]
    return (path for place in places for path in place.iterdir() if _STRAY.fullmatch(path.name))


def _number(name: str) -> int:
    return int(name.partition(" ")[0])
