"""Opens files that somebody else may have put where they are: regular ones only, of a bounded size. Knows no content.

A pipe would let a reader wait for ever, a device gives bytes without end, and a link in a folder from elsewhere can
lead anywhere on this machine.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from desktop_trainer.i18n import mark, tr

IRREGULAR = mark("it is not a file, but a folder, a pipe or a device")
_MOUNT_POINT = 0xA0000003
"""The tag of Windows' junctions, which are links to folders."""
_NO_WAITING = getattr(os, "O_NONBLOCK", 0)
_NO_FOLLOWING = getattr(os, "O_NOFOLLOW", 0)


class Unfit(OSError):
    """A file that was not opened, or not read, for what it is; `strerror` says why, as a clause."""

    def __init__(self, path: Path, why: str, number: int = errno.EINVAL) -> None:
        super().__init__(number, why, str(path))


def is_link(path: Path) -> bool:
    """Whether `path` itself, not what it leads to, is a link: a symbolic one, or a junction of Windows."""
    try:
        return _leads_on(path.lstat())
    except OSError:
        return False


def _leads_on(status: os.stat_result) -> bool:
    return stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) == _MOUNT_POINT


def open_regular(path: Path, *, links: bool = False) -> io.BufferedReader:
    """`path`, open for reading.

    Args:
        links: follow a link, as in a path that a user chose; without it, a link is refused.

    Raises:
        OSError: if it cannot be opened; `Unfit` if it is a link, a folder, a pipe or a device.
    """
    return io.BufferedReader(io.FileIO(path, "r", opener=_opener(links=links)))


def append_regular(path: Path) -> BinaryIO:
    """`path`, made if it is not there, open for writing behind its end and for reading; nothing is held back in the
    process.

    Raises:
        OSError: see `open_regular`; a link is refused.
    """
    return io.FileIO(path, "a+", opener=_opener(links=False))


def read_regular(path: Path, most: int, *, links: bool = False) -> bytes:
    """The content of `path`, if it is no more than `most` bytes.

    Raises:
        OSError: see `open_regular`; `Unfit` if it is larger.
    """
    with open_regular(path, links=links) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(most + 1) if size <= most else b""
    if max(size, len(data)) > most:
        raise Unfit(
            path,
            tr("it has {size} bytes, and at most {most} are read", size=max(size, len(data)), most=most),
            errno.EFBIG,
        )
    return data


def _opener(*, links: bool) -> Callable[[str, int], int]:
    """What opens for `io.FileIO`. It looks before it opens, which alone can move a tape, and afterwards at what it
    has got.
    """

    def open_checked(name: str, flags: int) -> int:
        path = Path(name)
        try:
            _check(path, path.stat(follow_symlinks=links))
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
        try:
            handle = os.open(path, flags | _NO_WAITING | (0 if links else _NO_FOLLOWING), 0o666)
        except OSError:
            if not links and is_link(path):
                raise _link(path) from None
            raise
        try:
            _check(path, os.fstat(handle))
        except Unfit:
            os.close(handle)
            raise
        return handle

    return open_checked


def _check(path: Path, status: os.stat_result) -> None:
    if _leads_on(status):
        raise _link(path)
    if not stat.S_ISREG(status.st_mode):
        raise Unfit(path, tr(IRREGULAR))


def _link(path: Path) -> Unfit:
    return Unfit(path, tr("it is a link, which could lead anywhere"), errno.ELOOP)
