"""Opens a file as an image, or says why it is none."""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError

from desktop_trainer.files.errors import DataGone
from desktop_trainer.files.samples import gone
from desktop_trainer.i18n import mark
from desktop_trainer.regular_files import IRREGULAR, Unfit, open_regular

_FORMATS = ("BMP", "DIB", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Whatever the name says, the content decides; Pillow would have an EPS run as a program, by Ghostscript."""
_BOMB = mark("it is too large: its pixels would fill the memory")
_NO_IMAGE = mark("it is not an image, whatever its name says")
_EMPTY = mark("it is empty")
_TOO_LARGE = mark("it is too large")
_MOST_BYTES = 1 << 31
"""More than any image that Pillow agrees to decode; a sparse file can say that it holds a million times as much."""
_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    EOFError,
    NotImplementedError,
    struct.error,
    zlib.error,
)
"""What Pillow's readers raise over a file that is not what they expect."""


_GREY = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N")


class BadImage(Exception):
    """A file that cannot be read as an image; the text says why, in English, to be translated where it is shown."""


def open_image(path: Path) -> IO[bytes]:
    """The file `path`, or the one that this link leads to, to be read.

    Raises:
        OSError: if it cannot be opened, is no regular file (a pipe, a device), or is too large; why is then in
            English, to be translated where it is shown, for it is kept.
    """
    try:
        file = open_regular(path, links=True)
    except Unfit as error:
        raise OSError(error.errno, IRREGULAR, str(path)) from error
    if os.fstat(file.fileno()).st_size > _MOST_BYTES:
        file.close()
        raise OSError(errno.EFBIG, _TOO_LARGE, str(path))
    return file


@contextmanager
def opened(path: Path, file: IO[bytes] | None = None) -> Generator[Image.Image, None, None]:
    """The image in `path`, of which only the header has been read.

    Args:
        file: `path`, if it is open already.

    Raises:
        BadImage: if it is none; also while it is being used.
        DataGone: if there is no such file.
    """
    try:
        with nullcontext(file) if file else open_image(path) as source, Image.open(source, formats=_FORMATS) as image:
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise BadImage(_BOMB) from error
    except FileNotFoundError as error:
        raise DataGone(gone(path, error.strerror or str(error))) from error
    except UnidentifiedImageError as error:
        raise BadImage(_NO_IMAGE if path.stat().st_size else _EMPTY) from error
    except _UNREADABLE as error:
        raise BadImage(getattr(error, "strerror", None) or str(error) or type(error).__name__) from error


def is_grey(image: Image.Image) -> bool:
    """Whether it has no colours, as its file says; a palette counts as colours."""
    return image.mode in _GREY
