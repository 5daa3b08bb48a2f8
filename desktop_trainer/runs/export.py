"""Writes a run into one file for others, a zip."""

from __future__ import annotations

import secrets
import shutil
import zipfile
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

from desktop_trainer.regular_files import open_regular
from desktop_trainer.runs.files import Disk, save_failed
from desktop_trainer.runs.run_folder import LOCK

_SAME_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that the format knows: the same run gives the same file, whenever it is written."""
_PACKED = (".json", ".jsonl")


def export_run(folder: Path, target: Path, disk: Disk | None = None) -> Generator[tuple[int, int], None, None]:
    """Write the run in `folder` into the zip file `target`, as a folder of the run's name; yields files done and in
    all.

    Texts are packed, weights stored as they are: they hardly get smaller. Closed early, it leaves nothing behind.

    Raises:
        SaveFailed: if that was not possible; what was at `target` before is still there.
    """
    disk = disk or Disk()
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    files = [path for path in sorted(folder.rglob("*")) if belongs(path.relative_to(folder), path)]
    try:
        with disk.create(temporary) as file:
            with zipfile.ZipFile(file, "w") as archive:
                for done, path in enumerate(files):
                    yield done, len(files)
                    _add(archive, path, Path(folder.name, path.relative_to(folder)).as_posix())
            disk.sync(file)
        disk.replace(temporary, target)
        disk.sync_folder(target.parent)
    except OSError as error:
        raise save_failed(target, sum(map(_size, files)), error) from error
    finally:
        with suppress(OSError):
            disk.remove(temporary)
    yield len(files), len(files)


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    try:
        source = open_regular(path)
    except FileNotFoundError:  # a checkpoint that a run which is going on has swept meanwhile
        return
    entry = zipfile.ZipInfo(name.encode(errors="replace").decode(), _SAME_TIME)
    entry.file_size = _size(path)
    entry.compress_type = zipfile.ZIP_DEFLATED if path.suffix in _PACKED else zipfile.ZIP_STORED
    entry.create_system, entry.external_attr = 3, 0o644 << 16  # the same on every system
    with source, archive.open(entry, "w") as packed:
        shutil.copyfileobj(source, packed, 1 << 20)


def belongs(name: Path, path: Path) -> bool:
    """Whether `path` is a file of the run: no lock, none that is being written, no way out of the folder."""
    hidden = any(part.startswith(".") for part in name.parts)
    return path.is_file() and not path.is_symlink() and name != Path(LOCK) and not hidden


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
