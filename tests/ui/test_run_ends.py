"""What the window says of a run that ended before its last epoch: why, and what to do next."""

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

Opener = Callable[..., Any]
DATA = {"dataset": {"name": "synthetic", "train_samples": 100, "test_samples": 50, "size": 4}, "batch_size": 10}
ENDS = [
    pytest.param(1e12, "diverged", "error", ("training diverged", "smaller learning rate"), id="diverged"),
    pytest.param(1e-30, "early_stopped", "info", ("best after epoch 1", "set the patience higher"), id="stopped early"),
]


@pytest.mark.parametrize(("lr", "outcome", "kind", "words"), ENDS)
def test_the_banner_says_why_and_what_to_do_next(
    qtbot: QtBot, open_window: Opener, lr: float, outcome: str, kind: str, words: tuple[str, str]
) -> None:
    model, optimizer = {"name": "mlp", "hidden_sizes": [8, 8, 8]}, {"name": "sgd", "lr": lr}
    training = {"epochs": 9, "patience": 1}
    window = open_window({"data": DATA, "model": model, "optimizer": optimizer, "training": training})
    with qtbot.waitSignal(window.session.ended, timeout=60_000) as caught:
        qtbot.keyClick(window, Qt.Key.Key_F5)
    assert caught.args[0].outcome == outcome
    assert window.banner.property("kind") == kind
    for word in words:
        assert word in window.banner.text
        assert word in window.log.toPlainText()
