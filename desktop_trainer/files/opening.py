"""Opens a file of which only the name is known: a regular one, and never waits for another kind. Knows no format."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO

from desktop_trainer.i18n import mark

IRREGULAR = mark("it is neither a file nor a folder, or a link that leads nowhere")
TOO_LARGE = mark("it is too large")
MOST_BYTES = 1 << 31
"""More than any image that Pillow agrees to decode; a sparse file can say that it holds a million times as much."""


def open_image(path: Path) -> IO[bytes]:
    """The file `path`, to be read.

    Raises:
        OSError: if it cannot be opened, is no regular file (a pipe, a device), or holds more than `MOST_BYTES`.
    """
    _check(path, path.stat())  # before it is opened: some devices do something then
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  pathlib takes no opener
    try:
        _check(path, os.fstat(file.fileno()))
    except BaseException:
        file.close()
        raise
    return file


def _without_waiting(path: str, flags: int) -> int:
    """To open a pipe that nobody writes to would wait for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check(path: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, IRREGULAR, str(path))
    if found.st_size > MOST_BYTES:
        raise OSError(errno.EFBIG, TOO_LARGE, str(path))
