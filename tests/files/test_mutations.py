"""Damaged and forged files of data: each is read, or refused in our own words, and nothing else happens."""

from __future__ import annotations

import io
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from desktop_trainer.catalog.datasets.image_folder import ImageFolder
from desktop_trainer.catalog.datasets.images import FashionMNIST
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.remote import Remote, RemoteFile
from desktop_trainer.files import decoded_cache
from desktop_trainer.files.decoding import Shape, decode
from desktop_trainer.files.errors import DataDamaged, DataMissing
from desktop_trainer.files.image_files import BadImage
from tests.mutations import cases, edited, spoilt


def image_file(format: str, **options: object) -> bytes:  # noqa: A002  Pillow's name
    y, x = np.mgrid[:9, :12]
    buffer = io.BytesIO()
    pixels = np.stack([x * 20, y * 25, x + y], axis=2).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(buffer, format, exif=exif, **options)
    return buffer.getvalue()


IMAGES = [
    image_file("PNG"),
    image_file("JPEG"),
    image_file("TIFF", compression="tiff_lzw"),
    image_file("WEBP"),
    image_file("BMP"),
    image_file("GIF"),
    image_file("PPM"),
]


@pytest.mark.filterwarnings("ignore:(?!Image size)")  # of Pillow about odd files; that of bombs counts
def test_any_image_is_read_or_called_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    path = tmp_path / "x.png"
    contents = st.sampled_from(IMAGES).flatmap(lambda whole: spoilt(whole, *IMAGES))

    @cases(500)
    @given(contents)
    def check(content: bytes) -> None:
        path.write_bytes(content)
        try:
            image = decode(path, Shape(4))
        except BadImage:
            return
        assert image.shape == (3, 4, 4)

    check()


@pytest.mark.parametrize("name", ["index.json", "images.npy"])
def test_whatever_the_cache_holds_the_images_are_those_of_the_folder(whole: Path, name: str) -> None:
    """What was left out may be told otherwise by who writes it there; nobody is asked to believe more."""
    (whole / "bee/7.png").write_bytes(b"no image")

    def read() -> tuple[DataInfo, int]:
        source = ImageFolder(folder=str(whole), size=2)._source(whole)
        assert all(source.notices)
        samples = source.open(train=True)
        images, labels = samples.read(range(len(samples)))
        assert len(images) == len(labels) == source.info.train_samples
        return source.info, int(images.sum())

    info, pixels = read()
    (entry,) = decoded_cache.cache_folder().iterdir()
    content = (entry / name).read_bytes()
    other = (entry / "images.npy").read_bytes()

    @cases(45)
    @given(edited(content) | spoilt(content, other) if name == "index.json" else spoilt(content, other))
    def check(changed: bytes) -> None:
        (entry / name).write_bytes(changed)
        found, _ = read()
        assert found.class_names == info.class_names

    check()
    for path in entry.iterdir():
        path.unlink()
    assert read() == (info, pixels)


@pytest.mark.parametrize(
    "content",
    [
        b'{"skipped": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"skipped": {"no/such.png": "x"}, "checksum": null}',
        b'{"skipped": {"bee/7.png": 3}, "checksum": null}',
        b'{"skipped": [["bee/7.png", "x"]], "checksum": null}',
    ],
)
def test_an_index_of_something_else_is_not_believed(whole: Path, content: bytes) -> None:
    expected = ImageFolder(folder=str(whole), size=2)._source(whole).info
    (entry,) = decoded_cache.cache_folder().iterdir()
    (entry / "index.json").write_bytes(content)
    source = ImageFolder(folder=str(whole), size=2)._source(whole)
    assert (source.info, source.notices) == (expected, ())


def idx(dimensions: tuple[int, ...], values: bytes) -> bytes:
    return bytes([0, 0, 8, len(dimensions)]) + b"".join(size.to_bytes(4) for size in dimensions) + values


FILES = {
    "train-images-idx3-ubyte": idx((20, 4, 4), bytes(range(160)) * 2),
    "train-labels-idx1-ubyte": idx((20,), bytes(range(10)) * 2),
    "t10k-images-idx3-ubyte": idx((5, 4, 4), bytes(80)),
    "t10k-labels-idx1-ubyte": idx((5,), bytes(range(5))),
}


class Little(FashionMNIST):
    """Fashion-MNIST in small."""

    counts: ClassVar[DataInfo] = DataInfo(20, 5, 1, 4, 4, tuple("0123456789"))
    remote: ClassVar[Remote] = Remote(
        ("https://example.org/",),
        tuple(RemoteFile(f"{name}.gz", "md5:", len(data)) for name, data in FILES.items()),
        "FashionMNIST/raw",
    )


@pytest.mark.filterwarnings("ignore")  # of torch about odd sizes; what counts is what it raises
def test_any_idx_file_is_read_or_refused(tmp_path: Path) -> None:
    data = Little()
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    assert data.load(tmp_path, train=True)[0].shape == (20, 1, 4, 4)
    before = torch.get_rng_state()

    @cases(250)
    @given(
        st.sampled_from(list(FILES)).flatmap(lambda name: st.tuples(st.just(name), spoilt(FILES[name]))),
        st.booleans(),
        st.booleans(),
    )
    def check(spoiled: tuple[str, bytes], train: bool, fits: bool) -> None:
        name, content = spoiled
        size = len(FILES[name])
        (folder / name).write_bytes((content + bytes(size))[:size] if fits else content)
        try:
            images, labels = data.load(tmp_path, train=train)
            assert (len(images), images[0].shape, len(labels)) == (20 if train else 5, (1, 4, 4), len(images))
            samples = data.open(tmp_path, train=train)
            assert samples.read(range(len(samples)))[0].shape == images.shape
        except (DataDamaged, DataMissing):
            pass
        finally:
            (folder / name).write_bytes(FILES[name])

    check()
    assert torch.equal(before, torch.get_rng_state())
