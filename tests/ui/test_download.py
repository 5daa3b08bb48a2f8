"""Missing data are fetched from the window: the real Fashion-MNIST, over loopback, then trained on (fault F21)."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QPushButton
from pytestqt.qtbot import QtBot

from desktop_trainer.ui.download import DownloadDialog

if TYPE_CHECKING:
    from tests.conftest import Mirror

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
Opener = Callable[..., Any]


@pytest.fixture(scope="module")
def packed(real_data: Path) -> dict[str, bytes]:
    """The files of the real Fashion-MNIST as a server has them, by their path there."""
    raw = real_data / "FashionMNIST" / "raw"
    return {f"/FashionMNIST/raw/{name}.gz": gzip.compress((raw / name).read_bytes(), 1) for name in FILES}


@pytest.fixture
def mirror(mirrors: tuple[Mirror, Mirror], packed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Mirror:
    """Serves the real Fashion-MNIST, and is the one that is tried first."""
    first, _ = mirrors
    first.files.update(packed)
    monkeypatch.setenv("DESKTOP_TRAINER_MIRROR", first.url)
    return first


def ask_for_download(qtbot: QtBot, open_window: Opener, root: Path) -> tuple[Any, DownloadDialog]:
    """Start without the data, and click what the window then offers."""
    data = {"dataset": "fashion_mnist", "data_root": str(root), "batch_size": 10_000}
    window = open_window({"data": data, "model": "softmax", "training": {"epochs": 1}})
    window.actions_["start"].trigger()
    qtbot.mouseClick(window.banner.findChild(QPushButton, "banner_action"), Qt.MouseButton.LeftButton)
    dialog = window.findChild(DownloadDialog)
    assert dialog is not None
    return window, dialog


def test_the_data_arrive_verified_and_the_run_begins(
    qtbot: QtBot, open_window: Opener, mirror: Mirror, tmp_path: Path, real_data: Path
) -> None:
    mirror.spoil("FashionMNIST/raw/train-images-idx3-ubyte.gz", "cut")
    window, dialog = ask_for_download(qtbot, open_window, tmp_path)
    with qtbot.waitSignal(dialog.accepted, timeout=120_000):
        pass
    for name in FILES:
        arrived = tmp_path / "FashionMNIST" / "raw" / name
        assert arrived.read_bytes() == (real_data / "FashionMNIST" / "raw" / name).read_bytes()
    with qtbot.waitSignal(window.session.ended, timeout=120_000) as caught:
        qtbot.mouseClick(window.banner.findChild(QPushButton, "banner_action"), Qt.MouseButton.LeftButton)
    assert caught.args[0].outcome == "completed"


def test_cancel_works_while_the_server_is_silent_and_the_next_time_goes_on(
    qtbot: QtBot, open_window: Opener, mirror: Mirror, tmp_path: Path
) -> None:
    name = "FashionMNIST/raw/train-images-idx3-ubyte.gz"
    mirror.spoil(name, "stall")
    window, dialog = ask_for_download(qtbot, open_window, tmp_path)
    qtbot.waitUntil(lambda: "MB" in dialog.text, timeout=60_000)
    with qtbot.waitSignal(dialog.finished, timeout=30_000):
        buttons = dialog.findChild(QDialogButtonBox)
        assert buttons is not None
        qtbot.mouseClick(buttons.button(QDialogButtonBox.StandardButton.Cancel), Qt.MouseButton.LeftButton)
    assert not (tmp_path / "FashionMNIST" / "raw" / FILES[0]).exists()
    window.actions_["download_data"].trigger()
    again = window.findChildren(DownloadDialog)[-1]
    with qtbot.waitSignal(again.accepted, timeout=120_000):
        pass
    ranges = [asked for path, asked in mirror.requests if path == "/" + name]
    assert ranges[0] is None
    assert ranges[-1] is not None


def test_closing_the_window_ends_a_download_that_is_stalled(
    qtbot: QtBot, open_window: Opener, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.spoil("FashionMNIST/raw/train-images-idx3-ubyte.gz", "stall")
    window, dialog = ask_for_download(qtbot, open_window, tmp_path)
    qtbot.waitUntil(lambda: "MB" in dialog.text, timeout=60_000)
    window.close()
    assert not window.isVisible()
    assert not dialog._thread.isRunning()


def test_a_failure_names_the_mirror_and_what_to_do(
    qtbot: QtBot, open_window: Opener, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop_trainer.catalog.datasets.images import FashionMNIST
    from desktop_trainer.experiment.remote import Remote

    remote = FashionMNIST.remote
    assert remote is not None
    monkeypatch.setattr(FashionMNIST, "remote", Remote((mirror.url + "nothing/",), remote.files, remote.folder))
    mirror.files.clear()
    _, dialog = ask_for_download(qtbot, open_window, tmp_path)
    qtbot.waitUntil(lambda: mirror.url in dialog.text, timeout=60_000)
    assert mirror.url in dialog.text
    assert "train-images-idx3-ubyte" in dialog.text
    assert str(tmp_path) in dialog.text
    dialog.reject()
