"""Goes through a folder and all below it, each folder once, by its real path."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from pathlib import Path
from typing import TypeAlias, TypeVar

from desktop_trainer.experiment.data import DataUnknown, Preparing
from desktop_trainer.files.errors import DataError, readable
from desktop_trainer.i18n import mark, tr

_MOST = 2_000_000
"""Files, folders and links: somebody may choose a whole disk."""
_CHUNK = 1000
IRREGULAR = mark("it is neither a file nor a folder, or a link that leads nowhere")
AGAIN = mark("it leads to a folder that is read already")

T = TypeVar("T")
Steps: TypeAlias = Generator[Preparing, None, T]
"""Slow work that says how far it is, and returns its result; it ends when it is closed."""


class FolderUnusable(DataError, DataUnknown):
    """The folder does not hold images as it must; the text says what is wrong, and how it should be."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A folder.

    Attributes:
        name: how it is called below the root, parted by ``/``.
        path: the same from the system's root, in the system's way. real: where it lies.
        linked: whether that is elsewhere: it is a link, or what Windows calls a junction.
    """

    name: str
    path: str
    real: str
    linked: bool = False

    def below(self, name: str) -> Place:
        """The folder called `name` in this one."""
        path = os.path.join(self.path, name)  # noqa: PTH118  pathlib is slow for perhaps thousands of folders
        real = os.path.realpath(path)
        below = f"{self.name}/{name}" if self.name else name
        return Place(below, path, real, real != os.path.join(self.real, name))  # noqa: PTH118


class Walk:
    """One look into the folder `root`. Who wants no more of it closes the generator in hand.

    Args:
        changed: is filled with when each folder that was looked into was changed last, by its path; see `last_change`.

    Attributes:
        left_out: what does not count, by its name below the root, and why: in English, to be translated.
    """

    def __init__(self, root: Path, changed: dict[str, int]) -> None:
        self.root = Place("", str(root), os.path.realpath(root))
        self.changed = changed
        self.left_out: dict[str, str] = {}
        self._entries = 0
        self._seen: set[str] = set()

    def folders(self, place: Place) -> Steps[list[Place]]:
        """Those in `place`, sorted by name."""
        found, _ = yield from self._look(place)
        return sorted(found)

    def pass_through(self, *places: Place) -> None:
        """These hold what is wanted, and are not wanted themselves: a link to one of them is left out."""
        self._seen.update(place.real for place in places)

    def files(self, starts: Sequence[tuple[Place, T]]) -> Steps[list[tuple[str, T]]]:
        """The files in all these folders and below them, in no order, each with what its start came with.

        Every folder is read once: where it lies if that is in one of these, else through the first link to it by name.

        Raises:
            FolderUnusable: if there are too many.
        """
        found: list[tuple[str, T]] = []
        waiting = deque(item for item in starts if not item[0].linked)
        links = [(place.name, place, kind) for place, kind in starts if place.linked]
        heapify(links)  # by name, and names differ
        while waiting or links:
            place, kind = waiting.popleft() if waiting else heappop(links)[1:]
            if place.real in self._seen:
                self.left_out[place.name] = AGAIN
                continue
            self._seen.add(place.real)
            folders, names = yield from self._look(place)
            found += [(f"{place.name}/{name}", kind) for name in names]
            for folder in folders:
                if folder.linked:
                    heappush(links, (folder.name, folder, kind))
                else:
                    waiting.append((folder, kind))
        return found

    def _look(self, place: Place) -> Steps[tuple[list[Place], list[str]]]:
        """The folders in `place` and the names of the files, without what systems hide there."""
        yield self.step()
        self.changed[place.path] = last_change(place.path)
        folders, files = list[Place](), list[str]()
        with os.scandir(place.path) as entries:
            for entry in entries:
                self._entries += 1
                if self._entries % _CHUNK == 0:
                    yield self.step()
                if entry.name.startswith(".") or entry.name == "__MACOSX":
                    continue
                if entry.is_dir():
                    folders.append(place.below(entry.name))
                elif entry.is_file():
                    files.append(entry.name)
                else:
                    self.left_out[f"{place.name}/{entry.name}"] = IRREGULAR
        return folders, files

    def step(self) -> Preparing:
        """How far it is.

        Raises:
            FolderUnusable: if there are too many entries.
        """
        if self._entries > _MOST:
            text = tr(
                "{folder} holds more than {most} files and folders. Choose the folder that holds the class folders.",
                folder=self.root.path,
                most=_MOST,
            )
            raise FolderUnusable(text)
        return Preparing(
            tr("Looking for images in {folder}: {count} files", folder=readable(self.root.path), count=self._entries),
            0,
            1,
        )


def last_change(folder: str) -> int:
    """When `folder` was changed last, in nanoseconds; 0 if there is none."""
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116  it is called for each of perhaps thousands of folders
    except (OSError, ValueError):
        return 0
