"""What the tests of image folders share: two small ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from desktop_trainer.files import folder_scan


def _picture(path: Path, size: tuple[int, int] = (12, 9)) -> None:
    """An image of smooth colours that differ with its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(path.name.encode())
    y, x = np.mgrid[: size[1], : size[0]]
    pixels = np.stack([x * 9 + seed, y * 7 + seed * 3, x + y], axis=2) % 256
    Image.fromarray(pixels.astype(np.uint8)).save(path)


@pytest.fixture
def picture() -> Callable[..., None]:
    """See `_picture`."""
    return _picture


@pytest.fixture(autouse=True)
def no_memory_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing counted before, and every change is seen at once."""
    monkeypatch.setattr(folder_scan, "_known", {})
    monkeypatch.setattr(folder_scan, "_TRUST_SECONDS", 0.0)


@pytest.fixture
def parted(tmp_path: Path) -> Path:
    """train and test folders with cats and dogs: 4 + 3 and 2 + 1."""
    for name in ("train/cat/1.png", "train/cat/2.png", "train/cat/deeper/3.bmp", "train/cat/4.PNG"):
        _picture(tmp_path / "pets" / name)
    for name in ("train/dog/1.png", "train/dog/2.png", "train/dog/3.png", "test/cat/8.png", "test/cat/9.png"):
        _picture(tmp_path / "pets" / name)
    _picture(tmp_path / "pets/test/dog/9.png", (9, 30))
    return tmp_path / "pets"


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    """Two class folders of 30 grey images each, of 8 or 16 bits."""
    for number in range(30):
        for name in ("ant", "bee"):
            path = tmp_path / "shades" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((5, 5), number, np.uint8 if number else np.uint16)).save(path)
    return tmp_path / "shades"


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """Two class folders of 60 images each, without a division."""
    for number in range(60):
        for name in ("ant", "bee"):
            _picture(tmp_path / "insects" / name / f"{number}.png", (4, 4))
    return tmp_path / "insects"
