"""Archives write nothing outside their folder, nothing but files, and no more than announced (fault F20)."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import pytest

from desktop_trainer.experiment.choices import DatasetChoice
from desktop_trainer.experiment.remote import Remote, RemoteFile
from desktop_trainer.files import archives
from desktop_trainer.files.archives import BadArchive, unpack_gzip, unpack_tar
from desktop_trainer.files.download import download
from desktop_trainer.files.errors import DownloadFailed

if TYPE_CHECKING:
    from tests.conftest import Mirror

    Mirrors: TypeAlias = tuple[Mirror, Mirror]

LIMIT = 10_000


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


GOOD = packed((member("data", tarfile.DIRTYPE), b""), (member("data/one"), b"1" * 500), (member("data/sub/two"), b"22"))
EVIL = {
    "above": packed((member("../escaped"), b"x")),
    "above from inside": packed((member("data/../../escaped"), b"x")),
    "a folder above": packed((member("../escaped", tarfile.DIRTYPE), b"")),
    "above for Windows": packed((member("data\\..\\..\\escaped"), b"x")),
    "absolute": packed((member("/tmp/escaped"), b"x")),
    "a drive of Windows": packed((member("C:/escaped"), b"x")),
    "a symbolic link": packed((member("data", tarfile.SYMTYPE, ".."), b""), (member("data/escaped"), b"x")),
    "a symbolic link that stays inside": packed((member("one"), b"1"), (member("two", tarfile.SYMTYPE, "one"), b"")),
    "a hard link": packed((member("data/escaped", tarfile.LNKTYPE, "/etc/hostname"), b"")),
    "a character device": packed((member("escaped", tarfile.CHRTYPE), b"")),
    "a block device": packed((member("escaped", tarfile.BLKTYPE), b"")),
    "a pipe": packed((member("escaped", tarfile.FIFOTYPE), b"")),
    "one name twice": packed((member("escaped"), b"x"), (member("escaped"), b"y")),
    "a file as a folder": packed((member("escaped"), b"x"), (member("escaped/inside"), b"y")),
    "too much in one": packed((member("escaped"), bytes(LIMIT + 1))),
    "too much in all": packed(*((member(f"escaped{number}"), bytes(LIMIT // 3)) for number in range(4))),
    "too many": packed(*((member(str(number)), b"") for number in range(51))),
    "half of it": GOOD[: len(GOOD) // 2],
    "no tar in it": gzip.compress(b"escaped" * 200),
    "no archive": b"<html>escaped</html>",
}


@pytest.fixture(autouse=True)
def few_members(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand files would take seconds."""
    monkeypatch.setattr(archives, "_MOST_MEMBERS", 50)


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_good_archive_is_unpacked_with_its_folders(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(GOOD)
    steps = list(unpack_tar(tmp_path / "a.tar.gz", tmp_path / "new", LIMIT))
    assert everything(tmp_path / "new") == {"data", "data/one", "data/sub", "data/sub/two"}
    assert (tmp_path / "new/data/one").read_bytes() == b"1" * 500
    assert steps == [500, 502]


@pytest.mark.parametrize("archive", EVIL.values(), ids=EVIL)
def test_an_evil_archive_is_refused_and_nothing_escapes(tmp_path: Path, archive: bytes) -> None:
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    (inner / "evil.tar.gz").write_bytes(archive)
    before = everything(tmp_path)
    with pytest.raises(BadArchive):
        list(unpack_tar(inner / "evil.tar.gz", inner / "new", LIMIT))
    escaped = {name for name in everything(tmp_path) - before if not name.startswith("a/b/new")}
    assert escaped == set()
    assert not Path("/tmp/escaped").exists()
    assert not any(path.is_symlink() for path in inner.rglob("*"))


@pytest.mark.parametrize("keep", [0, 1, 10, 100, -9, -1])
def test_a_cut_gzip_is_damaged(tmp_path: Path, keep: int) -> None:
    (tmp_path / "one.gz").write_bytes(gzip.compress(bytes(range(256)) * 30)[:keep])
    with pytest.raises(BadArchive):
        list(unpack_gzip(tmp_path / "one.gz", tmp_path / "one", 256 * 30))


def dataset(url: str, archive: bytes) -> DatasetChoice:
    file = RemoteFile("made.tar.gz", f"md5:{hashlib.md5(archive).hexdigest()}", LIMIT)

    class Made(DatasetChoice):
        name: Literal["made"] = "made"
        label: ClassVar[str] = "Made"
        remote: ClassVar[Remote | None] = Remote((url,), (file,))

        def present(self, root: Path) -> bool:
            return (root / "data/one").is_file()

    return Made()


def test_a_downloaded_folder_comes_beside_what_is_there(mirrors: Mirrors, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/mine.txt").write_text("keep me")
    mirrors[0].files["/made.tar.gz"] = GOOD
    list(download(dataset(mirrors[0].url, GOOD), tmp_path))
    assert everything(tmp_path) == {"data", "data/one", "data/sub", "data/sub/two", "data/mine.txt"}
    assert (tmp_path / "data/mine.txt").read_text() == "keep me"
    assert list(download(dataset(mirrors[0].url, GOOD), tmp_path)) == []


@pytest.mark.parametrize("archive", EVIL.values(), ids=EVIL)
def test_an_evil_archive_with_the_right_checksum_leaves_nothing(
    mirrors: Mirrors, tmp_path: Path, archive: bytes
) -> None:
    mirrors[0].files["/made.tar.gz"] = archive
    with pytest.raises(DownloadFailed, match=mirrors[0].url):
        list(download(dataset(mirrors[0].url, archive), tmp_path / "root"))
    assert everything(tmp_path) == {"root"}
