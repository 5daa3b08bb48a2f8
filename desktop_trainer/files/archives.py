"""Unpacks archives that nobody vouches for: bounded, in small steps, and never outside a folder."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path, PureWindowsPath
from typing import IO, Any

from desktop_trainer.i18n import tr

CHUNK = 1 << 18
"""Bytes between two looks at whether anybody still wants the rest."""
_MOST_MEMBERS = 10_000


class BadArchive(Exception):
    """An archive that is damaged, not what was announced, or that would write where it should not."""


def check_digest(path: Path, digest: str) -> None:
    """Compare the file with a digest like ``md5:0123...``.

    Raises:
        BadArchive: if it differs.
    """
    with path.open("rb") as stream:
        _compare(hashlib.file_digest(stream, lambda: _hash(digest)), digest)


def unpack_gzip(archive: Path, target: Path, size: int, content_digest: str = "") -> Generator[int, None, None]:
    """Unpack into the new file `target`, flushed to the disk; yields the bytes written so far.

    Raises:
        BadArchive: if it is damaged, if it does not hold exactly `size` bytes, or if those differ from the digest.
    """
    found, done = _hash(content_digest or "sha256:"), 0
    with gzip.open(archive) as packed, target.open("wb") as out:
        for done in _copy(packed, out, size, found):
            yield done
        out.flush()
        os.fsync(out.fileno())
    if done != size:
        raise BadArchive(tr("it holds {done} bytes instead of {size}", done=done, size=size))
    if content_digest:
        _compare(found, content_digest)


def unpack_tar(archive: Path, folder: Path, most_bytes: int) -> Generator[int, None, None]:
    """Unpack a ``.tar.gz`` into the new `folder`, each file flushed to the disk; yields the bytes written so far.

    Only regular files and folders, by relative names that stay inside; nothing else that tar can hold (links, devices,
    owners, modes) is taken over, so nothing is left to filter.

    Raises:
        BadArchive: if it is damaged, holds anything else, or more than `most_bytes`.
    """
    folder.mkdir()
    done = 0
    try:
        with tarfile.open(archive, "r:gz") as packed:
            for count, member in enumerate(packed):
                if count >= _MOST_MEMBERS or done + member.size > most_bytes:
                    raise BadArchive(tr("it unpacks to more than {size} bytes", size=most_bytes))
                before = done
                for written in _unpack_member(packed, member, folder, most_bytes - done):
                    done = before + written
                    yield done
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise BadArchive(tr("it holds one name twice: {name}", name=error.filename)) from error
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadArchive(tr("the archive is damaged: {error}", error=error)) from error


def _unpack_member(packed: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, most: int) -> Iterator[int]:
    target = folder / inside(member.name)
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    content = packed.extractfile(member) if member.isreg() else None
    if content is None:
        raise BadArchive(tr("it holds {name}, which is neither a file nor a folder", name=member.name))
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("xb") as out:
        yield from _copy(content, out, most)
        out.flush()
        os.fsync(out.fileno())


def inside(name: str) -> str:
    """`name` if it stays inside a folder on every system.

    Raises:
        BadArchive: if it does not.
    """
    # Windows' rules are the stricter ones: they know both slashes, and drives beside.
    windows = PureWindowsPath(name)
    if windows.drive or windows.root or ".." in windows.parts or "\0" in name:
        raise BadArchive(tr("it would write outside its folder: {name}", name=name))
    return name


def _copy(content: IO[bytes] | Any, out: IO[bytes], most: int, found: Any = None) -> Iterator[int]:
    done = 0
    try:
        while chunk := content.read(CHUNK):
            done += len(chunk)
            if done > most:
                raise BadArchive(tr("it unpacks to more than {size} bytes", size=most))
            out.write(chunk)
            if found is not None:
                found.update(chunk)
            yield done
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadArchive(tr("the archive is damaged: {error}", error=error)) from error


def _hash(digest: str) -> Any:
    # MD5 is what the publishers give; it guards against accidents, and nobody can make a second file of a given MD5.
    return hashlib.new(digest.partition(":")[0], usedforsecurity=False)


def _compare(found: Any, digest: str) -> None:
    wanted = digest.partition(":")[2]
    if found.hexdigest() != wanted:
        raise BadArchive(
            tr("its checksum is {found} instead of {wanted}", found=found.hexdigest()[:12], wanted=wanted[:12])
        )
