"""Makes a small square of bytes of an image file, or says why it cannot. Knows Pillow, no folder."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from desktop_trainer.catalog.errors import DataDamaged, DataGone, readable
from desktop_trainer.catalog.samples import FileSamples, gone
from desktop_trainer.i18n import mark, tr

_FORMATS = ("BMP", "DIB", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Whatever the name says, the content decides; Pillow would have an EPS run as a program, by Ghostscript."""
_BOMB = mark("it is too large: its pixels would fill the memory")
_NO_IMAGE = mark("it is not an image, whatever its name says")
_EMPTY = mark("it is empty")
_UNREADABLE = (
    OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, EOFError,
    NotImplementedError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow's readers raise over a file that is not what they expect."""


class BadImage(Exception):
    """A file that cannot be read as an image; the text says why, in English, to be translated where it is shown."""


def decode(path: Path, size: int, file: IO[bytes] | None = None) -> NDArray[np.uint8]:
    """The image as RGB ``(3, size, size)``: upright, its short side scaled to `size`, bilinear, then its middle.

    Args:
        file: `path`, if it is open already.

    Raises:
        BadImage: if it is none.
        DataGone: if there is no such file.
    """
    try:
        with Image.open(file or path, formats=_FORMATS) as image:
            image.draft("RGB", (2 * size, 2 * size))  # a JPEG can be read smaller, still twice as large as wanted
            fitted = ImageOps.fit(_rgb(ImageOps.exif_transpose(image)), (size, size), Image.Resampling.BILINEAR)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise BadImage(_BOMB) from error
    except FileNotFoundError as error:
        raise DataGone(gone(path, error.strerror or str(error))) from error
    except UnidentifiedImageError as error:
        raise BadImage(_NO_IMAGE if path.stat().st_size else _EMPTY) from error
    except _UNREADABLE as error:
        raise BadImage(getattr(error, "strerror", None) or str(error) or type(error).__name__) from error
    return np.ascontiguousarray(np.asarray(fitted).transpose(2, 0, 1))


def _rgb(image: Image.Image) -> Image.Image:
    # A palette with transparent entries is first given its alpha channel, which is then dropped.
    return (image.convert("RGBA") if "transparency" in image.info else image).convert("RGB")


@dataclass(frozen=True, slots=True, eq=False)
class ImageSamples:
    """Images that are decoded each time that they are wanted; see `Samples`. labels: int64 ``(n,)``."""

    root: Path
    paths: list[str]
    labels: NDArray[np.int64]
    size: int

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: Sequence[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """See `Samples.read`.

        Raises:
            DataGone: if an image is no longer there.
            DataDamaged: if it cannot be read any more.
        """
        images = np.empty((len(indices), 3, self.size, self.size), np.uint8)
        for number, index in enumerate(indices):
            path = self.root / self.paths[index]
            try:
                images[number] = decode(path, self.size)
            except BadImage as error:
                why = str(error)
                text = tr("{file} cannot be read any more: {why}. Start again.", file=readable(path), why=tr(why))
                raise DataDamaged(text) from error
        return images, self.labels[list(indices)]


@dataclass(frozen=True, slots=True, eq=False)
class CachedSamples:
    """Images that have been decoded into a file, which may be deleted at any time; see `Samples`."""

    cached: FileSamples
    images: ImageSamples

    def __len__(self) -> int:
        return len(self.cached)

    def read(self, indices: Sequence[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """See `Samples.read`, and `ImageSamples.read` for what is raised once the file is gone."""
        try:
            return self.cached.read(indices)
        except DataGone:
            return self.images.read(indices)
