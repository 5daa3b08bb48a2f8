"""What the images of a folder are like, as far as the first bytes of each say it. Decodes none; knows Pillow, no
folder.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_trainer.experiment.data import Preparing
from desktop_trainer.i18n import tr

if TYPE_CHECKING:
    from PIL import Image

_LOOKED_AT = 16
"""Images whose sizes are told, spread over the folder."""
_CHUNK = 500
_ORIENTATION, _ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)


@dataclass(frozen=True, slots=True)
class Headers:
    """What was seen.

    Attributes:
        sizes: width and height, upright, of a few images, the most frequent first; empty if none could be read.
        grey: whether no image has colours, as its file says: one that is stored in colour counts as such.
    """

    sizes: tuple[tuple[int, int], ...] = ()
    grey: bool = False


def read_headers(root: Path, paths: list[str]) -> Generator[Preparing, None, Headers]:
    """Look at a few images, and, only if these are all grey, at all others too; what cannot be read does not count."""
    yield _step(0, 1)
    few = paths[:: max(1, len(paths) // _LOOKED_AT)][:_LOOKED_AT]
    seen = [header for path in few if (header := _header(root / path)) is not None]
    sizes = [size for size, _ in seen]
    frequent = sorted(dict.fromkeys(sizes), key=lambda size: -sizes.count(size))
    grey = bool(seen) and all(is_grey for _, is_grey in seen)
    for number, path in enumerate(paths if grey else ()):
        if number % _CHUNK == 0:
            yield _step(number, len(paths))
        if (header := _header(root / path, upright=False)) is not None and not header[1]:
            return Headers(tuple(frequent))
    return Headers(tuple(frequent), grey)


def _step(done: int, total: int) -> Preparing:
    return Preparing(tr("Looking at the kinds of images: {done} of {total}", done=done, total=total), done, total)


def _header(path: Path, *, upright: bool = True) -> tuple[tuple[int, int], bool] | None:
    """Width and height, and whether it is grey; None if it cannot be read."""
    from desktop_trainer.files.image_files import BadImage, is_grey, opened

    try:
        with opened(path) as image:
            return _size(image) if upright else image.size, is_grey(image)
    except (BadImage, OSError):
        return None


def _size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    if image.format == "PNG" and "exif" not in image.info:  # Pillow would decode it, to look behind its pixels
        return width, height
    return (height, width) if image.getexif().get(_ORIENTATION) in _ON_ITS_SIDE else (width, height)
