"""Where a download puts its files: somebody else may be at it, a folder may be in the way, a server may send
nothing.
"""

from __future__ import annotations

import gzip
import hashlib
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import pytest

from desktop_trainer.experiment.choices import DatasetChoice
from desktop_trainer.experiment.remote import Remote, RemoteFile
from desktop_trainer.files import download as download_module
from desktop_trainer.files.download import download
from desktop_trainer.files.errors import DownloadFailed, FolderNotWritable

if TYPE_CHECKING:
    from tests.conftest import Mirror

    Mirrors: TypeAlias = tuple[Mirror, Mirror]

CONTENT = b"some bytes" * 1000
NAME = "made-ubyte.gz"


def made(*urls: str) -> DatasetChoice:
    """A dataset of one file."""
    file = RemoteFile(NAME, f"sha256:{hashlib.sha256(CONTENT).hexdigest()}", len(CONTENT), of_content=True)

    class Made(DatasetChoice):
        name: Literal["made"] = "made"
        label: ClassVar[str] = "Made"
        remote: ClassVar[Remote | None] = Remote(urls, (file,), "raw")

    return Made()


@pytest.fixture
def servers(mirrors: Mirrors) -> Mirrors:
    """Two mirrors that both have the file."""
    for mirror in mirrors:
        mirror.files["/" + NAME] = gzip.compress(CONTENT, mtime=0)
    return mirrors


def test_a_server_that_sends_nothing_is_left_for_the_next(servers: Mirrors, tmp_path: Path) -> None:
    servers[0].spoil(NAME, "nothing")
    list(download(made(servers[0].url, servers[1].url), tmp_path))
    assert (tmp_path / "raw/made-ubyte").read_bytes() == CONTENT


def test_if_none_sends_anything_that_is_the_reason(servers: Mirrors, tmp_path: Path) -> None:
    servers[0].spoil(NAME, "nothing")
    with pytest.raises(DownloadFailed, match="it sent an empty file"):
        list(download(made(servers[0].url), tmp_path))


def test_two_downloads_into_one_folder_wait_for_each_other(
    servers: Mirrors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second fetches nothing, for the first has brought it."""
    monkeypatch.setattr(download_module, "_BEAT", 0)
    dataset = made(servers[0].url)
    with closing(download(dataset, tmp_path)) as first, closing(download(dataset, tmp_path)) as second:
        next(first)
        assert [next(second).phase for _ in range(3)] == ["waiting"] * 3
        list(first)
        assert all(step.phase == "waiting" for step in second)
    assert len(servers[0].requests) == 1
    assert (tmp_path / "raw/made-ubyte").read_bytes() == CONTENT


def test_one_that_is_given_up_makes_way(servers: Mirrors, tmp_path: Path) -> None:
    dataset = made(servers[0].url)
    with closing(download(dataset, tmp_path)) as first:
        next(first)
    assert "waiting" not in [step.phase for step in download(dataset, tmp_path)]


def test_what_is_there_needs_no_lock(servers: Mirrors, tmp_path: Path) -> None:
    """The folder may be another's, that can only be read."""
    dataset = made(servers[0].url)
    list(download(dataset, tmp_path))
    before = tmp_path.stat().st_mtime_ns
    assert list(download(dataset, tmp_path)) == []
    assert tmp_path.stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


@pytest.mark.parametrize("name", ["made-ubyte", "made-ubyte.gz.part"])
def test_a_folder_in_a_files_place_is_said(servers: Mirrors, tmp_path: Path, name: str) -> None:
    """Before anything is fetched; what is in it stays."""
    (tmp_path / "raw" / name / "mine").mkdir(parents=True)
    with pytest.raises(FolderNotWritable, match="is a folder, where Made needs a file of this name") as refused:
        list(download(made(servers[0].url), tmp_path))
    assert str(tmp_path / "raw" / name) in str(refused.value)
    assert servers[0].requests == []
    assert (tmp_path / "raw" / name / "mine").is_dir()
