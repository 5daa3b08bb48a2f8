"""Makes a small square of bytes of an image file, or says why it cannot.

Bytes go from black, 0, to white, 255. Images of 8 bits are that already. Of more bits, what is black and white is
decided
by what the file declares, and never by the pixels of the image itself, which would make a dark photograph bright:

- Whole numbers of 16 bits, and of 12 in a TIFF, go from 0 to the most that so many bits hold: 65535, 4095. PGM declares
  its most, and Pillow brings it to 65535.
- Floats and whole numbers of 32 bits declare none. They go by an `Extent` of the whole dataset, see `extent_of`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from desktop_trainer.files.errors import DataDamaged, DataGone, readable
from desktop_trainer.files.image_files import BadImage, opened
from desktop_trainer.files.samples import FileSamples
from desktop_trainer.i18n import tr

Extent: TypeAlias = tuple[float, float]
"""The numbers that are black and white."""
_USUAL: tuple[Extent, ...] = ((0.0, 1.0), *((0.0, 2.0**bits - 1) for bits in (8, 10, 12, 14, 16)))
"""Shares, and the numbers of cameras and microscopes."""
_BITS = 258
"""TIFF's tag of the bits of a pixel."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What every image is made.

    Attributes:
        size: height and width. channels: 3, red, green and blue, or 1, grey.
        extent: of images whose files do not declare it; None if there are no such images.
    """

    size: int
    channels: int = 3
    extent: Extent | None = None

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.channels, self.size, self.size


def decode(path: Path, shape: Shape, file: IO[bytes] | None = None) -> NDArray[np.uint8]:
    """The image as `shape.dimensions`: upright, its short side scaled to `size`, bilinear, then its middle.

    Args:
        file: `path`, if it is open already.

    Raises:
        BadImage: if it is none.
        DataGone: if there is no such file.
    """
    size, mode = shape.size, "RGB" if shape.channels == 3 else "L"
    with opened(path, file) as image:
        image.draft(mode, (2 * size, 2 * size))  # a JPEG can be read smaller, still twice as large as wanted
        bytes_ = _converted(_in_bytes(ImageOps.exif_transpose(image), image, shape.extent), mode)
        fitted = ImageOps.fit(bytes_, (size, size), Image.Resampling.BILINEAR)
        return np.ascontiguousarray(np.asarray(fitted).reshape(size, size, -1).transpose(2, 0, 1))


def _converted(image: Image.Image, mode: str) -> Image.Image:
    # A palette with transparent entries is first given its alpha channel, which is then dropped.
    return (image.convert("RGBA") if "transparency" in image.info else image).convert(mode)


def _in_bytes(image: Image.Image, source: Image.Image, extent: Extent | None) -> Image.Image:
    """`image`, from the file of `source`, with bytes for pixels; see above."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    black, white = _declared(source) or extent or _USUAL[-1]
    pixels = (np.asarray(image, np.float64) - black) * (255 / (white - black))
    return Image.fromarray(np.nan_to_num(pixels, nan=0).round().clip(0, 255).astype(np.uint8))


def _declared(image: Image.Image) -> Extent | None:
    """What the file says that black and white are."""
    if image.mode.startswith("I;16"):
        bits = image.tag_v2.get(_BITS, (16,))[0] if isinstance(image, TiffImageFile) else 16
        return 0.0, float(2**bits - 1)
    return (0.0, 65535.0) if image.mode == "I" and image.format == "PPM" else None


def range_of(path: Path) -> Extent | None:
    """The least and the largest number in an image whose file does not declare them; None for any other, or none at
    all.
    """
    try:
        with opened(path) as image:
            if image.mode not in ("I", "F") or _declared(image):
                return None
            pixels = np.asarray(image)
            pixels = pixels[np.isfinite(pixels)]
            return (float(pixels.min()), float(pixels.max())) if len(pixels) else None
    except BadImage:
        return None


def extent_of(ranges: Iterable[Extent | None]) -> Extent | None:
    """What is black and white in a dataset of such images: the narrowest of the usual extents that holds all of them.

    These are 0 to 1 and those of 8, 10, 12, 14 and 16 bits, so that another folder of the same kind is usually seen
    in the same way. If none holds them, it is from the least to the largest number of the dataset.
    """
    known = [each for each in ranges if each is not None]
    if not known:
        return None
    least, most = min(low for low, _ in known), max(high for _, high in known)
    usual = next((extent for extent in _USUAL if extent[0] <= least and most <= extent[1]), None)
    return usual or (least, most if most > least else least + 1)


@dataclass(frozen=True, slots=True, eq=False)
class ImageSamples:
    """Images that are decoded each time that they are wanted; see `Samples`. labels: int64 ``(n,)``."""

    root: Path
    paths: list[str]
    labels: NDArray[np.int64]
    shape: Shape

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: Sequence[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """See `Samples.read`.

        Raises:
            DataGone: if an image is no longer there.
            DataDamaged: if it cannot be read any more.
        """
        images = np.empty((len(indices), *self.shape.dimensions), np.uint8)
        for number, index in enumerate(indices):
            path = self.root / self.paths[index]
            try:
                images[number] = decode(path, self.shape)
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
