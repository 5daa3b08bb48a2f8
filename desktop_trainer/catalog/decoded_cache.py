"""Decodes the images of a folder once, checks them all, and keeps them between runs. Knows files, no dataset.

An entry is a folder named for what is in it: names, sizes and dates of the images. It is written under another name
first, so it is whole or not there; it can be deleted at any time, and is made again when it is damaged.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import time
import zlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from desktop_trainer import folders
from desktop_trainer.catalog.decoding import BadImage, decode
from desktop_trainer.catalog.errors import DataDamaged, DataGone
from desktop_trainer.catalog.folder_scan import Listing
from desktop_trainer.catalog.samples import gone
from desktop_trainer.experiment.choices import Preparing
from desktop_trainer.i18n import tr, trn

MOST_BYTES = 10_000_000_000
"""All entries together; those that were not used for longest go first."""
SPARE_BYTES = 1_000_000_000
"""The disk keeps so much free."""
_FORMAT = 1
_INDEX, _IMAGES = "index.json", "images.npy"
_BAD_SHARE, _BAD_LISTED, _LINES = 0.01, 100, 30
_CHUNK, _READ = 64, 1 << 22
_STALE_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of the images of a folder.

    Attributes:
        index: where the skipped images are listed.
        images: an array file of all images of the listing, in its order; None if there is no room for it.
        offset: the byte in it at which the first image begins.
        skipped: the images that cannot be read, with the reason; in the file they are black.
    """

    index: Path
    images: Path | None
    offset: int
    skipped: dict[str, str]


def cache_folder() -> Path:
    """Where the entries are."""
    return folders.home() / "cache" / "images"


def decoded(listing: Listing, size: int) -> Generator[Preparing, None, Decoded]:
    """The images of `listing` as RGB squares of `size` pixels, from the cache or made; yields how far it is.

    Raises:
        DataDamaged: if more than one of a hundred images cannot be read; it lists them.
        DataGone: if images disappear meanwhile.
    """
    entry = cache_folder() / _key(listing, size)
    head = _header((len(listing.paths), 3, size, size))
    found = yield from _checked(entry, head, listing, len(listing.paths) * 3 * size * size)
    if found is None:
        shutil.rmtree(entry, ignore_errors=True)
        found = yield from _made(entry, listing, size, head)
    _make_room(entry)
    return found


def _key(listing: Listing, size: int) -> str:
    """A digest of what decides how the decoded images look."""
    digest = hashlib.sha256(f"{_FORMAT} {size}\n".encode())
    for name in listing.paths:
        path = f"{listing.root}{os.sep}{name}"
        try:
            stat = os.stat(path)  # noqa: PTH116  for each of perhaps a million files
        except OSError as error:
            raise DataGone(gone(Path(path), error.strerror or str(error))) from error
        digest.update(os.fsencode(name) + f"\0{stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _header(shape: tuple[int, ...]) -> bytes:
    """How NumPy's file of such an array of bytes begins."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def _checked(entry: Path, head: bytes, listing: Listing, nbytes: int) -> Generator[Preparing, None, Decoded | None]:
    """The entry, if it is there and what was written."""
    images = entry / _IMAGES
    try:
        skipped, checksum = _index(entry / _INDEX, listing)
        if checksum is None:
            return None if _room(entry, nbytes) else Decoded(entry / _INDEX, None, 0, skipped)
        with images.open("rb") as file:
            if file.read(len(head)) != head or (yield from _checksum(file, nbytes)) != checksum:
                return None
        os.utime(entry / _INDEX)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Decoded(entry / _INDEX, images, len(head), skipped)


def _index(path: Path, listing: Listing) -> tuple[dict[str, str], Any]:
    """Which images of `listing` were skipped and why, and the checksum of the pixels."""
    index = json.loads(path.read_text(encoding="utf-8"))
    skipped = index["skipped"]
    if not isinstance(skipped, dict) or not all(isinstance(why, str) for why in skipped.values()):
        raise ValueError("no list of images")
    if skipped and not skipped.keys() <= set(listing.paths):
        raise ValueError("images of another folder")
    return skipped, index["checksum"]


def _checksum(file: IO[bytes], nbytes: int) -> Generator[Preparing, None, int]:
    found = done = 0
    while chunk := file.read(_READ):
        found, done = zlib.crc32(chunk, found), done + len(chunk)
        yield Preparing(tr("Reading the decoded images: {done} of {total} MB", done=done // 1_000_000, total=nbytes // 1_000_000), done, nbytes)  # fmt: skip
    return found if done == nbytes else -1


def _made(entry: Path, listing: Listing, size: int, head: bytes) -> Generator[Preparing, None, Decoded]:
    """Decode all; keep the pixels if there is room for them, and in any case which images are bad."""
    temporary = entry.with_name(f".{entry.name}-{os.getpid()}-{time.monotonic_ns()}")
    nbytes = len(head) + len(listing.paths) * 3 * size * size
    kept: Path | None = None
    try:
        with _Sink(temporary, head, nbytes) as sink:
            skipped = yield from _decode_all(listing, size, sink)
            kept = sink.finish(entry, {"source": str(listing.root), "skipped": skipped})
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Decoded(entry / _INDEX, kept, len(head) if kept else 0, skipped)


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

    def write(self, data: bytes | memoryview) -> None:
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


def _decode_all(listing: Listing, size: int, sink: _Sink) -> Generator[Preparing, None, dict[str, str]]:
    """Write every image to `sink`; returns those that cannot be read."""
    skipped: dict[str, str] = {}
    total, black = len(listing.paths), np.zeros((3, size, size), np.uint8)
    names, done = iter(listing.paths), 0
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1), "decode") as pool:
        while chunk := list(islice(names, _CHUNK)):
            yield Preparing(tr("Decoding the images: {done} of {total}", done=done, total=total), done, total)
            for name, image in zip(chunk, pool.map(partial(_tried, listing.root, size), chunk), strict=True):
                if isinstance(image, str):
                    skipped[name] = image
                sink.write((black if isinstance(image, str) else image).data)
            done += len(chunk)
            if len(skipped) > total * _BAD_SHARE and (done == total or len(skipped) >= _BAD_LISTED):
                raise DataDamaged(_too_many(listing, skipped, done))
    return skipped


def _tried(root: Path, size: int, name: str) -> NDArray[np.uint8] | str:
    """The image, or why there is none."""
    try:
        return decode(root / name, size)
    except BadImage as error:
        return str(error)


def bad_images(root: Path, skipped: dict[str, str]) -> Iterator[str]:
    """A line for each image that cannot be read, its path and why; not more lines than a person reads."""
    for name, why in islice(skipped.items(), _LINES):
        yield tr("{path}: {why}", path=root / name, why=tr(why))
    if len(skipped) > _LINES:
        yield tr("… and {count} more", count=len(skipped) - _LINES)


def _too_many(listing: Listing, skipped: dict[str, str], done: int) -> str:
    head = trn(
        "{n} of the {done} images looked at cannot be read, which is more than one of a hundred. Repair or remove it:",
        "{n} of the {done} images looked at cannot be read, which is more than one of a hundred. Repair or remove these:",
        len(skipped), done=done,
    )  # fmt: skip
    return "\n".join([head, *bad_images(listing.root, skipped)])


def _make_room(used: Path) -> None:
    """Delete the entries that were not used for longest, and what was left unfinished long ago."""
    now = time.time()
    entries: list[tuple[float, int, Path]] = []
    for folder in used.parent.iterdir() if used.parent.is_dir() else ():
        try:
            when = (folder / _INDEX).stat().st_mtime
            entries.append((when, sum(file.stat().st_size for file in folder.iterdir()), folder))
        except OSError:
            if folder.is_dir() and now - folder.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
    total = sum(size for _, size, _ in entries)
    for _, size, folder in sorted(entries):
        if total > MOST_BYTES and folder != used:
            shutil.rmtree(folder, ignore_errors=True)
            total -= size
