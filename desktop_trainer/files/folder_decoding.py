"""Decodes all images of a folder, several at once, and says which cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from desktop_trainer.experiment.data import Preparing
from desktop_trainer.files.contents import THREADS, UNREADABLE, Digests, digest_of
from desktop_trainer.files.decoding import Extent, Shape, decode, extent_of, range_of
from desktop_trainer.files.errors import DataDamaged, DataGone, readable
from desktop_trainer.files.folder_scan import Listing
from desktop_trainer.files.image_files import BadImage, open_image
from desktop_trainer.files.samples import gone
from desktop_trainer.i18n import tr, trn

_BAD_SHARE, _BAD_LISTED, _LINES = 0.01, 100, 30
_CHUNK = 64

Write: TypeAlias = Callable[[memoryview], None]


def find_extent(listing: Listing) -> Generator[Preparing, None, Extent | None]:
    """What is black and white in those images whose files do not declare it; see `extent_of`."""
    ranges: list[Extent | None] = []
    total, names = len(listing.paths), iter(listing.paths)
    with ThreadPoolExecutor(THREADS, "range") as pool:
        while chunk := list(islice(names, _CHUNK)):
            yield Preparing(
                tr("Looking for black and white: {done} of {total}", done=len(ranges), total=total), len(ranges), total
            )
            ranges += pool.map(range_of, [listing.root / name for name in chunk])
    return extent_of(ranges)


def decode_all(
    listing: Listing, shape: Shape, write: Write
) -> Generator[Preparing, None, tuple[dict[str, str], Digests]]:
    """Decode every image, and hand its bytes to `write`, in order, black for one that cannot be read.

    Yields how far it is; returns which cannot be read, with the reason, and the digests of all files.

    Raises:
        DataDamaged: if more than one of a hundred images cannot be read; it lists them.
        DataGone: if images disappear meanwhile.
    """
    skipped, digests = dict[str, str](), bytearray()
    total, black = len(listing.paths), np.zeros(shape.dimensions, np.uint8)
    names, done = iter(listing.paths), 0
    with ThreadPoolExecutor(THREADS, "decode") as pool:
        while chunk := list(islice(names, _CHUNK)):
            yield Preparing(tr("Decoding the images: {done} of {total}", done=done, total=total), done, total)
            for name, (digest, image) in zip(chunk, pool.map(partial(_tried, listing.root, shape), chunk), strict=True):
                digests += digest
                if isinstance(image, str):
                    skipped[name] = image
                write((black if isinstance(image, str) else image).data)
            done += len(chunk)
            if len(skipped) > total * _BAD_SHARE and (done == total or len(skipped) >= _BAD_LISTED):
                raise DataDamaged(_too_many(listing, skipped, done))
    return skipped, np.frombuffer(digests, np.uint8).reshape(total, -1)


def _tried(root: Path, shape: Shape, name: str) -> tuple[bytes, NDArray[np.uint8] | str]:
    """The digest of the file, and its image or why there is none.

    Hashed first, so that the system has what is then decoded in memory. A file that is being written just now may get
    pixels that are newer than its digest, and nobody asks for that digest again; never older ones.
    """
    path, digest = root / name, UNREADABLE
    try:
        with open_image(path) as file:
            digest = digest_of(file)
            file.seek(0)
            return digest, decode(path, shape, file)
    except FileNotFoundError as error:
        raise DataGone(gone(path, error.strerror or str(error))) from error
    except (OSError, BadImage) as error:
        return digest, getattr(error, "strerror", None) or str(error)


def bad_images(root: Path, skipped: dict[str, str]) -> Iterator[str]:
    """A line for each image that cannot be read, its path and why; not more lines than a person reads."""
    for name, why in islice(skipped.items(), _LINES):
        yield tr("{path}: {why}", path=readable(root / name), why=tr(why))
    if len(skipped) > _LINES:
        yield tr("… and {count} more", count=len(skipped) - _LINES)


def _too_many(listing: Listing, skipped: dict[str, str], done: int) -> str:
    head = trn(
        "{n} of the {done} images looked at cannot be read, which is more than one of a hundred. Repair or remove it:",
        "{n} of the {done} images looked at cannot be read, which is more than one of a hundred. "
        "Repair or remove these:",
        len(skipped),
        done=done,
    )
    return "\n".join([head, *bad_images(listing.root, skipped)])
