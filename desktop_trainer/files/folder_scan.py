"""Which images lie in a folder of class folders, and which of them are for the test."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from desktop_trainer.experiment.data import Preparing
from desktop_trainer.files.errors import readable
from desktop_trainer.files.folder_walk import AGAIN, Place, Steps, Walk, last_change
from desktop_trainer.files.folder_walk import FolderUnusable as FolderUnusable
from desktop_trainer.files.image_headers import Headers, read_headers
from desktop_trainer.i18n import tr

ENDINGS = frozenset((".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"))
"""As ``torchvision.datasets.folder.IMG_EXTENSIONS``."""
_TESTS = ("test", "val", "valid", "validation")
_TRUST_SECONDS, _PATIENCE = 1.0, 0.1
_KEPT = 8


_Image = tuple[str, int, bool]
"""Its path below the root, parted by ``/``; its class; whether it is for the test."""


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """The images of a folder, sorted by name.

    Attributes:
        class_names: sorted.
        paths: of each image, below `root`, parted by ``/`` on every system, and sorted like that.
        labels, tests: its class, and whether it is for the test.
        others: how many files have an ending that is no image's, by ending.
        left_out: other things that do not count, by their names below `root`, and why: in English, to be translated.
        test_folder: the folder that decides which images are for the test; empty if a share of each class is.
        headers: what the images are like.
    """

    root: Path
    class_names: tuple[str, ...]
    paths: list[str]
    labels: list[int]
    tests: list[bool]
    others: Mapping[str, int]
    left_out: Mapping[str, str] = field(default_factory=dict)
    test_folder: str = ""
    headers: Headers = field(default_factory=Headers)


def listing(root: Path, test_share: float, *, anew: bool = False) -> Listing:
    """What is in `root`; see `list_images`."""
    steps = list_images(root, test_share, anew=anew)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Listing = end.value
            return found


def list_images(root: Path, test_share: float, *, anew: bool = False) -> Generator[Preparing, None, Listing]:
    """What is in `root`; remembered as long as none of its folders changes, or made `anew`. Yields how far it is.

    There are a ``train`` and a ``test`` (or ``val``) folder, each with a folder a class; or only class folders, of
    whose images a share is for the test, by a pure function of their names. Hidden files and folders do not count.

    Raises:
        FolderUnusable: if there is no such folder, or no images in one of the class folders.
    """
    key = (root, test_share)
    known = _known.get(key)
    if anew or known is None or not known.fresh():
        known = yield from _remembered(key)
    if isinstance(known.outcome, FolderUnusable):
        raise known.outcome
    return known.outcome


def being_counted(root: Path, test_share: float) -> bool:
    """Whether `listing` would take its time. If so it is being made in a thread, and what was counted before is
    given up.
    """
    key = (root, test_share)
    known, work = _known.get(key), _work.get(key)
    if known is not None and known.fresh():
        return False
    if work is None:
        for other in list(_work.values()):
            other[1].set()
        given_up = threading.Event()
        thread = threading.Thread(target=_count, args=(key, given_up), name="count-images", daemon=True)
        _work[key] = work = thread, given_up
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
        fresh = all(last_change(folder) == when for folder, when in self.folders.items())
        if fresh:
            self.checked = monotonic()
        return fresh


_Key = tuple[Path, float]
_known: dict[_Key, _Known] = {}
_work: dict[_Key, tuple[threading.Thread, threading.Event]] = {}


def _count(key: _Key, given_up: threading.Event) -> None:
    """Called in the thread."""
    try:
        for _ in _remembered(key):
            if given_up.is_set():
                return
    finally:
        _work.pop(key, None)


def _remembered(key: _Key) -> Steps[_Known]:
    root, test_share = key
    changed: dict[str, int] = {}
    outcome: Listing | FolderUnusable
    try:
        outcome = yield from _scanned(root, test_share, changed)
    except FolderUnusable as error:
        outcome = error
    except OSError as error:
        text = tr("{folder} cannot be read: {error}.", folder=error.filename, error=error.strerror or error)
        outcome = FolderUnusable(text)
    known = _known[key] = _Known(outcome, changed)
    while len(_known) > _KEPT:
        _known.pop(next(iter(_known)), None)
    return known


def _scanned(root: Path, test_share: float, changed: dict[str, int]) -> Steps[Listing]:
    """One look into a folder and all that is in it; `changed` is filled with when each of its folders was changed
    last.
    """
    changed[str(root)] = last_change(str(root))
    if not root.is_dir():
        raise FolderUnusable(tr("There is no folder {folder}. Choose the folder that holds the images.", folder=root))
    walk = Walk(root, changed)
    train, test = yield from _splits(walk)
    classes = yield from walk.folders(train)
    names = [_own_name(place) for place in classes]
    if len(names) < 2:
        raise FolderUnusable(_no_classes(train.path, names))
    starts = [(place, (label, False)) for label, place in enumerate(classes)]
    if test is not None:
        tests = yield from walk.folders(test)
        starts += [(place, (label, True)) for place, label in zip(tests, _labels(test, tests, names), strict=True)]
    walk.pass_through(walk.root, train, *filter(None, [test]))
    files = yield from walk.files(starts)
    images, others = _by_endings(files)
    _check(starts, images, walk.left_out)
    if test is None:
        images = yield from _divided(walk, images, test_share)
    if not any(of_test for _, _, of_test in images):
        raise FolderUnusable(tr("{folder} has too few images: at least one class needs two.", folder=train.path))
    images.sort()
    paths, labels, of_tests = (list(column) for column in zip(*images, strict=True))
    found = Listing(
        root, tuple(map(readable, names)), paths, labels, of_tests, others, walk.left_out, test.name if test else ""
    )
    return replace(found, headers=(yield from read_headers(root, paths)))


def _splits(walk: Walk) -> Steps[tuple[Place, Place | None]]:
    """Where the training images are, and those of the test if they have a folder of their own."""
    folders = {place.name.lower(): place for place in (yield from walk.folders(walk.root))}
    if "train" not in folders or not (yield from walk.folders(folders["train"])):
        return walk.root, None
    return folders["train"], next((folders[name] for name in _TESTS if name in folders), None)


def _own_name(place: Place) -> str:
    return place.name.rpartition("/")[2]


def _labels(test: Place, places: list[Place], names: list[str]) -> list[int]:
    """The class of each folder in `test`."""
    own = [_own_name(place) for place in places]
    if unknown := sorted(set(own) - set(names)):
        text = tr(
            "{folder} has classes that are not in the training folder: {names}. Both need the same class folders.",
            folder=test.path,
            names=_some(unknown),
        )
        raise FolderUnusable(text)
    return [names.index(name) for name in own]


def _by_endings(files: list[tuple[str, tuple[int, bool]]]) -> tuple[list[_Image], dict[str, int]]:
    """Those that are images by their names, and how many others there are of each ending."""
    images: list[_Image] = []
    others: Counter[str] = Counter()
    for path, (label, of_test) in files:
        stem, dot, ending = path.rpartition("/")[2].rpartition(".")
        ending = (dot + ending).lower() if stem else ""
        if ending in ENDINGS:
            images.append((path, label, of_test))
        else:
            others[readable(ending or path.rpartition("/")[2])] += 1
    return images, dict(others)


def _check(starts: list[tuple[Place, tuple[int, bool]]], images: list[_Image], left_out: Mapping[str, str]) -> None:
    counts = Counter((label, of_test) for _, label, of_test in images)
    empty = [place.path for place, kind in starts if not counts[kind]]
    if not empty:
        return
    text = tr("These class folders hold no images: {names}. Put images there, or remove them.", names=_some(empty))
    if again := [name for name, why in left_out.items() if why == AGAIN]:
        text += " " + tr("Left out, because they lead to folders that are read already: {names}.", names=_some(again))
    raise FolderUnusable(text)


def _divided(walk: Walk, found: list[_Image], share: float) -> Steps[list[_Image]]:
    """The same with a share of each class for the test: those whose names have the smallest hashes."""
    classes: dict[int, list[str]] = {}
    for path, label, _ in found:
        classes.setdefault(label, []).append(path)
    divided = []
    for label, paths in classes.items():
        yield walk.step()
        paths.sort(key=lambda path: (hashlib.blake2b(os.fsencode(path)).digest(), path))
        tests = min(max(1, round(len(paths) * share)), len(paths) - 1)
        divided += [(path, label, number < tests) for number, path in enumerate(paths)]
    return divided


def _no_classes(folder: str, names: list[str]) -> str:
    return tr(
        "{folder} has {count} class folders; it needs at least two, each with the images of one "
        "class: cat/…, dog/… There "
        "may be a train and a test folder around them.",
        folder=folder,
        count=len(names),
    )


def _some(names: list[str]) -> str:
    return ", ".join(map(readable, names[:10])) + (f", … ({len(names)})" if len(names) > 10 else "")
