"""Keeps the decoded images of a folder between runs.

An entry is a folder named for what it was made of: the names of the images and their contents, not where they lie or
when they were written. It is written under another name first, so it is whole or not there; it can be deleted at any
time, and is made again when it is damaged.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import time
import zlib
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from math import isfinite, prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from desktop_trainer import folders
from desktop_trainer.experiment.data import Preparing
from desktop_trainer.files.contents import (
    Digests,
    Looks,
    content,
    find_digests,
    fingerprint,
    keep_digests,
    look,
)
from desktop_trainer.files.decoding import Extent, Shape
from desktop_trainer.files.folder_decoding import decode_all, find_extent
from desktop_trainer.files.folder_scan import Listing
from desktop_trainer.i18n import tr

MOST_BYTES = 10_000_000_000
"""All entries together; those that were not used for longest go first."""
SPARE_BYTES = 1_000_000_000
"""The disk keeps so much free."""
_FORMAT = 3
_INDEX, _IMAGES, _DIGESTS = "index.json", "images.npy", "digests"
_READ = 1 << 22
_STALE_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of the images of a folder.

    Attributes:
        index: where the skipped images are listed.
        images: an array file of all images of the listing, in its order; None if there is no room for it.
        offset: the byte in it at which the first image begins.
        skipped: the images that cannot be read, with the reason; in the file they are black.
        fingerprint: a digest of what a training sees of the folder, whatever the size of the images.
        shape: what the images were made.
    """

    index: Path
    images: Path | None
    offset: int
    skipped: dict[str, str]
    fingerprint: str
    shape: Shape


def cache_folder() -> Path:
    """Where the entries are."""
    return folders.home() / "cache" / "images"


def decoded(listing: Listing, size: int, channels: int = 3) -> Generator[Preparing, None, Decoded]:
    """The images of `listing` as squares of `size` pixels, in RGB or grey, from the cache or made; yields how far
    it is.

    Raises:
        DataDamaged, DataGone: see `decode_all`.
    """
    shape = Shape(size, channels)
    looks = yield from look(listing, f"{_FORMAT} {size} {channels}")
    found = yield from _found(listing, shape, looks)
    if found is None:
        found = yield from _made(listing, shape, looks)
    _make_room(found.index.parent)
    return found


def _found(listing: Listing, shape: Shape, looks: Looks) -> Generator[Preparing, None, Decoded | None]:
    """The entry of these contents, if there is one."""
    entries = list(cache_folder().glob(f"{looks.shape}-*"))
    if not entries:
        return None  # nothing to compare with: each file is read only once, to be hashed and decoded
    digests, read = yield from find_digests(listing, looks, [entry / _DIGESTS for entry in entries])
    entry = _entry(looks, digests)
    found = yield from _checked(entry, listing, shape, fingerprint(listing, digests))
    if found is None:
        shutil.rmtree(entry, ignore_errors=True)
    elif read:
        keep_digests(entry / _DIGESTS, looks, digests)
    return found


def _entry(looks: Looks, digests: Digests) -> Path:
    return cache_folder() / f"{looks.shape}-{content(digests)}"


def _header(listing: Listing, shape: Shape) -> bytes:
    """How NumPy's file of an array of these images begins."""
    file, dimensions = io.BytesIO(), (len(listing.paths), *shape.dimensions)
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": dimensions})
    return file.getvalue()


def _checked(entry: Path, listing: Listing, shape: Shape, mark: str) -> Generator[Preparing, None, Decoded | None]:
    """The entry, if it is there and what was written; `mark` is the fingerprint of its images."""
    images, head, nbytes = entry / _IMAGES, _header(listing, shape), len(listing.paths) * prod(shape.dimensions)
    try:
        skipped, extent, checksum = _index(entry / _INDEX, listing)
        shape = replace(shape, extent=extent)
        if checksum is None:
            return None if _room(entry, nbytes) else Decoded(entry / _INDEX, None, 0, skipped, mark, shape)
        with images.open("rb") as file:
            if file.read(len(head)) != head or (yield from _checksum(file, nbytes)) != checksum:
                return None
        os.utime(entry / _INDEX)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Decoded(entry / _INDEX, images, len(head), skipped, mark, shape)


def _index(path: Path, listing: Listing) -> tuple[dict[str, str], Extent | None, Any]:
    """Which images of `listing` were skipped and why, what is black and white, and the checksum of the pixels."""
    index = json.loads(path.read_text(encoding="utf-8"))
    skipped = index["skipped"]
    if not isinstance(skipped, dict) or not all(isinstance(why, str) for why in skipped.values()):
        raise ValueError("no list of images")
    if skipped and not skipped.keys() <= set(listing.paths):
        raise ValueError("images of another folder")
    if (extent := index["extent"]) is not None:
        black, white = map(float, extent)
        if not (isfinite(black) and isfinite(white) and black < white):
            raise ValueError("no extent")
        extent = black, white
    return skipped, extent, index["checksum"]


def _checksum(file: IO[bytes], nbytes: int) -> Generator[Preparing, None, int]:
    found = done = 0
    while chunk := file.read(_READ):
        found, done = zlib.crc32(chunk, found), done + len(chunk)
        yield Preparing(
            tr("Reading the decoded images: {done} of {total} MB", done=done // 1_000_000, total=nbytes // 1_000_000),
            done,
            nbytes,
        )
    return found if done == nbytes else -1


def _made(listing: Listing, shape: Shape, looks: Looks) -> Generator[Preparing, None, Decoded]:
    """Decode all; keep the pixels if there is room for them, and in any case which images are bad."""
    temporary = cache_folder() / f".{looks.shape}-{os.getpid()}-{time.monotonic_ns()}"
    head = _header(listing, shape)
    nbytes = len(head) + len(listing.paths) * prod(shape.dimensions)
    shape = replace(shape, extent=(yield from find_extent(listing)))
    kept: Path | None = None
    try:
        with _Sink(temporary, head, nbytes) as sink:
            skipped, digests = yield from decode_all(listing, shape, sink.write)
            keep_digests(temporary / _DIGESTS, looks, digests)
            entry = _entry(looks, digests)
            kept = sink.finish(entry, {"source": str(listing.root), "skipped": skipped, "extent": shape.extent})
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Decoded(entry / _INDEX, kept, len(head) if kept else 0, skipped, fingerprint(listing, digests), shape)


class _Sink:
    """An entry in the making. A disk that is full, or not to be written, makes it one without pixels, not an error."""

    def __init__(self, folder: Path, head: bytes, nbytes: int) -> None:
        self._folder = folder
        self.checksum = 0
        self._file: IO[bytes] | None = None
        try:
            folder.mkdir(parents=True)
            if _room(folder, nbytes):
                self._file = (folder / _IMAGES).open("wb")
                self._file.write(head)
        except OSError:
            self._file = None

    def __enter__(self) -> _Sink:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, data: memoryview) -> None:
        if self._file is None:
            return
        try:
            self._file.write(data)
            self.checksum = zlib.crc32(data, self.checksum)
        except OSError:
            self._give_up()

    def _give_up(self) -> None:
        self._file = None
        (self._folder / _IMAGES).unlink(missing_ok=True)

    def finish(self, entry: Path, index: dict[str, Any]) -> Path | None:
        """Give the entry its name; returns the file of its pixels, if they are kept."""
        try:
            if self._file is not None:
                self._file.close()
            values = {**index, "checksum": None if self._file is None else self.checksum}
            (self._folder / _INDEX).write_text(json.dumps(values), encoding="utf-8")
            self._folder.replace(entry)
        except OSError:
            return entry / _IMAGES if (entry / _IMAGES).exists() else None  # another process was faster
        return None if self._file is None else entry / _IMAGES


def _room(folder: Path, nbytes: int) -> bool:
    return nbytes <= MOST_BYTES and shutil.disk_usage(folder).free >= nbytes + SPARE_BYTES


def _make_room(used: Path) -> None:
    """Delete the entries that were not used for longest, and what was left unfinished long ago."""
    now = time.time()
    entries: list[tuple[float, int, Path]] = []
    for folder in used.parent.iterdir() if used.parent.is_dir() else ():
        try:
            when = (folder / _INDEX).stat().st_mtime
            entries.append((when, sum(file.stat().st_size for file in folder.iterdir()), folder))
        except OSError:
            with suppress(OSError):  # another process may have finished it
                if folder.is_dir() and now - folder.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
    total = sum(size for _, size, _ in entries)
    for _, size, folder in sorted(entries):
        if total > MOST_BYTES and folder != used:
            shutil.rmtree(folder, ignore_errors=True)
            total -= size
