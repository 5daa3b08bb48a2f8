"""Writing a file: wholly old or wholly new, whatever fails (faults F3, F4)."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from desktop_trainer.runs import files
from desktop_trainer.runs.files import Disk, SaveFailed, write_file

OLD, NEW = b"old", b"new" * 1000


class FailingDisk(Disk):
    """A disk whose n-th call fails, counted from 1; `torn` leaves half of the data before a write fails."""

    def __init__(self, fails_at: int, number: int = errno.EIO) -> None:
        self.calls: list[str] = []
        self.fails_at, self.number = fails_at, number

    def _call(self, name: str, then: Callable[..., Any], *values: Any) -> Any:
        self.calls.append(name)
        if len(self.calls) == self.fails_at:
            if name == "write":
                values[0].write(values[1][: len(values[1]) // 2])
            raise OSError(self.number, os.strerror(self.number))
        return then(*values)

    def create(self, path: Path) -> BinaryIO:
        file: BinaryIO = self._call("create", super().create, path)
        return file

    def write(self, file: BinaryIO, data: bytes | memoryview) -> None:
        self._call("write", super().write, file, data)

    def sync(self, file: BinaryIO) -> None:
        self._call("sync", super().sync, file)

    def replace(self, source: Path, target: Path) -> None:
        self._call("replace", super().replace, source, target)

    def sync_folder(self, folder: Path) -> None:
        self._call("sync_folder", super().sync_folder, folder)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "模型 model.bin"
    path.parent.mkdir()
    path.write_bytes(OLD)
    return path


def names(path: Path) -> list[str]:
    return [entry.name for entry in path.parent.iterdir()]


def test_a_file_is_synced_before_it_takes_the_name_and_the_folder_after(target: Path) -> None:
    disk = FailingDisk(0)
    write_file(target, NEW, disk)
    assert disk.calls == ["create", "write", "sync", "replace", "sync_folder"]
    assert target.read_bytes() == NEW
    assert names(target) == [target.name]


def test_a_new_file_is_made(tmp_path: Path) -> None:
    write_file(tmp_path / "new", NEW)
    assert (tmp_path / "new").read_bytes() == NEW


@pytest.mark.parametrize("fails_at", [1, 2, 3, 4])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EROFS])
def test_whatever_fails_before_the_name_is_taken_leaves_the_old_file_alone(
    target: Path, fails_at: int, number: int
) -> None:
    with pytest.raises(SaveFailed, match="could not be saved"):
        write_file(target, NEW, FailingDisk(fails_at, number))
    assert target.read_bytes() == OLD
    assert names(target) == [target.name]


def test_a_folder_that_cannot_be_synced_is_told_and_the_new_file_is_whole(target: Path) -> None:
    with pytest.raises(SaveFailed, match="Input/output error"):
        write_file(target, NEW, FailingDisk(5))
    assert target.read_bytes() == NEW
    assert names(target) == [target.name]


def test_an_interrupt_leaves_no_partial_file(target: Path) -> None:
    class Interrupted(Disk):
        def sync(self, file: BinaryIO) -> None:
            raise KeyboardInterrupt(file.name)

    with pytest.raises(KeyboardInterrupt):
        write_file(target, NEW, Interrupted())
    assert target.read_bytes() == OLD
    assert names(target) == [target.name]


def test_a_full_disk_says_how_much_is_needed_and_free(target: Path) -> None:
    with pytest.raises(SaveFailed, match=r"full: 5\.0 MB are needed, \d+\.\d MB are free\. Make room"):
        write_file(target, bytes(5_000_000), FailingDisk(2, errno.ENOSPC))


def test_a_quota_is_not_called_a_full_disk(target: Path) -> None:
    with pytest.raises(SaveFailed, match=r"quota on this disk is used up: 5\.0 MB are needed"):
        write_file(target, bytes(5_000_000), FailingDisk(2, errno.EDQUOT))


def test_a_file_larger_than_the_system_allows_leaves_the_old_one(target: Path) -> None:
    """The real thing (F3): a child that may write at most 1 kB to a file."""
    resource = pytest.importorskip("resource", reason="a limit of POSIX")
    script = (
        "import resource, sys; from pathlib import Path; from desktop_trainer.runs.files import "
        "SaveFailed, write_file\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (1000, {resource.RLIM_INFINITY}))\n"
        "try: write_file(Path(sys.argv[1]), bytes(5000))\n"
        "except SaveFailed as error: print(ascii(str(error)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(target)], capture_output=True, text=True, check=True, timeout=60
    )
    assert "ulimit -f" in done.stdout
    assert "full" not in done.stdout
    assert target.read_bytes() == OLD
    assert names(target) == [target.name]


def test_a_link_is_followed_and_stays_a_link(target: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(target)
    write_file(link, NEW)
    assert link.is_symlink()
    assert target.read_bytes() == NEW
    assert names(target) == [target.name]


def test_a_folder_that_is_missing_or_in_the_way_is_named(tmp_path: Path) -> None:
    with pytest.raises(SaveFailed, match=r"model\.pt could not be saved in .*nowhere.* no such folder"):
        write_file(tmp_path / "nowhere" / "model.pt", NEW)
    (tmp_path / "folder").mkdir()
    with pytest.raises(SaveFailed, match="a folder of that name"):
        write_file(tmp_path / "folder", NEW)
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_a_folder_that_may_not_be_written_is_said(target: Path) -> None:
    with pytest.raises(SaveFailed, match=r"not allowed\. Choose another folder"):
        write_file(target, NEW, FailingDisk(1, errno.EACCES))


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    """The temporary name does not grow with the file's own."""
    path = tmp_path / ("n" * 255)
    write_file(path, NEW)
    assert path.read_bytes() == NEW


@pytest.mark.skipif(sys.platform == "win32", reason="fcntl is POSIX's")
@pytest.mark.parametrize("refused", [False, True])
def test_on_macos_the_drive_s_own_memory_is_emptied_too_where_the_file_system_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    """For the file and for its folder. What cannot do that gets the ordinary call."""
    calls: list[str] = []

    def full_sync(_: int, command: int) -> None:
        calls.append(f"full {command}")
        if refused:
            raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(files, "_FULL_SYNC", 51)
    monkeypatch.setattr("fcntl.fcntl", full_sync)
    monkeypatch.setattr(os, "fsync", lambda _: calls.append("plain"))
    write_file(tmp_path / "file", NEW)
    assert (tmp_path / "file").read_bytes() == NEW
    assert calls == (["full 51", "plain"] * 2 if refused else ["full 51"] * 2)
