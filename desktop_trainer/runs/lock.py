"""One training a run folder: a lock that the system frees when its process ends, however it ends."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from desktop_trainer.i18n import tr
from desktop_trainer.regular_files import is_link, open_regular
from desktop_trainer.runs.files import FORBIDDEN, SaveFailed, link_refused, save_failed
from desktop_trainer.runs.run_folder import LOCK

_PATIENCE = 2.0
"""Seconds to wait for a lock: whoever only looks whether it is held has it for a moment."""


class RunBusy(Exception):
    """The run is going on in another window or program; the text says so, and what to do."""


class RunLock:
    """Holds the lock of the run in `folder` while its block runs, or from `acquire` to `release`, in any thread.

    Raises:
        RunBusy: on entering, if it is held already, be it by this process.
        SaveFailed: on entering, if the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = FileLock(folder / LOCK, thread_local=False)

    def acquire(self, patience: float = _PATIENCE) -> None:
        """Take the lock; see the class for what is raised."""
        try:
            self.folder.stat()  # FileLock would make a folder that is gone
            if is_link(self.folder / LOCK):  # older ones of FileLock empty the file that it leads to
                raise link_refused(self.folder / LOCK)
            self._lock.acquire(timeout=patience, poll_interval=0.02)
        except Timeout as error:
            text = tr(
                "The run {name} is going on in another window or program. Stop it there first.", name=self.folder.name
            )
            raise RunBusy(text) from error
        except OSError as error:
            if error.errno in FORBIDDEN:
                text = tr(
                    "Writing in the run's folder {folder} is not allowed, so the run cannot go on there. "
                    "Allow writing, or copy the folder elsewhere and let the copy go on.",
                    folder=self.folder,
                )
                raise SaveFailed(text) from error
            raise save_failed(self.folder / LOCK, 0, error) from error

    def release(self) -> None:
        """Free the lock; nothing happens if it is not held."""
        self._lock.release()

    def renew(self) -> None:
        """Take the lock again, in a folder from which it was deleted; see the class for what is raised."""
        self.release()
        self.acquire()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_running(folder: Path) -> bool:
    """Whether somebody holds the lock of the run in `folder`, without writing anything there."""
    path = folder / LOCK
    try:
        return path.exists() and not is_link(path) and _held(path)
    except OSError:  # a folder that may not be read, or that is being moved
        return False


if sys.platform == "win32":

    def _held(path: Path) -> bool:
        lock = FileLock(path, thread_local=False)
        try:
            with lock.acquire(timeout=0):
                return False
        except Timeout:
            return True
else:
    import fcntl

    def _held(path: Path) -> bool:
        """By asking for a share of it: two who only look do not see each other."""
        with open_regular(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False
