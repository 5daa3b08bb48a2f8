"""Takes over a run from elsewhere: its folder, or the zip file it was exported to. Trusts neither; knows no window."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from time import time
from typing import IO, NamedTuple

from desktop_trainer import folders
from desktop_trainer.files.archives import BadArchive, inside
from desktop_trainer.i18n import tr
from desktop_trainer.regular_files import open_regular
from desktop_trainer.runs.export import belongs
from desktop_trainer.runs.files import Disk
from desktop_trainer.runs.lock import is_running
from desktop_trainer.runs.run_folder import EXPERIMENT, LOCK, RUN, NotARun, read_facts, write_facts
from desktop_trainer.runs.store import free_place, name_problem
from desktop_trainer.runs.summary import read_summary

_TEMPORARY = ".import-"
_LEFT_BEHIND = 86_400.0
"""Seconds after which an unfinished copy is nobody's any more: its process was killed."""
_MOST_FILES = 100_000
_MOST_BYTES = 1 << 37
_FREELY, _MOST_TIMES = 1 << 26, 20
"""An archive may unpack to so many bytes, or to so many times its own size."""
_MOST_LISTED = 1 << 26
_CHUNK = 1 << 20
_KINDS = (0, stat.S_IFREG, stat.S_IFDIR)
"""What an entry of a zip file may be: systems without modes say 0."""
_NOT_OF_A_RUN = "__MACOSX"


class ImportFailed(Exception):
    """A run could not be taken over; the text says why, and what to do. The runs folder is as it was."""


class _Entry(NamedTuple):
    """A file to copy: its place in the run's folder, its size in bytes, and how to open it."""

    name: PurePosixPath
    size: int
    open: Callable[[], IO[bytes]]


class _Cautious(io.BufferedReader):
    """An archive's file: zipfile reads its whole list of contents at once, however long the archive says it is."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As `io.BufferedReader`, within bounds."""
        if size is not None and size > _MOST_LISTED:
            raise zipfile.BadZipFile(tr("its list of contents is too long"))
        return super().read(_MOST_LISTED if size is None or size < 0 else size)


def can_be_run(path: Path) -> bool:
    """Whether `import_run` is worth a try, by the name of a zip file or what a folder holds."""
    if path.is_dir():
        return any((path / name).is_file() for name in (RUN, EXPERIMENT))
    return path.suffix.casefold() == ".zip"


def import_run(source: Path, runs: Path | None = None, disk: Disk | None = None) -> Generator[int | Path, None, None]:
    """Copy the run in `source`, a folder or a zip file, into the runs folder, under its name or one beside it.

    Yields the bytes copied so far, and last the run's folder. Closed early, it leaves nothing behind. Of an archive
    only
    regular files below the run's folder are taken, by names that stay inside, no more of them and no larger than
    announced.

    Raises:
        ImportFailed: if it holds no run, is damaged or unsafe, or cannot be copied.
    """
    runs, disk = runs or folders.runs(), disk or Disk()
    try:
        _sweep(runs)
        runs.mkdir(parents=True, exist_ok=True)
        yield from _imported(source, runs, disk)
    except (BadArchive, NotARun) as error:
        raise _failed(source, str(error)) from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _failed(source, tr("the archive is damaged: {error}", error=error)) from error
    except (NotImplementedError, RuntimeError) as error:  # what zipfile says of a password or a rare compression
        raise _failed(source, tr("it cannot be unpacked: {error}", error=error)) from error
    except OSError as error:
        raise _failed(source, error.strerror or str(error)) from error


def _imported(source: Path, runs: Path, disk: Disk) -> Generator[int | Path, None, None]:
    temporary = runs / f"{_TEMPORARY}{secrets.token_hex(8)}"
    with ExitStack() as stack:
        if source.is_dir():
            name, entries = source.name, _in_folder(source, runs)
        else:
            file = stack.enter_context(_Cautious(open_regular(source, links=True).detach()))
            name, entries = _in_archive(stack.enter_context(zipfile.ZipFile(file)), source)
            _check_packing(entries, os.fstat(file.fileno()).st_size)
        _check_room(entries, runs)
        disk.make_folder(temporary)
        stack.callback(shutil.rmtree, temporary, ignore_errors=True)
        yield from _copied(entries, temporary, disk)
        read_summary(temporary)
        _forget_machine(temporary, disk)
        target = free_place(runs, name)
        temporary.rename(target)
        disk.sync_folder(runs)
    yield target


def _in_folder(source: Path, runs: Path) -> tuple[_Entry, ...]:
    if not can_be_run(source):
        raise NotARun(tr("it is not the folder of a run"))
    if source.resolve().parent == runs.resolve():
        raise NotARun(tr("it is in the runs folder already"))
    if is_running(source):
        raise NotARun(tr("the run is going on; stop it first"))
    found = list(islice(source.rglob("*"), _MOST_FILES + 1))
    if len(found) > _MOST_FILES:  # what no run holds need not be listed to its end
        raise _too_large()
    paths = [path for path in sorted(found) if belongs(path.relative_to(source), path)]
    return tuple(
        _Entry(PurePosixPath(*path.relative_to(source).parts), path.stat().st_size, partial(open_regular, path))
        for path in paths
    )


def _in_archive(archive: zipfile.ZipFile, source: Path) -> tuple[str, tuple[_Entry, ...]]:
    """The run's name and its files, wherever in the archive its folder is."""
    every = archive.infolist()
    for info in every:
        if stat.S_IFMT(info.external_attr >> 16) not in _KINDS:
            raise BadArchive(tr("it holds {name}, which is neither a file nor a folder", name=info.filename))
        inside(info.filename)
    files = [info for info in every if not info.is_dir()]
    root = _root([PurePosixPath(info.filename) for info in files])
    entries = (
        _Entry(PurePosixPath(info.filename).relative_to(root), info.file_size, partial(archive.open, info))
        for info in files
        if PurePosixPath(info.filename).is_relative_to(root)
    )
    name = root.name if root.name and not name_problem(root.name) else source.stem
    return name if not name_problem(name) else tr("imported run"), tuple(filter(_wanted, entries))


def _root(names: list[PurePosixPath]) -> PurePosixPath:
    """The folder of the one run among the files called `names`."""
    roots = {name.parent for name in names if name.name in (RUN, EXPERIMENT) and _NOT_OF_A_RUN not in name.parts}
    if not roots:
        raise NotARun(tr("it holds no run; choose a file that was written by Export"))
    if len(roots) > 1:
        raise NotARun(tr("it holds {count} runs; unpack it, and import them one at a time", count=len(roots)))
    return roots.pop()


def _wanted(entry: _Entry) -> bool:
    return entry.name != PurePosixPath(LOCK) and not any(part.startswith(".") for part in entry.name.parts)


def _check_packing(entries: Iterable[_Entry], size: int) -> None:
    """Refuse what was made to fill a disk: weights and curves of a run hardly get smaller in an archive of `size`
    bytes.
    """
    unpacked = sum(entry.size for entry in entries)
    if unpacked > _FREELY and unpacked > _MOST_TIMES * size:
        figures = {"unpacked": unpacked / 1e6, "size": size / 1e6}
        raise BadArchive(tr("it would unpack from {size:.1f} to {unpacked:.1f} MB, more than a run does", **figures))


def _check_room(entries: Iterable[_Entry], runs: Path) -> None:
    sizes = [entry.size for entry in entries]
    if len(sizes) > _MOST_FILES or sum(sizes) > _MOST_BYTES:
        raise _too_large()
    free = shutil.disk_usage(runs).free
    if sum(sizes) > free:
        figures = {"needed": sum(sizes) / 1e6, "free": free / 1e6}
        raise BadArchive(
            tr("the disk has no room for it: {needed:.1f} MB are needed, {free:.1f} MB are free", **figures)
        )


def _too_large() -> BadArchive:
    return BadArchive(tr("it is too large to be a run"))


def _copied(entries: Iterable[_Entry], folder: Path, disk: Disk) -> Iterator[int]:
    done = 0
    for entry in entries:
        target = folder.joinpath(*entry.name.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        left = entry.size
        with entry.open() as content, disk.create(target) as out:
            while chunk := content.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise BadArchive(tr("it unpacks to more than {size} bytes", size=entry.size))
                disk.write(out, chunk)
                done += len(chunk)
                yield done
            disk.sync(out)


def _forget_machine(folder: Path, disk: Disk) -> None:
    """Its workers, threads and the like were those of another machine."""
    with suppress(NotARun):  # a run goes on without these facts, too
        write_facts(folder, replace(read_facts(folder), local={}), disk)


def _sweep(runs: Path) -> None:
    for path in runs.glob(f"{_TEMPORARY}*"):
        with suppress(OSError):
            if time() - path.stat().st_mtime > _LEFT_BEHIND:
                shutil.rmtree(path, ignore_errors=True)


def _failed(source: Path, reason: str) -> ImportFailed:
    return ImportFailed(tr("{file} was not imported: {reason}.", file=source.name, reason=reason.rstrip(".")))
