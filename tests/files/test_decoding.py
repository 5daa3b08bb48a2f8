"""The images of a folder are decoded once, kept in a bounded cache, and none is left out in silence."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from desktop_trainer.catalog.datasets.image_folder import ImageFolder
from desktop_trainer.experiment.data import Source
from desktop_trainer.files import decoded_cache, decoding, folder_decoding, folder_scan
from desktop_trainer.files.decoding import Shape
from desktop_trainer.files.errors import DataDamaged, DataGone
from desktop_trainer.files.image_files import BadImage

SIZE = 8
Write = Callable[[Path], None]


def choice(folder: Path, share: float = 0.2) -> ImageFolder:
    return ImageFolder(folder=str(folder), size=SIZE, test_share=share)


def prepared(folder: Path) -> Source:
    return choice(folder)._source(folder)


def entries() -> list[Path]:
    folder = decoded_cache.cache_folder()
    return sorted(folder.iterdir()) if folder.is_dir() else []


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def web_page(path: Path) -> None:
    path.write_text("<!DOCTYPE html><html>Not found</html>")


BAD = [(cut, ""), (empty, "it is empty"), (web_page, "it is not an image")]


@pytest.mark.parametrize(("spoil", "why"), BAD)
def test_a_bad_image_of_a_hundred_is_left_out_and_named(spoil: Write, why: str, whole: Path) -> None:
    """Both splits are as without it; at the next run, from the cache, it is named again."""
    bad = whole / "bee/7.png"
    spoil(bad)
    clean = [path for path in folder_scan.listing(whole, 0.2).paths if path != "bee/7.png"]
    for _ in range(2):
        source = prepared(whole)
        (notice,) = source.notices
        assert notice.startswith("1 of 120 images cannot be read and is left out; it is listed in")
        assert f"{bad}: {why}" in notice
        assert source.info.train_samples + source.info.test_samples == 119
        read = [tuple(image.flatten().tolist()) for train in (True, False) for image in source.load(train=train)[0]]
        assert sorted(read) == sorted(
            tuple(decoding.decode(whole / path, Shape(SIZE)).flatten().tolist()) for path in clean
        )


def test_more_bad_images_than_one_of_a_hundred_stop_it_with_all_their_paths(whole: Path) -> None:
    for name in ("ant/1.png", "bee/2.png"):
        web_page(whole / name)
    with pytest.raises(DataDamaged, match="2 of the 120 images looked at cannot be read") as damaged:
        prepared(whole)
    assert str(whole / "ant/1.png") in str(damaged.value)
    assert str(whole / "bee/2.png") in str(damaged.value)
    assert entries() == []


def test_a_decompression_bomb_is_refused_before_it_goes_off(
    picture: Any, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(whole / "ant/60.png", (100, 100))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    (notice,) = prepared(whole).notices
    assert f"{whole / 'ant/60.png'}: it is too large" in notice


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "P", "1", "I;16"])
def test_every_kind_of_image_becomes_rgb(mode: str, tmp_path: Path) -> None:
    path = tmp_path / ("x.tif" if mode in ("CMYK", "I;16") else "x.png")
    image = Image.new("L", (10, 10), 255)
    (Image.new(mode, (10, 10)) if mode == "I;16" else image.convert("RGB").convert(mode)).save(path)
    assert decoding.decode(path, Shape(4)).shape == (3, 4, 4)


def saved(path: Path, pixels: Any) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def whole_number(dtype: Any) -> Any:
    return np.full((6, 6), 32768, dtype)


@pytest.mark.parametrize("name", ["x.png", "x.tif"])
@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_sixteen_bits_are_scaled_not_clipped(name: str, dtype: str, tmp_path: Path) -> None:
    """Half of white is grey, whatever else the image holds."""
    pixels = decoding.decode(saved(tmp_path / name, whole_number("<u2" if name == "x.png" else dtype)), Shape(4))
    assert set(pixels.flatten().tolist()) == {128}


def test_twelve_bits_are_scaled_by_what_they_hold(tmp_path: Path) -> None:
    """4 x 4 pixels of 2048, packed, in the plainest TIFF there is."""
    tags = {256: 4, 257: 4, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 4, 279: 24}
    entries = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in tags.items())
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    (tmp_path / "x.tif").write_bytes(b"II*\0" + struct.pack("<I", 32) + b"\x80\x08\0" * 8 + directory)
    assert set(decoding.decode(tmp_path / "x.tif", Shape(4)).flatten().tolist()) == {128}


def test_a_pgm_declares_its_white(tmp_path: Path) -> None:
    (tmp_path / "x.pgm").write_bytes(b"P5 6 6 4095\n" + np.full((6, 6), 2048, ">u2").tobytes())
    assert set(decoding.decode(tmp_path / "x.pgm", Shape(4)).flatten().tolist()) == {128}


@pytest.mark.parametrize(
    ("least", "most", "extent"),
    [
        (0.1, 0.9, (0, 1)),
        (0, 200, (0, 255)),
        (0, 900, (0, 1023)),
        (0, 60000, (0, 65535)),
        (-1, 1, (-1, 1)),
        (5, 1e6, (5, 1e6)),
        (1e6, 1e6, (1e6, 1e6 + 1)),
    ],
)
def test_numbers_without_a_white_of_their_own_go_by_the_whole_dataset(
    least: float, most: float, extent: tuple[float, float]
) -> None:
    middle = (least + most) / 2
    assert decoding.extent_of([(least, middle), None, (middle, most)]) == extent
    assert decoding.extent_of([None]) is None


@pytest.mark.parametrize("room", [True, False])
@pytest.mark.parametrize("most", [1.0, 1023.0, 90000.0])
def test_float_images_are_scaled_alike_in_the_whole_dataset(
    most: float, room: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dark one stays darker than a bright one; kept or decoded each time, and what is no number is black."""
    monkeypatch.setattr(decoded_cache, "MOST_BYTES", 10**10 if room else 0)
    for name, share in (("a/1", 0.0), ("a/2", 0.2), ("b/1", 0.6), ("b/2", 1.0)):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        saved(tmp_path / "set" / f"{name}.tif", np.full((9, 9), most * share, np.float32))
    saved(tmp_path / "set/b/3.tif", np.full((9, 9), np.nan, np.float32))
    for _ in range(2):
        source = prepared(tmp_path / "set")
        images = torch.cat([source.load(train=train)[0] for train in (True, False)])
        assert images.shape == (5, 1, SIZE, SIZE)
        assert sorted(image.unique().tolist() for image in images) == [[0], [0], [51], [153], [255]]
        assert any(f"0 is taken as black and {most:g} as white" in notice for notice in source.notices)


def test_a_cache_whose_black_and_white_are_none_is_made_again(tmp_path: Path) -> None:
    for name in ("a/1", "a/2", "b/1", "b/2"):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        saved(tmp_path / "set" / f"{name}.tif", np.full((9, 9), 0.5, np.float32))
    prepared(tmp_path / "set")
    index = entries()[0] / "index.json"
    for bad in ([1, 1], [0, float("nan")], ["x", 1], 7):
        index.write_text(json.dumps({**json.loads(index.read_text()), "extent": bad}))
        prepared(tmp_path / "set")
        assert json.loads(index.read_text())["extent"] == [0, 1]


def test_grey_images_have_one_channel_if_that_is_asked_for(tmp_path: Path) -> None:
    """The same grey that three equal channels have."""
    y, x = np.mgrid[:9, :9]
    path = saved(tmp_path / "x.png", (x * 9 + y * 7).astype(np.uint8))
    one, three = (decoding.decode(path, Shape(4, channels)) for channels in (1, 3))
    assert one.shape == (1, 4, 4)
    assert np.array_equal(np.repeat(one, 3, axis=0), three)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes among files")
def test_a_pipe_that_took_the_place_of_an_image_is_not_waited_for(whole: Path) -> None:
    """After the folder was looked at."""
    steps = choice(whole).prepare(whole)
    next(step for step in steps if step.what.startswith("Looking for black and white"))
    (whole / "ant/7.png").unlink()
    os.mkfifo(whole / "ant/7.png")
    while True:
        try:
            next(steps)
        except StopIteration as end:
            (notice,) = end.value.notices
            break
    assert f"{whole / 'ant/7.png'}: it is not a file, but a folder, a pipe or a device" in notice


def test_a_file_that_says_it_is_huge_is_left_out_unread(whole: Path) -> None:
    with (whole / "bee/7.png").open("r+b") as file:
        file.truncate(1 << 40)
    (notice,) = prepared(whole).notices
    assert f"{whole / 'bee/7.png'}: it is too large" in notice


@pytest.mark.skipif(shutil.which("gs") is None, reason="there is no Ghostscript to run such a file")
def test_an_image_that_is_a_program_is_not_run(tmp_path: Path) -> None:
    """PostScript under the name of an image; the control shows that Pillow takes it for one and would ask
    Ghostscript.
    """
    path, marker = tmp_path / "x.png", tmp_path / "marker"
    drawing = f"({marker}) (w) file closefile\nshowpage\n"
    path.write_text(f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{drawing}%%EOF\n")
    with pytest.raises(BadImage, match="not an image"):
        decoding.decode(path, Shape(4))
    assert not marker.exists()
    with Image.open(path) as image, suppress(OSError):
        image.load()
    assert image.format == "EPS"


def test_a_photograph_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    """Upper half white; taken with the camera on its side."""
    image = Image.new("RGB", (16, 16))
    image.paste((255, 255, 255), (0, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees clockwise
    image.save(tmp_path / "x.png", exif=exif)
    pixels = decoding.decode(tmp_path / "x.png", Shape(16))
    assert pixels[:, :, 8:].min() == 255
    assert pixels[:, :, :8].max() == 0


def test_the_second_time_nothing_is_decoded(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor with another share for the test, nor from another process; streamed samples are the loaded ones."""
    images, labels = prepared(whole).load(train=True)
    monkeypatch.setattr(folder_decoding, "decode", pytest.fail)
    source = prepared(whole)
    again, labels_again = source.load(train=True)
    assert torch.equal(images, again)
    assert torch.equal(labels, labels_again)
    samples = pickle.loads(pickle.dumps(source.open(train=True)))
    pixels, classes = samples.read([5, 0, 90])
    assert np.array_equal(pixels, images[[5, 0, 90]])
    assert classes.tolist() == labels[[5, 0, 90]].tolist()
    assert choice(whole, 0.5).load(whole, train=False)[0].shape[0] == 60
    (entry,) = entries()
    assert np.load(entry / "images.npy").shape == (120, 3, SIZE, SIZE)


def test_another_content_or_size_is_another_entry(whole: Path) -> None:
    prepared(whole)
    flip(whole / "ant/1.png")
    prepared(whole)
    ImageFolder(folder=str(whole), size=4).load(whole, train=True)
    assert len(entries()) == 3


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "spoil"), [("images.npy", flip), ("images.npy", cut), ("index.json", cut), ("images.npy", Path.unlink)]
)
def test_a_damaged_cache_is_made_again(name: str, spoil: Write, whole: Path) -> None:
    images, _ = prepared(whole).load(train=True)
    (entry,) = entries()
    spoil(entry / name)
    assert torch.equal(prepared(whole).load(train=True)[0], images)
    assert entries() == [entry]
    assert sorted(file.name for file in entry.iterdir()) == ["digests", "images.npy", "index.json"]


def test_the_cache_can_be_deleted_while_it_is_read(whole: Path) -> None:
    samples = prepared(whole).open(train=True)
    before = samples.read([3, 1])
    for file in entries()[0].iterdir():
        file.unlink()
    after = samples.read([3, 1])
    assert np.array_equal(before[0], after[0])
    (whole / "ant").rename(whole / "gone")
    (whole / "bee").rename(whole / "too")
    with pytest.raises(DataGone, match="Put it back"):
        samples.read([3, 1])


def test_the_cache_is_bounded_and_the_oldest_goes_first(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    for size in (8, 9, 10):
        ImageFolder(folder=str(whole), size=size).load(whole, train=True)
        (new,) = set(entries()) - set(made)
        made.append(new)
        os.utime(new / "index.json", (size, size))
    ImageFolder(folder=str(whole), size=8).load(whole, train=True)
    monkeypatch.setattr(decoded_cache, "MOST_BYTES", 90_000)
    ImageFolder(folder=str(whole), size=4).load(whole, train=True)
    assert made[0] in entries(), "it was used last"
    assert made[1] not in entries()


@pytest.mark.parametrize("limit", ["MOST_BYTES", "SPARE_BYTES"])
def test_without_room_the_images_are_decoded_each_time_and_it_is_said(
    limit: str, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web_page(whole / "ant/5.png")
    images, _ = prepared(whole).load(train=True)
    for entry in entries():
        (entry / "index.json").unlink()
    monkeypatch.setattr(decoded_cache, limit, 0 if limit == "MOST_BYTES" else 1 << 60)
    for _ in range(2):
        source = prepared(whole)
        assert "no room on the disk" in source.notices[-1]
        assert "1 of 120 images" in source.notices[0]
        assert torch.equal(source.load(train=True)[0], images)


def test_pixels_are_kept_once_there_is_room_again(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(decoded_cache, "SPARE_BYTES", 1 << 60)
        assert prepared(whole).notices != ()
    assert prepared(whole).notices == ()
    assert (entries()[0] / "images.npy").exists()


def test_a_disk_that_fills_up_meanwhile_is_no_error(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = prepared(whole).load(train=True)
    for file in entries()[0].iterdir():
        file.unlink()

    class Full:
        def write(self, _: bytes) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            raise OSError(28, "No space left on device")

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

    opened = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, mode="r", **more: Full() if mode == "wb" else opened(path, mode, **more)
    )
    source = prepared(whole)
    assert torch.equal(source.load(train=True)[0], expected)
    assert [file.name for entry in entries() for file in entry.iterdir()] in ([], ["index.json"])


def test_decoding_can_be_stopped_and_leaves_nothing(whole: Path) -> None:
    steps = choice(whole).prepare(whole)
    said = [next(step for step in steps if step.what.startswith("Decoding")) for _ in range(2)]
    assert [(step.done, step.total) for step in said] == [(0, 120), (64, 120)]
    assert "64 of 120" in said[1].what
    steps.close()
    assert entries() == []
    assert not [each for each in threading.enumerate() if each.name.startswith("decode")]


def test_an_image_that_disappears_while_it_is_decoded_is_not_a_bad_one(whole: Path) -> None:
    steps = choice(whole).prepare(whole)
    next(step for step in steps if step.what.startswith("Decoding"))
    (whole / "bee/9.png").unlink()
    with pytest.raises(DataGone, match=r"9\.png"):
        list(steps)


def test_the_list_of_bad_images_is_kept(whole: Path) -> None:
    empty(whole / "bee/3.png")
    prepared(whole)
    index = json.loads((entries()[0] / "index.json").read_text())
    assert index["skipped"] == {"bee/3.png": "it is empty"}
