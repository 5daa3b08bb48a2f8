"""Which images lie in a folder of class folders, and which of them are for the test. Knows names and dates, no pixel."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from desktop_trainer.catalog.errors import DataError, readable
from desktop_trainer.experiment.choices import DataUnknown
from desktop_trainer.i18n import tr

ENDINGS = frozenset((".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"))
"""As ``torchvision.datasets.folder.IMG_EXTENSIONS``."""
_TESTS = ("test", "val", "valid", "validation")
_DEEPEST, _MOST = 16, 2_000_000
"""Folders in folders, and files: a link may lead in circles, and somebody may choose a whole disk."""
_TRUST_SECONDS, _PATIENCE = 1.0, 0.1
_KEPT = 8


class FolderUnusable(DataError, DataUnknown):
    """The folder does not hold images as it must; the text says what is wrong, and how it should be."""


class _Abandoned(Exception):
    """Nobody waits for this scan any more."""


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """The images of a folder, sorted by name.

    Attributes:
        class_names: sorted.
        paths: of each image, below `root`, parted by ``/``. labels, tests: its class, and whether it is for the test.
        others: how many files have an ending that is no image's, by ending.
    """

    root: Path
    class_names: tuple[str, ...]
    paths: list[str]
    labels: list[int]
    tests: list[bool]
    others: Mapping[str, int]


def listing(root: Path, test_share: float, *, anew: bool = False) -> Listing:
    """What is in `root`; remembered as long as none of its folders changes, or made `anew`.

    There are a ``train`` and a ``test`` (or ``val``) folder, each with a folder a class; or only class folders, of whose
    images a share is for the test, by a pure function of their names. Hidden files and folders do not count.

    Raises:
        FolderUnusable: if there is no such folder, or no images in one of the class folders.
    """
    key = (root, test_share)
    known = _known.get(key)
    if anew or known is None or not known.fresh():
        known = _remember(key, _Scan())
    if isinstance(known.outcome, FolderUnusable):
        raise known.outcome
    return known.outcome


def being_counted(root: Path, test_share: float) -> bool:
    """Whether `listing` would take its time. If so it is being made in a thread, and what was counted before is given up."""
    key = (root, test_share)
    known, work = _known.get(key), _work.get(key)
    if known is not None and known.fresh():
        return False
    if work is None:
        for other in list(_work.values()):
            other[1].abandoned = True
        scan = _Scan()
        thread = threading.Thread(target=_count, args=(key, scan), name="count-images", daemon=True)
        _work[key] = work = thread, scan
        thread.start()
        thread.join(_PATIENCE)
    return work[0].is_alive()


@dataclass(slots=True, eq=False)
class _Known:
    """What a scan found, and when each folder that it saw was changed last."""

    outcome: Listing | FolderUnusable
    folders: dict[str, int]
    checked: float = field(default_factory=monotonic)

    def fresh(self) -> bool:
        if monotonic() - self.checked < _TRUST_SECONDS:
            return True
        fresh = all(_changed(folder) == when for folder, when in self.folders.items())
        if fresh:
            self.checked = monotonic()
        return fresh


_Key = tuple[Path, float]
_known: dict[_Key, _Known] = {}
_work: dict[_Key, tuple[threading.Thread, _Scan]] = {}


def _count(key: _Key, scan: _Scan) -> None:
    """Called in the thread."""
    try:
        _remember(key, scan)
    except _Abandoned:
        pass
    finally:
        _work.pop(key, None)


def _remember(key: _Key, scan: _Scan) -> _Known:
    outcome: Listing | FolderUnusable
    try:
        outcome = scan.listing(*key)
    except FolderUnusable as error:
        outcome = error
    except OSError as error:
        text = tr("{folder} cannot be read: {error}.", folder=error.filename, error=error.strerror or error)
        outcome = FolderUnusable(text)
    known = _known[key] = _Known(outcome, scan.folders)
    while len(_known) > _KEPT:
        _known.pop(next(iter(_known)), None)
    return known


def _changed(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116  it is called for each of perhaps thousands of folders
    except (OSError, ValueError):
        return 0


class _Scan:
    """One look into a folder and all that is in it."""

    def __init__(self) -> None:
        self.abandoned = False
        self.folders: dict[str, int] = {}
        self._others: Counter[str] = Counter()
        self._files = 0

    def listing(self, root: Path, test_share: float) -> Listing:
        self.folders[str(root)] = _changed(str(root))
        if not root.is_dir():
            raise FolderUnusable(
                tr("There is no folder {folder}. Choose the folder that holds the images.", folder=root)
            )
        train, test = self._splits(root)
        names = sorted(self._subfolders(train))
        if len(names) < 2:
            raise FolderUnusable(_no_classes(train, names))
        found = [(path, label, False) for label, name in enumerate(names) for path in self._images(train / name)]
        if test is None:
            found = _divided(found, train, test_share)
        else:
            found += self._tests(test, names)
        self._check(train, test, names, found)
        found.sort()
        paths, labels, tests = (list(column) for column in zip(*found, strict=True))
        return Listing(root, tuple(map(readable, names)), _below(root, paths), labels, tests, dict(self._others))

    def _splits(self, root: Path) -> tuple[Path, Path | None]:
        """Where the training images are, and those of the test if they have a folder of their own."""
        folders = {name.lower(): name for name in self._subfolders(root)}
        if "train" not in folders or not self._subfolders(root / folders["train"]):
            return root, None
        test = next((root / folders[name] for name in _TESTS if name in folders), None)
        return root / folders["train"], test

    def _tests(self, test: Path, names: list[str]) -> list[tuple[str, int, bool]]:
        own = self._subfolders(test)
        if unknown := sorted(set(own) - set(names)):
            text = tr(
                "{folder} has classes that are not in the training folder: {names}. Both need the same class folders.",
                folder=test, names=_some(unknown),
            )  # fmt: skip
            raise FolderUnusable(text)
        return [(path, names.index(name), True) for name in own for path in self._images(test / name)]

    def _check(self, train: Path, test: Path | None, names: list[str], found: list[tuple[str, int, bool]]) -> None:
        counts = Counter((label, of_test) for _, label, of_test in found)
        empty = [str(train / name) for label, name in enumerate(names) if not counts[label, False]]
        if test is not None:
            empty += [str(test / name) for name in self._subfolders(test) if not counts[names.index(name), True]]
        if empty:
            text = tr(
                "These class folders hold no images: {names}. Put images there, or remove them.", names=_some(empty)
            )
            raise FolderUnusable(text)
        if not any(of_test for _, _, of_test in found):
            raise FolderUnusable(tr("{folder} has too few images: at least one class needs two.", folder=train))

    def _subfolders(self, folder: Path) -> list[str]:
        return [name for name, is_folder in self._entries(str(folder)) if is_folder]

    def _images(self, folder: Path, depth: int = 0) -> Iterator[str]:
        """The images in `folder` and below, in no order."""
        for name, is_folder in self._entries(str(folder)):
            if is_folder and depth < _DEEPEST:
                yield from self._images(folder / name, depth + 1)
            elif not is_folder:
                self._files += 1
                ending = os.path.splitext(name)[1].lower()  # noqa: PTH122  for each of perhaps a million files
                if ending in ENDINGS:
                    yield f"{folder}{os.sep}{name}"
                else:
                    self._others[readable(ending or name)] += 1
        if self._files > _MOST:
            text = tr("{folder} holds more than {most} files. Choose the folder that holds the class folders.", folder=folder, most=_MOST)  # fmt: skip
            raise FolderUnusable(text)

    def _entries(self, folder: str) -> list[tuple[str, bool]]:
        """Names in a folder, and which are folders; without what systems hide there."""
        if self.abandoned:
            raise _Abandoned
        self.folders[folder] = _changed(folder)
        with os.scandir(folder) as entries:
            return [
                (entry.name, entry.is_dir())
                for entry in entries
                if not entry.name.startswith(".") and entry.name != "__MACOSX"
            ]


def _divided(found: list[tuple[str, int, bool]], root: Path, share: float) -> list[tuple[str, int, bool]]:
    """The same with a share of each class for the test: those whose names have the smallest hashes."""
    classes: dict[int, list[tuple[bytes, str]]] = {}
    for (path, label, _), name in zip(found, _below(root, [path for path, _, _ in found]), strict=True):
        classes.setdefault(label, []).append((hashlib.blake2b(os.fsencode(name)).digest(), path))
    divided = []
    for label, images in classes.items():
        tests = min(max(1, round(len(images) * share)), len(images) - 1)
        divided += [(path, label, number < tests) for number, (_, path) in enumerate(sorted(images))]
    return divided


def _below(root: Path, paths: list[str]) -> list[str]:
    """The paths as seen from `root`, parted by ``/``. Not with pathlib: there may be a million."""
    start = len(str(root).rstrip(os.sep)) + 1
    return [path[start:].replace(os.sep, "/") for path in paths]


def _no_classes(folder: Path, names: list[str]) -> str:
    return tr(
        "{folder} has {count} class folders; it needs at least two, each with the images of one class: cat/…, dog/… There "
        "may be a train and a test folder around them.",
        folder=folder, count=len(names),
    )  # fmt: skip


def _some(names: list[str]) -> str:
    return ", ".join(map(readable, names[:10])) + (f", … ({len(names)})" if len(names) > 10 else "")
