"""What stands where a file is expected: it is refused at once, whatever it is, and never read without a bound."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from desktop_trainer.regular_files import Unfit, append_regular, is_link, open_regular, read_regular

needs_fifo = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


def test_a_regular_file_is_read_whole_and_one_that_is_too_large_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_regular(tmp_path / "file", 5) == b"12345"
    with pytest.raises(Unfit, match="it has 5 bytes, and at most 4 are read"):
        read_regular(tmp_path / "file", 4)


def test_a_sparse_file_is_refused_by_its_size(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(Unfit, match="at most 1000000"):
        read_regular(tmp_path / "sparse", 1_000_000)


@needs_fifo
def test_a_pipe_does_not_let_anybody_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for use in (open_regular, append_regular):
        with pytest.raises(Unfit, match="a folder, a pipe or a device"):
            use(tmp_path / "pipe")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev")
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
def test_a_device_is_no_file(device: str) -> None:
    with pytest.raises(Unfit, match="a device"):
        open_regular(Path(device), links=True)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Unfit, match="a folder"):
        open_regular(tmp_path)


def test_a_link_is_followed_only_where_that_was_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "new").symlink_to("made by nobody")
    assert (is_link(tmp_path / "link"), is_link(tmp_path / "file"), is_link(tmp_path / "gone")) == (True, False, False)
    assert read_regular(tmp_path / "link", 100, links=True) == b"content"
    for path in (tmp_path / "link", tmp_path / "new"):
        for use in (open_regular, append_regular):
            with pytest.raises(Unfit, match="it is a link"):
                use(path)
    assert not (tmp_path / "made by nobody").exists()
    assert (tmp_path / "file").read_bytes() == b"content"


def test_what_is_appended_lies_behind_what_was_there(tmp_path: Path) -> None:
    for part in (b"one", b"two"):
        with append_regular(tmp_path / "file") as file:
            file.write(part)
    assert (tmp_path / "file").read_bytes() == b"onetwo"


def test_what_is_not_there_is_said_as_by_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "gone")
