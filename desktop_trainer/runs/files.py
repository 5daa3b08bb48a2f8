"""Writes files so that a crash leaves the old one or the new one, never half of one. Knows bytes, not what they
mean.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

from desktop_trainer.i18n import joined, tr
from desktop_trainer.regular_files import Unfit, append_regular, is_link

if sys.platform != "win32":
    import fcntl

    _FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)
    """macOS' call that empties the memory of the drive, too, which its fsync does not."""

Content: TypeAlias = bytes | Sequence[bytes | memoryview]
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES)
"""What file systems that cannot fsync a folder, some of them on the network, answer."""


class SaveFailed(Exception):
    """A file could not be written; the text says why and what to do. What was there before is still there."""


class Disk:
    """Every call that changes a file, one method each, so that a test can make one fail."""

    def create(self, path: Path) -> BinaryIO:
        """A new file, open for writing."""
        return path.open("xb")

    def append(self, path: Path) -> BinaryIO:
        """See `append_regular`."""
        return append_regular(path)

    def write(self, file: BinaryIO, data: bytes | memoryview) -> None:
        """Hand `data` to the operating system, in one call where it takes all of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        file.flush()

    def sync(self, file: BinaryIO) -> None:
        """Wait until the content lies on the disk."""
        _sync(file.fileno())

    def replace(self, source: Path, target: Path) -> None:
        """Give `source` the name `target`, in one step."""
        source.replace(target)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the folder's names lie on the disk, where the system can do that."""
        if os.name == "nt":
            return
        try:
            handle = os.open(folder, os.O_RDONLY)
            try:
                _sync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise

    def remove(self, path: Path) -> None:
        """Remove the file if it is there."""
        path.unlink(missing_ok=True)

    def make_folder(self, path: Path) -> None:
        """A new, empty folder."""
        path.mkdir()

    def remove_folder(self, path: Path) -> None:
        """Remove the folder, which must be empty."""
        path.rmdir()


def _sync(handle: int) -> None:
    if sys.platform != "win32" and _FULL_SYNC is not None:
        with suppress(OSError):  # file systems on the network and on sticks do not know it
            fcntl.fcntl(handle, _FULL_SYNC)
            return
    os.fsync(handle)


def write_file(path: Path, data: Content, disk: Disk | None = None, *, links: bool = True) -> None:
    """Make `data`, perhaps in parts, the content of `path`, through a temporary file beside it.

    Args:
        links: follow a link, and do not replace it; without, a link is refused, as in the folder of a run.

    Raises:
        SaveFailed: if that was not possible. The old content is then intact; only if the very last step fails, the
            folder's fsync, the new content is there already and might not outlive a power cut.
    """
    disk = disk or Disk()
    if not links and is_link(path):
        raise link_refused(path)
    target = Path(os.path.realpath(path)) if links else path
    parts = [data] if isinstance(data, bytes) else data
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with disk.create(temporary) as file:
            for part in parts:
                disk.write(file, part)
            disk.sync(file)
        disk.replace(temporary, target)
        disk.sync_folder(target.parent)
    except OSError as error:
        with suppress(OSError):  # the failure that led here is the one to report
            disk.remove(temporary)
        raise save_failed(target, sum(map(len, parts)), error) from error
    except BaseException:
        disk.remove(temporary)
        raise


def link_refused(path: Path) -> SaveFailed:
    """The error for a file or a folder of a run that is a link."""
    return SaveFailed(
        tr(
            "{file} in {folder} is a link. What belongs to a run lies in its own folder: put the "
            "file or folder itself there, or remove the link.",
            file=path.name,
            folder=path.parent,
        )
    )


def save_failed(path: Path, needed: int, error: OSError) -> SaveFailed:
    """The error for the file `path` of `needed` bytes that could not be written because of `error`."""
    if is_link(path) and isinstance(error, Unfit):
        return link_refused(path)
    failed = tr("{file} could not be saved in {folder}.", file=path.name, folder=path.parent)
    return SaveFailed(joined(failed, _reason(path, needed, error)))


def _reason(path: Path, needed: int, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return tr(
            "The disk is full: {needed} are needed, {free} are free. Make room, or save to another disk.",
            needed=_megabytes(needed),
            free=_megabytes(shutil.disk_usage(path.parent).free),
        )
    if error.errno == errno.EDQUOT:
        return tr(
            "Your quota on this disk is used up: {needed} are needed. Remove files of yours, or save to another disk.",
            needed=_megabytes(needed),
        )
    if error.errno == errno.EFBIG:
        return tr(
            "The system does not allow a file of {needed} here. Raise the limit on the size of files "
            "(ulimit -f), or save to another disk.",
            needed=_megabytes(needed),
        )
    if error.errno in FORBIDDEN:
        return tr("Writing there is not allowed. Choose another folder.")
    if isinstance(error, FileNotFoundError):
        return tr("There is no such folder. Choose another one.")
    if path.is_dir():
        return tr("There is a folder of that name. Choose another name.")
    return tr("The system says: {error}. Try again, or save to another disk.", error=error.strerror or error)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
