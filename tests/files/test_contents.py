"""Decoded images belong to contents: they are found wherever the files lie, and never for files that hold something
else.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from desktop_trainer.catalog.datasets.digits import Digits
from desktop_trainer.catalog.datasets.image_folder import ImageFolder
from desktop_trainer.experiment.data import Source
from desktop_trainer.files import contents, decoded_cache, folder_decoding
from desktop_trainer.files.errors import DataGone
from desktop_trainer.files.folder_scan import Listing


def choice(folder: Path, size: int = 4, share: float = 0.2) -> ImageFolder:
    return ImageFolder(folder=str(folder), size=size, test_share=share)


def prepared(folder: Path, size: int = 4) -> Source:
    return choice(folder, size)._source(folder)


def pixels(folder: Path) -> Any:
    source = prepared(folder)
    return torch.cat([source.load(train=train)[0] for train in (True, False)])


def entry() -> Path:
    (found,) = decoded_cache.cache_folder().iterdir()
    return found


@pytest.fixture
def long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """All files count as written long before they are looked at."""
    monkeypatch.setattr(contents, "_RACY_NS", -(10**18))


@pytest.fixture
def nothing_is_decoded(whole: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The folder has been decoded once, and is not again; yields its pixels."""
    expected = pixels(whole)
    with monkeypatch.context() as patched:
        patched.setattr(folder_decoding, "decode", pytest.fail)
        yield expected


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read only to be compared."""
    names: list[str] = []
    digest = contents._digest

    def noted(path: Path) -> bytes:
        names.append(path.name)
        return digest(path)

    monkeypatch.setattr(contents, "_digest", noted)
    return names


def test_the_first_time_each_file_is_read_only_to_be_decoded(whole: Path, read: list[str]) -> None:
    assert len(pixels(whole)) == 120
    assert read == []


def test_the_second_time_no_file_is_read(long_ago: None, nothing_is_decoded: Any, whole: Path, read: list[str]) -> None:
    assert torch.equal(pixels(whole), nothing_is_decoded)
    assert read == []


def test_a_folder_that_is_copied_or_moved_is_not_decoded_again(
    long_ago: None, nothing_is_decoded: Any, whole: Path, tmp_path: Path, read: list[str]
) -> None:
    """Its files are read once, to see that they are the same."""
    shutil.copytree(whole, tmp_path / "copy", copy_function=shutil.copyfile)
    whole.rename(tmp_path / "moved")
    for folder in (tmp_path / "moved", tmp_path / "copy"):
        for times in (1, 0):
            assert torch.equal(pixels(folder), nothing_is_decoded)
            assert len(read) == 120 * times
            read.clear()
    assert entry().is_dir()


def test_new_dates_change_nothing(long_ago: None, nothing_is_decoded: Any, whole: Path, read: list[str]) -> None:
    for name in ("ant/3.png", "bee/4.png"):
        os.utime(whole / name, ns=(5, 5))
    assert torch.equal(pixels(whole), nothing_is_decoded)
    assert sorted(read) == ["3.png", "4.png"]
    assert entry().is_dir()


def set_back(path: Path) -> None:
    """Make one pixel another and keep size and date."""
    date = path.stat().st_mtime_ns
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 128]))
    os.utime(path, ns=(date, date))


@pytest.fixture
def bitmaps(whole: Path) -> Path:
    """The same, in files whose size does not depend on what they show."""
    for path in list(whole.rglob("*.png")):
        Image.open(path).save(path.with_suffix(".bmp"))
        path.unlink()
    return whole


def of_date(path: str, stat: os.stat_result) -> bytes:
    """The signature where the file system knows neither inodes nor when a file was changed."""
    return hashlib.sha256(f"{path} {stat.st_size} {stat.st_mtime_ns}".encode()).digest()[:16]


@pytest.mark.parametrize("margin", [2_000_000_000, -(10**18)])
def test_a_change_within_the_same_date_is_noticed(bitmaps: Path, margin: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control trusts dates of just now, and must miss it."""
    monkeypatch.setattr(contents, "_signature", of_date)
    monkeypatch.setattr(contents, "_RACY_NS", margin)
    before = pixels(bitmaps)
    set_back(bitmaps / "bee/7.bmp")
    after = pixels(bitmaps)
    assert torch.equal(before, after) == (margin < 0)
    assert int((before != after).any(dim=(1, 2, 3)).sum()) == (margin > 0)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell when a file was changed if its date was set back")
def test_a_change_is_noticed_though_the_date_was_set_back(long_ago: None, bitmaps: Path) -> None:
    before = pixels(bitmaps)
    set_back(bitmaps / "bee/7.bmp")
    assert not torch.equal(pixels(bitmaps), before)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[20] ^= 1  # in the first file's digest
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-48])


@pytest.mark.parametrize("spoil", [flip, cut, Path.unlink, lambda path: path.write_bytes(b"")])
def test_without_digests_the_files_are_read_and_the_digests_kept_again(
    long_ago: None, nothing_is_decoded: Any, whole: Path, read: list[str], spoil: Callable[[Path], None]
) -> None:
    spoil(entry() / "digests")
    for times in (1, 0):
        assert torch.equal(pixels(whole), nothing_is_decoded)
        assert len(read) == 120 * times
        read.clear()


def test_digests_that_cannot_be_kept_are_no_error(
    long_ago: None, nothing_is_decoded: Any, whole: Path, read: list[str]
) -> None:
    (entry() / "digests").unlink()
    (entry() / "digests").mkdir()
    for _ in range(2):
        assert torch.equal(pixels(whole), nothing_is_decoded)
        assert len(read) == 120
        read.clear()
    assert sorted(path.name for path in entry().iterdir()) == ["digests", "images.npy", "index.json"]


@pytest.mark.parametrize("when", ["Looking for changed images", "Decoding the images", "Reading the decoded images"])
def test_the_cache_can_be_deleted_at_any_time(whole: Path, when: str) -> None:
    expected = pixels(whole)
    if when.startswith("Decoding"):
        shutil.rmtree(decoded_cache.cache_folder())
    steps = choice(whole).prepare(whole)
    next(step for step in steps if step.what.startswith(when))
    shutil.rmtree(decoded_cache.cache_folder())
    source = finished(steps)
    assert torch.equal(torch.cat([source.load(train=train)[0] for train in (True, False)]), expected)
    assert torch.equal(pixels(whole), expected)


def finished(steps: Any) -> Any:
    """What a generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_comparing_can_be_stopped(whole: Path) -> None:
    expected = pixels(whole)
    steps = choice(whole).prepare(whole)
    said = [next(steps) for _ in range(3)]
    assert [(step.done, step.total) for step in said[1:]] == [(0, 120), (64, 120)]
    steps.close()
    assert torch.equal(pixels(whole), expected)
    assert entry().is_dir()


def test_a_file_that_disappears_while_it_is_compared_is_named(whole: Path) -> None:
    prepared(whole)
    steps = choice(whole).prepare(whole)
    next(steps), next(steps)
    (whole / "bee/9.png").unlink()
    with pytest.raises(DataGone, match=r"9\.png"):
        list(steps)


@pytest.mark.parametrize("known", [True, False])
def test_a_file_that_cannot_be_read_for_a_while_is_tried_again(
    known: bool, long_ago: None, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile it is left out, and said so; also where all had been decoded before, and this one looks changed."""
    digest_of, bad = contents.digest_of, whole / "bee/9.png"
    expected = pixels(whole)
    if known:
        os.utime(bad, ns=(7, 7))
    else:
        shutil.rmtree(decoded_cache.cache_folder())

    def broken(file: Any) -> bytes:
        if Path(file.name) == bad:
            raise OSError(5, "Input/output error")
        return digest_of(file)

    with monkeypatch.context() as patched:
        for module in (contents, folder_decoding):
            patched.setattr(module, "digest_of", broken)
        for _ in range(2):
            (notice,) = prepared(whole).notices
            assert f"{bad}: Input/output error" in notice
    assert prepared(whole).notices == ()
    assert torch.equal(pixels(whole), expected)


NAMES_ARE_BYTES = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a name is text")


@NAMES_ARE_BYTES
def test_names_need_not_be_text(
    long_ago: None, whole: Path, tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    os.rename(whole / "ant/1.png", os.fsencode(whole / "ant") + b"/\xff\xfe.png")  # noqa: PTH104  no path of pathlib
    expected = pixels(whole)
    monkeypatch.setattr(folder_decoding, "decode", pytest.fail)
    assert torch.equal(pixels(whole), expected)
    assert read == []
    whole.rename(tmp_path / "moved")
    assert torch.equal(pixels(tmp_path / "moved"), expected)


@NAMES_ARE_BYTES
def test_what_is_said_of_a_name_that_is_no_text_can_be_written(whole: Path) -> None:
    """It is found again, too, where it is kept."""
    bad = Path(os.fsdecode(os.fsencode(whole / "ant") + b"/\xff.png"))
    bad.write_bytes(b"")
    Path(os.fsdecode(os.fsencode(whole / "ant") + b"/x.\xfe")).touch()
    for _ in range(2):
        source = prepared(whole)
        assert "/\ufffd.png: it is empty" in source.notices[0]
        assert ".\ufffd (1)" in source.notices[1]
        assert "".join(source.notices).encode()
    steps = choice(whole, size=5).prepare(whole)
    next(steps), next(steps)
    bad.unlink()
    with pytest.raises(DataGone) as gone:
        list(steps)
    assert str(gone.value).encode()


PROCESS = """
import sys
from pathlib import Path
from desktop_trainer.files.decoded_cache import decoded
from desktop_trainer.files.folder_scan import listing

sys.stdin.readline()
steps = decoded(listing(Path(sys.argv[1]), 0.2), 4)
while True:
    try:
        next(steps)
    except StopIteration as end:
        print(end.value.fingerprint, end.value.images)
        break
"""


def test_several_processes_may_prepare_one_folder(whole: Path) -> None:
    """They begin at the same time, twice: when there is nothing yet, and when all files are to be compared."""
    for _ in range(2):
        command = [sys.executable, "-c", PROCESS, str(whole)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        processes = [subprocess.Popen(command, **pipes) for _ in range(3)]  # type: ignore[call-overload]
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        said = {process.communicate()[0] for process in processes}
        assert [process.returncode for process in processes] == [0, 0, 0]
        assert said == {f"{prepared(whole).info.fingerprint} {entry() / 'images.npy'}\n"}
        assert sorted(path.name for path in entry().iterdir()) == ["digests", "images.npy", "index.json"]


def mark(folder: Path, **options: Any) -> str:
    return choice(folder, **options)._source(folder).info.fingerprint


def test_the_fingerprint_is_of_what_a_training_sees(bitmaps: Path, tmp_path: Path) -> None:
    """Neither the place nor the size of the images; contents, names, classes and what is for the test."""
    first = mark(bitmaps)
    assert first
    shutil.copytree(bitmaps, tmp_path / "copy")
    assert mark(tmp_path / "copy") == mark(bitmaps, size=3) == first
    seen = {first, mark(bitmaps, share=0.5)}
    set_back(bitmaps / "bee/7.bmp")
    seen.add(mark(bitmaps))
    (bitmaps / "bee/7.bmp").rename(bitmaps / "bee/07.bmp")
    seen.add(mark(bitmaps))
    (bitmaps / "bee/07.bmp").rename(bitmaps / "ant/07.bmp")
    seen.add(mark(bitmaps))
    (bitmaps / "ant/07.bmp").unlink()
    seen.add(mark(bitmaps))
    assert len(seen) == 6
    assert Digits().info().fingerprint == ""


def test_fingerprints_of_runs_that_were_saved_before_are_the_same(tmp_path: Path) -> None:
    """They were computed by the version that first had them, on Linux."""
    names = (
        "train/cat/b",
        "train/cat/B",
        "train/cat/b/1",
        "train/cat/b-1",
        "train/dog/1",
        "train/dog/é",
        "test/cat/1",
        "test/dog/2",
    )
    for name in names:
        write_ppm(tmp_path / "parted" / f"{name}.ppm", f"{name}.ppm".encode()[:12].ljust(12))
    for number in range(12):
        for name in ("ant", "bee"):
            write_ppm(tmp_path / "whole" / name / f"{number}.ppm", bytes([number]) * 12)
    assert mark(tmp_path / "parted") == "dbaed1114997289a031ca5fb3954dc44"
    assert mark(tmp_path / "whole") == "23fa179d2c390b6d87008e5db25765d9"


def write_ppm(path: Path, pixels: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"P6 2 2 255\n" + pixels)


def test_the_fingerprint_tells_names_and_classes_apart() -> None:
    """Also where neither the order nor the contents change with them."""
    found = Listing(Path("x"), ("ant", "bee"), ["ant/1", "bee/2"], [0, 1], [False, True], {})
    digests = np.ones((2, 32), np.uint8)
    others = [
        replace(found, paths=["ant/1", "bee/3"]),
        replace(found, labels=[0, 0]),
        replace(found, tests=[True, False]),
    ]
    assert len({contents.fingerprint(each, digests) for each in [found, *others]}) == 4


def test_a_digest_is_sha_256_however_large_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_READ", 7)
    content = np.arange(100, dtype=np.uint8).tobytes()
    (tmp_path / "x").write_bytes(content)
    with (tmp_path / "x").open("rb") as file:
        assert contents.digest_of(file) == hashlib.sha256(content).digest()
