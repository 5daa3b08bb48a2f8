"""Tells by SHA-256 what the files of a listing hold, and reads as few of them as it can.

As in git's index, a file is not read again while the file system describes it as it did when it was read.
"""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from desktop_trainer.experiment.data import Preparing
from desktop_trainer.files.errors import DataGone
from desktop_trainer.files.folder_scan import Listing
from desktop_trainer.files.image_files import open_image
from desktop_trainer.files.samples import gone
from desktop_trainer.i18n import tr

UNREADABLE = bytes(32)
"""What stands for the digest of a file that cannot be read."""
THREADS = min(8, os.cpu_count() or 1)
"""That read files: a disk, or a network, is waited for less if asked for several at once."""
_RACY_NS = 2_000_000_000
"""Dates are no finer than this on FAT: within such a step a file can change and keep its date."""
_SIGNATURE, _LOOKS, _CHUNK, _READ = 16, 5000, 64, 1 << 16

Digests: TypeAlias = NDArray[np.uint8]
"""SHA-256 of each file of a listing, in its order: ``(n, 32)``."""


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What the file system says of the files of a listing, without a look into them.

    Attributes:
        shape: a digest of their names and sizes: where it differs, so do the contents.
        signatures: uint8 ``(n, 16)``, of each file's path, size, dates and inode. Zeros, which match nothing, where
            these
            cannot be relied on: a file that changed a moment ago could change again within the same date.
    """

    shape: str
    signatures: NDArray[np.uint8]


def look(listing: Listing, purpose: str) -> Generator[Preparing, None, Looks]:
    """What the file system says now. Each `purpose` has shapes of its own. Yields how far it is.

    Raises:
        DataGone: if a file is no longer there.
    """
    shape, signatures = hashlib.sha256(f"{purpose}\n".encode()), bytearray()
    trusted = time.time_ns() - _RACY_NS
    for number, name in enumerate(listing.paths):
        if number % _LOOKS == 0:
            yield _comparing(number, len(listing.paths))
        path = f"{listing.root}{os.sep}{name}"
        try:
            stat = os.stat(path)  # noqa: PTH116  for each of perhaps a million files
        except OSError as error:
            raise DataGone(gone(Path(path), error.strerror or str(error))) from error
        shape.update(os.fsencode(name) + f"\0{stat.st_size}\n".encode())
        racy = max(stat.st_mtime_ns, stat.st_ctime_ns) >= trusted
        signatures += bytes(_SIGNATURE) if racy else _signature(path, stat)
    return Looks(shape.hexdigest()[:16], np.frombuffer(signatures, np.uint8).reshape(-1, _SIGNATURE))


def _signature(path: str, stat: os.stat_result) -> bytes:
    """The inode and, but on Windows, the date of its last change (ctime) also tell of who sets the file's own date
    back.
    """
    said = f"\0{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"
    return hashlib.sha256(os.fsencode(path) + said.encode()).digest()[:_SIGNATURE]


def digest_of(file: IO[bytes]) -> bytes:
    """SHA-256 of what is left to read in `file`, however large."""
    digest = hashlib.sha256()
    while chunk := file.read(_READ):
        digest.update(chunk)
    return digest.digest()


def find_digests(
    listing: Listing, looks: Looks, kept: Iterable[Path]
) -> Generator[Preparing, None, tuple[Digests, bool]]:
    """The digests, and whether any file had to be read for them; the others are known from the files `kept`."""
    digests = np.zeros((len(listing.paths), len(UNREADABLE)), np.uint8)
    unknown = np.ones(len(digests), bool)
    for path in kept:
        signatures, known = _kept(path, len(digests))
        same = (signatures == looks.signatures).all(axis=1) & looks.signatures.any(axis=1)
        digests[same] = known[same]
        unknown &= ~same
    todo = np.flatnonzero(unknown)
    with ThreadPoolExecutor(THREADS, "hash") as pool:
        for start in range(0, len(todo), _CHUNK):
            yield _comparing(start, len(todo))
            rows = todo[start : start + _CHUNK]
            found = pool.map(_digest, [listing.root / listing.paths[row] for row in rows])
            digests[rows] = np.frombuffer(b"".join(found), np.uint8).reshape(len(rows), -1)
    return digests, len(todo) > 0


def _comparing(done: int, total: int) -> Preparing:
    return Preparing(tr("Looking for changed images: {done} of {total}", done=done, total=total), done, total)


def _digest(path: Path) -> bytes:
    try:
        with open_image(path) as file:
            return digest_of(file)
    except OSError:
        return UNREADABLE


def keep_digests(path: Path, looks: Looks, digests: Digests) -> None:
    """Write them to a file for `find_digests`; what cannot be written is found anew."""
    readable = digests.any(axis=1, keepdims=True)  # the others are to be tried again
    data = np.hstack([looks.signatures * readable, digests]).tobytes()
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{time.monotonic_ns()}")
    with suppress(OSError):
        try:
            temporary.write_bytes(data + zlib.crc32(data).to_bytes(4))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _kept(path: Path, count: int) -> tuple[NDArray[np.uint8], Digests]:
    """The signatures and digests of a file of `keep_digests`; if it is not one of so many digests, those that match
    nothing.
    """
    width = _SIGNATURE + len(UNREADABLE)
    data = b""
    with suppress(OSError):
        data = path.read_bytes()
    rows, checksum = data[:-4], data[-4:]
    if len(rows) != count * width or zlib.crc32(rows).to_bytes(4) != checksum:
        rows = bytes(count * width)
    table = np.frombuffer(rows, np.uint8).reshape(count, width)
    return table[:, :_SIGNATURE], table[:, _SIGNATURE:]


def content(digests: Digests) -> str:
    """A digest of all contents in their order."""
    return hashlib.sha256(digests.tobytes()).hexdigest()[:32]


def fingerprint(listing: Listing, digests: Digests) -> str:
    """A digest of all that a training sees of `listing`: names, classes, which are for the test, and contents; not
    its place.
    """
    digest = hashlib.sha256(f"{len(listing.paths)}\n".encode())
    digest.update(os.fsencode("".join(f"{name}\0" for name in listing.paths)))
    digest.update(np.array(listing.labels, "<i8").tobytes() + bytes(listing.tests) + digests.tobytes())
    return digest.hexdigest()[:32]
