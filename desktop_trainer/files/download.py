"""Fetches the files of a dataset, from one mirror after the other, and checks them before they get their names.

It is not pooch (1.9 was read), which would be less code, because of four promises: a download that was cut goes on
where
it was, another mirror is tried and each that failed is named, one can give up at any moment, and an archive nobody
vouches for is never unpacked with ``extractall``.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import sleep
from typing import Literal, TypeAlias
from urllib.parse import quote

from filelock import FileLock, Timeout

from desktop_trainer.experiment.choices import DatasetChoice
from desktop_trainer.experiment.remote import Remote, RemoteFile
from desktop_trainer.files.archives import BadArchive, check_digest, unpack_gzip, unpack_tar
from desktop_trainer.files.errors import DiskFull, DownloadFailed, FolderNotWritable, way_without_network
from desktop_trainer.files.transfer import TIMEOUT, MirrorFailed, Piece, Transfer
from desktop_trainer.i18n import titled, tr

MIRROR = "DESKTOP_TRAINER_MIRROR"
"""Environment variable: the address of a folder that is laid out like a data folder and holds the archives, tried
first.
"""
_ATTEMPTS, _BEAT = 3, 0.1


Phase: TypeAlias = Literal["waiting", "downloading", "unpacking"]


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """How far a download is.

    The same progress comes again while a server is silent, so that whoever pulls can give up.

    Attributes:
        phase: ``downloading``; ``unpacking``, with `done` and `total` of the unpacked bytes; or ``waiting`` while
            somebody else downloads the same into the same folder.
        file: the archive's name; `number` of `count`, from 1.
        done, total: bytes; a resumed download does not begin at 0. `total` is None if the server does not say it.
        mirror: the address of the folder, or the local folder, that the file comes from.
    """

    phase: Phase
    file: str
    number: int
    count: int
    done: int
    total: int | None
    mirror: str


Progress: TypeAlias = Generator[DownloadProgress, None, None]


def download(dataset: DatasetChoice, root: Path, *, timeout: float = TIMEOUT) -> Progress:
    """Bring the dataset's files below the data folder `root`; nothing is done if they are there.

    Close the generator to cancel: what has arrived is kept beside as ``.part``, and the next call goes on from there.
    An archive that was put into its folder by hand is used instead of the network. Two downloads of a dataset into one
    folder wait for each other.

    Args:
        timeout: seconds, see `transfer.TIMEOUT`.

    Raises:
        DownloadFailed: if a file came from nowhere as it should be.
        DiskFull, FolderNotWritable: if it cannot be kept.
    """
    remote = dataset.remote
    if remote is None:
        return
    mirrors = _mirrors(remote)
    files = [_Fetch(dataset, remote, file, number, root, timeout) for number, file in enumerate(remote.files, 1)]
    missing = [file for file in files if not file.there()]
    if not missing:
        return
    lock = FileLock(root / f".{dataset.name}.download.lock", thread_local=False)
    try:
        yield from missing[0].wait_for(lock)
        for file in missing:
            yield from file.steps(mirrors)
    finally:
        if lock.is_locked:
            with suppress(OSError):  # Windows removes it itself; who waits sees that it is gone, and makes another
                Path(lock.lock_file).unlink()
        lock.release()


def _mirrors(remote: Remote) -> list[str]:
    own = os.environ.get(MIRROR, "").strip()
    if not own:
        return list(remote.mirrors)
    if not own.lower().startswith(("https://", "http://")):
        raise DownloadFailed(
            tr("{variable} is {value}; it must begin with https:// or http://.", variable=MIRROR, value=own)
        )
    folder = "/".join(part for part in (own.rstrip("/"), remote.folder) if part)
    return [f"{folder}/", *remote.mirrors]


@dataclass(frozen=True)
class _Fetch:
    """One file on its way: from a mirror into ``.part``, checked, unpacked into ``.unpacking``, then given its name."""

    dataset: DatasetChoice
    remote: Remote
    file: RemoteFile
    number: int
    root: Path
    timeout: float

    @cached_property
    def folder(self) -> Path:
        return self.root / self.remote.folder

    @cached_property
    def archive(self) -> Path:
        return self.folder / self.file.name

    @cached_property
    def part(self) -> Path:
        return self.folder / f"{self.file.name}.part"

    @cached_property
    def unpacking(self) -> Path:
        return self.folder / f"{self.file.name}.unpacking"

    @property
    def is_tar(self) -> bool:
        return self.file.name.endswith(".tar.gz")

    def steps(self, mirrors: list[str]) -> Progress:
        """Try the archive that is there already, then one mirror after the other."""
        reasons = []
        if self.there():  # by now
            return
        with self._writing():
            self._look_at_places()
            self.folder.mkdir(parents=True, exist_ok=True)
            by_hand = [str(self.archive)] if self.archive.is_file() else []
            for source in [*by_hand, *mirrors]:
                try:
                    yield from self._unpack(self.archive, source) if source in by_hand else self._from(source)
                    return
                except (MirrorFailed, BadArchive) as failed:
                    reasons.append(titled(source, failed))
                finally:
                    self._sweep()
        raise DownloadFailed(self._failure(reasons))

    def wait_for(self, lock: FileLock) -> Progress:
        """Take `lock`, when nobody else has it; where files cannot be locked nobody is waited for."""
        with self._writing():
            while not lock.is_locked:
                self.root.mkdir(parents=True, exist_ok=True)
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    yield self._progress("waiting", 0, None, "")
                    sleep(_BEAT)
                except NotImplementedError:
                    return

    def there(self) -> bool:
        """Whether what the archive holds is in its place already, and right as far as its digest tells."""
        with self._writing():
            return self.dataset.present(self.root) if self.is_tar else self._right()

    def _right(self) -> bool:
        target = self.archive.with_suffix("")
        if not target.is_file() or target.stat().st_size != self.file.unpacked_bytes:
            return False
        try:
            if self.file.of_content:
                check_digest(target, self.file.digest)
        except BadArchive:
            return False
        return True

    def _look_at_places(self) -> None:
        """Find out before anything is fetched that a folder lies where a file is to be."""
        places = [self.part] if self.is_tar else [self.part, self.archive.with_suffix("")]
        if (place := next(filter(Path.is_dir, places), None)) is not None:
            raise FolderNotWritable(
                tr(
                    "{path} is a folder, where {dataset} needs a file of this name. Rename or remove it, or "
                    "choose another data folder.",
                    path=place,
                    dataset=tr(self.dataset.label),
                )
            )

    def _from(self, mirror: str) -> Progress:
        """Receive from one mirror, again as long as that brings the file nearer."""
        for attempt in range(1, _ATTEMPTS + 1):
            before = _size(self.part)
            try:
                yield from self._receive(mirror, before)
                yield from self._unpack(self.part, mirror)
                self.part.unlink()
                return
            except BadArchive:
                # What was there before may be another mirror's, or damaged: then once more from the beginning.
                self.part.unlink()
                if before == 0 or attempt == _ATTEMPTS:
                    raise
            except MirrorFailed:
                if _size(self.part) <= before or attempt == _ATTEMPTS:
                    raise

    def _receive(self, mirror: str, start: int) -> Progress:
        """Append to ``.part`` what the mirror has beyond the `start` bytes that are there."""
        transfer = Transfer(mirror + quote(self.file.name), start, self.timeout)
        done, total = start, None
        with self.part.open("ab") as out, closing(transfer.pieces()) as pieces:
            for piece in pieces:
                if piece.data:
                    self._look_at(piece, first=total is None)
                    if piece.offset < done:
                        out.truncate(piece.offset)
                    out.write(piece.data)
                    done, total = piece.offset + len(piece.data), piece.total
                yield self._progress("downloading", done, total, mirror)
        if done == 0:
            raise MirrorFailed(tr("it sent an empty file"))
        if total is not None and done < total:
            raise MirrorFailed(tr("the connection broke after {done} of {total} bytes", done=done, total=total))

    def _look_at(self, piece: Piece, *, first: bool) -> None:
        """Find out before anything is written that it is not worth it."""
        if piece.offset == 0 and piece.data.lstrip().startswith(b"<"):
            raise MirrorFailed(tr("it sent a web page instead of the file"))
        # The most that gzip adds to what it cannot compress is far less than a hundredth.
        most = self.file.unpacked_bytes + self.file.unpacked_bytes // 100 + 1024
        if max(piece.offset + len(piece.data), piece.total or 0) > most:
            raise MirrorFailed(tr("it sends more than the {size} bytes that the file can have", size=most))
        if first and piece.total is not None:
            self._need(piece.total - piece.offset + self.file.unpacked_bytes)

    def _unpack(self, archive: Path, source: str) -> Progress:
        """Check the archive, unpack it beside, and give what it holds its name."""
        self._sweep()
        self._need(self.file.unpacked_bytes)
        size, digest = self.file.unpacked_bytes, self.file.digest
        if not self.file.of_content:
            check_digest(archive, digest)
        if self.is_tar:
            steps = unpack_tar(archive, self.unpacking, size)
        else:
            steps = unpack_gzip(archive, self.unpacking, size, digest if self.file.of_content else "")
        with closing(steps):
            for done in steps:
                yield self._progress("unpacking", done, size, source)
        if self.is_tar:
            _move_into(self.unpacking, self.folder)
        else:
            self.unpacking.replace(self.archive.with_suffix(""))

    def _sweep(self) -> None:
        """Remove what is of no use to a later attempt."""
        if self.unpacking.is_dir():
            shutil.rmtree(self.unpacking)
        self.unpacking.unlink(missing_ok=True)
        if _size(self.part) == 0:
            self.part.unlink(missing_ok=True)

    def _progress(self, phase: Phase, done: int, total: int | None, source: str) -> DownloadProgress:
        return DownloadProgress(phase, self.file.name, self.number, len(self.remote.files), done, total, source)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Say in our words what the disk refuses; what the network refuses never comes here as an OSError."""
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._disk_full(self.file.unpacked_bytes * 2) from error
            raise FolderNotWritable(
                tr(
                    "{dataset} cannot be written to {folder}: {error}. Choose another data folder, or make "
                    "this one writable.",
                    dataset=tr(self.dataset.label),
                    folder=self.folder,
                    error=error.strerror or error,
                )
            ) from error

    def _need(self, size: int) -> None:
        if shutil.disk_usage(self.folder).free < size:
            raise self._disk_full(size)

    def _disk_full(self, size: int) -> DiskFull:
        free = shutil.disk_usage(self.folder).free
        return DiskFull(
            tr(
                "{folder} has {free:.1f} MB free, and {file} needs {needed:.1f} MB. Free some space or "
                "choose another data "
                "folder; what has arrived is kept.",
                folder=self.folder,
                free=free / 1e6,
                file=self.file.name,
                needed=size / 1e6,
            )
        )

    def _failure(self, reasons: list[str]) -> str:
        lines = [
            tr("{file} of {dataset} could not be downloaded.", file=self.file.name, dataset=tr(self.dataset.label)),
            *reasons,
            tr("Try again; what has arrived is kept. {variable} can name a mirror of your own.", variable=MIRROR),
            way_without_network(self.remote, self.root),
        ]
        return "\n".join(lines)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _move_into(source: Path, folder: Path) -> None:
    """Give every file below `source` its place below `folder`, where others may be already."""
    for path in sorted(source.rglob("*")):
        target = folder / path.relative_to(source)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        else:
            path.replace(target)
