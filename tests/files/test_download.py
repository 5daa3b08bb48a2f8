"""Downloads survive every server (fault F21): only what was verified gets its name, and a message says what went
wrong.
"""

from __future__ import annotations

import gzip
import hashlib
import random
import shutil
import sys
import threading
import time
from collections.abc import Callable
from email.message import Message
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias
from urllib.error import URLError
from urllib.request import Request

import pytest

from desktop_trainer.catalog.datasets.images import FashionMNIST
from desktop_trainer.experiment.choices import DatasetChoice
from desktop_trainer.experiment.remote import Remote, RemoteFile
from desktop_trainer.files.download import DownloadProgress, download
from desktop_trainer.files.errors import DataError, DiskFull, DownloadFailed, FolderNotWritable
from desktop_trainer.files.transfer import MirrorFailed, Transfer, _SameSafety

if TYPE_CHECKING:
    from tests.conftest import Mirror

    Mirrors: TypeAlias = tuple[Mirror, Mirror]

CONTENT = random.Random(1).randbytes(300_000)
ARCHIVE = gzip.compress(CONTENT, mtime=0)
NAME = "made-ubyte.gz"
PATIENT, SHORT = 30.0, 0.7


def made(*urls: str, archive: bytes | None = None) -> DatasetChoice:
    """A dataset of one file; its digest is of the content, or of `archive` if that is given."""
    digest = f"md5:{hashlib.md5(archive).hexdigest()}" if archive else f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    file = RemoteFile(NAME, digest, len(CONTENT), of_content=archive is None)

    class Made(DatasetChoice):
        name: Literal["made"] = "made"
        label: ClassVar[str] = "Made"
        remote: ClassVar[Remote | None] = Remote(urls, (file,), "Made/raw")

        def present(self, root: Path) -> bool:
            return (root / "Made/raw/made-ubyte").is_file()

    return Made()


def fetch(root: Path, *urls: str, timeout: float = PATIENT) -> list[DownloadProgress]:
    return list(download(made(*urls), root, timeout=timeout))


def found(root: Path) -> bytes:
    """The file under its final name; nothing else may be there."""
    names = [path.name for path in (root / "Made/raw").iterdir()]
    assert names == ["made-ubyte"]
    return (root / "Made/raw/made-ubyte").read_bytes()


def part(root: Path) -> Path:
    return root / "Made/raw" / (NAME + ".part")


@pytest.fixture
def servers(mirrors: Mirrors) -> Mirrors:
    """Two mirrors that both have the file."""
    for mirror in mirrors:
        mirror.files["/" + NAME] = ARCHIVE
    return mirrors


def test_fetches_verifies_and_unpacks(servers: Mirrors, tmp_path: Path) -> None:
    steps = fetch(tmp_path, servers[0].url)
    assert found(tmp_path) == CONTENT
    arrived = [step.done for step in steps if step.phase == "downloading"]
    assert arrived == sorted(arrived)
    assert arrived[-1] == len(ARCHIVE) == steps[0].total
    assert steps[-1] == DownloadProgress("unpacking", NAME, 1, 1, len(CONTENT), len(CONTENT), servers[0].url)


def test_does_nothing_when_the_right_file_is_there(servers: Mirrors, tmp_path: Path) -> None:
    fetch(tmp_path, servers[0].url)
    assert fetch(tmp_path, servers[0].url) == []
    assert len(servers[0].requests) == 1


def test_replaces_a_damaged_file_of_the_right_size(servers: Mirrors, tmp_path: Path) -> None:
    target = tmp_path / "Made/raw/made-ubyte"
    target.parent.mkdir(parents=True)
    target.write_bytes(bytes(len(CONTENT)))
    fetch(tmp_path, servers[0].url)
    assert found(tmp_path) == CONTENT


def test_goes_on_by_range_where_the_connection_was_cut(servers: Mirrors, tmp_path: Path) -> None:
    servers[0].spoil(NAME, "cut")
    fetch(tmp_path, servers[0].url)
    assert found(tmp_path) == CONTENT
    assert servers[0].requests == [("/" + NAME, None), ("/" + NAME, f"bytes={len(ARCHIVE) // 2}-")]


def test_another_mirror_goes_on_where_the_first_failed(servers: Mirrors, tmp_path: Path) -> None:
    servers[0].spoil(NAME, "cut", "fail")
    fetch(tmp_path, servers[0].url, servers[1].url)
    assert found(tmp_path) == CONTENT
    assert servers[1].requests == [("/" + NAME, f"bytes={len(ARCHIVE) // 2}-")]


def test_cancel_keeps_the_part_and_the_next_call_goes_on(servers: Mirrors, tmp_path: Path) -> None:
    servers[0].spoil(NAME, "stall")
    running = download(made(servers[0].url), tmp_path, timeout=PATIENT)
    while (step := next(running)).done < len(ARCHIVE) // 2:
        assert not (tmp_path / "Made/raw/made-ubyte").exists()
    running.close()
    assert part(tmp_path).read_bytes() == ARCHIVE[: step.done]
    steps = fetch(tmp_path, servers[0].url)
    assert steps[0].done > step.done
    assert servers[0].requests[-1] == ("/" + NAME, f"bytes={step.done}-")
    assert found(tmp_path) == CONTENT


def test_cancel_works_while_the_server_is_silent(servers: Mirrors, tmp_path: Path) -> None:
    """Its progress comes again and again, so that whoever pulls it gets the chance to close it."""
    servers[0].spoil(NAME, "never_answer")
    running = download(made(servers[0].url), tmp_path, timeout=PATIENT)
    assert [next(running).done for _ in range(3)] == [0, 0, 0]
    running.close()
    assert list((tmp_path / "Made/raw").iterdir()) == []


def test_cancel_while_unpacking_leaves_no_half_file(servers: Mirrors, tmp_path: Path) -> None:
    running = download(made(servers[0].url), tmp_path, timeout=PATIENT)
    while next(running).phase != "unpacking":
        pass
    assert [path.name for path in sorted(part(tmp_path).parent.iterdir())] == [NAME + ".part", NAME + ".unpacking"]
    running.close()
    assert [path.name for path in part(tmp_path).parent.iterdir()] == [NAME + ".part"]
    assert fetch(tmp_path, servers[0].url)[0].phase in {"downloading", "unpacking"}
    assert found(tmp_path) == CONTENT


def test_a_server_without_ranges_sends_from_the_beginning(servers: Mirrors, tmp_path: Path) -> None:
    servers[0].spoil(NAME, "cut", "without_range")
    fetch(tmp_path, servers[0].url)
    assert found(tmp_path) == CONTENT
    assert len(servers[0].requests) == 2, "what it sends anew replaces the part, instead of being appended"


@pytest.mark.parametrize("length", [1000, len(ARCHIVE), len(ARCHIVE) + 1000])
def test_a_part_of_something_else_is_given_up(servers: Mirrors, tmp_path: Path, length: int) -> None:
    part(tmp_path).parent.mkdir(parents=True)
    part(tmp_path).write_bytes(bytes(length))
    fetch(tmp_path, servers[0].url)
    assert found(tmp_path) == CONTENT
    assert [asked for _, asked in servers[0].requests] == [f"bytes={length}-", None]


def test_a_whole_part_needs_no_byte_more(servers: Mirrors, tmp_path: Path) -> None:
    part(tmp_path).parent.mkdir(parents=True)
    part(tmp_path).write_bytes(ARCHIVE)
    steps = fetch(tmp_path, servers[0].url)
    assert {step.phase for step in steps} == {"unpacking"}
    assert found(tmp_path) == CONTENT


def test_a_server_that_does_not_say_the_size_is_good_enough(servers: Mirrors, tmp_path: Path) -> None:
    servers[0].spoil(NAME, "without_length")
    steps = fetch(tmp_path, servers[0].url)
    assert steps[0].total is None
    assert found(tmp_path) == CONTENT


def test_follows_a_redirect(servers: Mirrors, tmp_path: Path) -> None:
    servers[0].files["/elsewhere/" + NAME] = ARCHIVE
    servers[0].spoil(NAME, "to_elsewhere")
    fetch(tmp_path, servers[0].url)
    assert found(tmp_path) == CONTENT


FAULTS = {
    "forbid": "403",
    "fail": "500",
    "page": "web page",
    "corrupt": "",
    "cut_without_length": "damaged",
    "endless": "more than",
    "other_part": "206",
    "hang_up": "",
    "to_a_file": "302",
    "stall": "nothing",
    "never_answer": "nothing",
    "drip": "nothing",
}
PATIENCE = dict.fromkeys(("stall", "never_answer", "drip"), SHORT)


@pytest.mark.parametrize(("fault", "reason"), FAULTS.items(), ids=FAULTS)
def test_a_bad_mirror_is_named_with_its_reason(servers: Mirrors, tmp_path: Path, fault: str, reason: str) -> None:
    servers[0].spoil(NAME, *[fault] * 3)
    with pytest.raises(DownloadFailed) as failed:
        fetch(tmp_path, servers[0].url, timeout=PATIENCE.get(fault, PATIENT))
    lines = str(failed.value).splitlines()
    assert [line for line in lines if line.startswith(servers[0].url) and reason in line]
    assert not (tmp_path / "Made/raw/made-ubyte").exists()
    assert not (tmp_path / "Made/raw" / (NAME + ".unpacking")).exists()


@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_mirror_helps(servers: Mirrors, tmp_path: Path, fault: str) -> None:
    servers[0].spoil(NAME, *[fault] * 3)
    steps = fetch(tmp_path, servers[0].url, servers[1].url, timeout=PATIENCE.get(fault, PATIENT))
    assert found(tmp_path) == CONTENT
    assert steps[-1].mirror == servers[1].url


def test_a_portals_page_does_not_cost_what_has_arrived(servers: Mirrors, tmp_path: Path) -> None:
    servers[0].spoil(NAME, "cut", "page")
    with pytest.raises(DownloadFailed):
        fetch(tmp_path, servers[0].url)
    assert part(tmp_path).read_bytes() == ARCHIVE[: len(ARCHIVE) // 2]


def test_nobody_is_called_slow_while_nobody_asks(servers: Mirrors, tmp_path: Path) -> None:
    running = download(made(servers[0].url), tmp_path, timeout=SHORT)
    next(running)
    time.sleep(2 * SHORT)
    assert list(running)[-1].mirror == servers[0].url
    assert found(tmp_path) == CONTENT


def test_the_digest_of_the_archive_is_checked_before_it_is_unpacked(servers: Mirrors, tmp_path: Path) -> None:
    """Another gzip of the same bytes is another archive."""
    dataset = made(servers[0].url, archive=gzip.compress(CONTENT, 1, mtime=0))
    with pytest.raises(DownloadFailed, match="checksum"):
        list(download(dataset, tmp_path))
    list(download(made(servers[0].url, archive=ARCHIVE), tmp_path))
    assert found(tmp_path) == CONTENT


def test_another_gzip_of_the_same_content_passes(servers: Mirrors, tmp_path: Path) -> None:
    servers[0].files["/" + NAME] = gzip.compress(CONTENT, 0)
    fetch(tmp_path, servers[0].url)
    assert found(tmp_path) == CONTENT


def test_a_bomb_is_stopped_at_the_announced_size(servers: Mirrors, tmp_path: Path) -> None:
    servers[0].files["/" + NAME] = gzip.compress(bytes(50_000_000))
    with pytest.raises(DownloadFailed, match="unpacks to more than 300000 bytes"):
        fetch(tmp_path, servers[0].url)
    assert list((tmp_path / "Made/raw").iterdir()) == []


def test_offline_says_which_files_to_put_where(servers: Mirrors, tmp_path: Path) -> None:
    """A port where nobody listens is what being offline looks like."""
    nobody = "http://127.0.0.1:1/"
    with pytest.raises(DownloadFailed) as failed:
        fetch(tmp_path, nobody)
    text = str(failed.value)
    assert f"{nobody}: " in text
    assert NAME in text
    assert str(tmp_path / "Made/raw") in text


def test_an_archive_put_there_by_hand_needs_no_network(servers: Mirrors, tmp_path: Path) -> None:
    archive = tmp_path / "Made/raw" / NAME
    archive.parent.mkdir(parents=True)
    archive.write_bytes(ARCHIVE)
    fetch(tmp_path, servers[0].url)
    assert (tmp_path / "Made/raw/made-ubyte").read_bytes() == CONTENT
    assert archive.read_bytes() == ARCHIVE
    assert servers[0].requests == []


def test_a_wrong_archive_put_there_by_hand_is_named_and_left_alone(servers: Mirrors, tmp_path: Path) -> None:
    archive = tmp_path / "Made/raw" / NAME
    archive.parent.mkdir(parents=True)
    archive.write_bytes(ARCHIVE[:-9])
    servers[0].spoil(NAME, "forbid")
    with pytest.raises(DownloadFailed) as failed:
        fetch(tmp_path, servers[0].url)
    assert f"{archive}: " in str(failed.value)
    assert archive.read_bytes() == ARCHIVE[:-9]


def test_a_mirror_of_ones_own_is_tried_first(servers: Mirrors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is laid out like a data folder, because different datasets have files of the same name."""
    servers[1].files = {f"/school/Made/raw/{NAME}": ARCHIVE}
    monkeypatch.setenv("DESKTOP_TRAINER_MIRROR", servers[1].url + "school")
    fetch(tmp_path, servers[0].url)
    assert found(tmp_path) == CONTENT
    assert servers[0].requests == []


def test_a_mirror_that_is_no_web_address_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKTOP_TRAINER_MIRROR", "file:///srv/data")
    with pytest.raises(DownloadFailed, match="DESKTOP_TRAINER_MIRROR is file:///srv/data"):
        fetch(tmp_path, "https://nowhere.invalid/")


@pytest.mark.parametrize("address", ["http://elsewhere/x", "ftp://elsewhere/x", "file:///x"])
def test_no_redirect_leads_from_https_to_less(address: str) -> None:
    redirect: Callable[[str, str], Any] = lambda start, end: _SameSafety().redirect_request(  # noqa: E731
        Request(start), BytesIO(), 302, "Found", Message(), end
    )
    with pytest.raises(URLError, match="https"):
        redirect("https://mirror/x", address)
    assert redirect("https://mirror/x", "HTTPS://elsewhere/x").full_url == "HTTPS://elsewhere/x"
    assert redirect("http://mirror/x", "http://elsewhere/x").full_url == "http://elsewhere/x"


def test_a_transfer_that_was_given_up_leaves_no_connection(servers: Mirrors) -> None:
    """Its thread ends although the server still says nothing."""
    servers[0].spoil(NAME, "never_answer")
    pieces = Transfer(servers[0].url + NAME, 0, PATIENT).pieces()
    assert next(pieces).data == b""
    assert "transfer" in {thread.name for thread in threading.enumerate()}
    pieces.close()
    assert "transfer" not in {thread.name for thread in threading.enumerate()}
    assert not servers[0].released.is_set()


def test_an_address_that_is_none_is_a_failure_like_others(servers: Mirrors) -> None:
    with pytest.raises(MirrorFailed):
        list(Transfer("gopher://127.0.0.1/x", 0, PATIENT).pieces())


def test_too_little_space_is_known_before_the_first_byte(
    servers: Mirrors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100_000))
    with pytest.raises(DiskFull, match=r"0\.1 MB free.* needs 0\.6 MB"):
        fetch(tmp_path, servers[0].url)
    assert list((tmp_path / "Made/raw").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_disk_that_fills_up_meanwhile_is_no_mirrors_fault(servers: Mirrors, tmp_path: Path) -> None:
    part(tmp_path).parent.mkdir(parents=True)
    part(tmp_path).symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="MB free"):
        fetch(tmp_path, servers[0].url, servers[1].url)
    assert servers[1].requests == []


def test_a_folder_that_cannot_be_made_is_named(servers: Mirrors, tmp_path: Path) -> None:
    (tmp_path / "Made").write_text("in the way")
    with pytest.raises(FolderNotWritable, match="Choose another data folder") as failed:
        fetch(tmp_path, servers[0].url)
    assert str(tmp_path / "Made/raw") in str(failed.value)
    assert isinstance(failed.value, DataError)


def test_the_real_fashion_mnist_arrives_through_cuts_and_damage(
    mirrors: Mirrors, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any gzip of the published bytes passes; one flipped bit does not."""
    good, bad = mirrors
    names = [file.name for file in FashionMNIST.remote.files]
    for name in names:
        packed = gzip.compress((real_data / "FashionMNIST/raw" / name.removesuffix(".gz")).read_bytes(), 1)
        good.files["/" + name] = bad.files["/" + name] = packed
    bad.spoil(names[0], "cut", "fail")
    bad.spoil(names[1], "corrupt")
    bad.spoil(names[2], "page")
    bad.spoil(names[3], "forbid")
    remote = FashionMNIST.remote
    monkeypatch.setattr(FashionMNIST, "remote", Remote((bad.url, good.url), remote.files, remote.folder))
    steps = list(download(FashionMNIST(), tmp_path))
    assert FashionMNIST().present(tmp_path)
    for name in (name.removesuffix(".gz") for name in names):
        assert (tmp_path / "FashionMNIST/raw" / name).read_bytes() == (
            real_data / "FashionMNIST/raw" / name
        ).read_bytes()
    assert [step.number for step in steps] == sorted(step.number for step in steps)
    assert good.requests[0][1] == f"bytes={len(good.files['/' + names[0]]) // 2}-"
