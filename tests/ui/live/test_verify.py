"""The dialog that proves exact resume on the experiment in the form."""

from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop_trainer.ui.live.verify import VerifyDialog
from tests.ui.conftest import Opener, child

SMALL = {
    "data": {"dataset": {"name": "synthetic", "train_samples": 40, "test_samples": 8, "size": 4}, "batch_size": 8},
    "model": {"name": "mlp", "hidden_sizes": [8], "dropout": 0.5},
    "device": {"name": "cpu", "threads": 1},
}


def dialog_of(window: Any) -> VerifyDialog:
    window.actions_["verify_resume"].trigger()
    return child(window, VerifyDialog, "verify_resume")  # type: ignore[no-any-return]


def verified(qtbot: QtBot, dialog: VerifyDialog) -> str:
    qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.start_button.isEnabled(), timeout=60_000)
    return dialog.verdict.text()


def test_a_run_across_two_epochs_is_the_same_with_and_without_the_stop(qtbot: QtBot, open_window: Opener) -> None:
    dialog = dialog_of(open_window(SMALL))
    dialog.batches.setValue(4)
    text = verified(qtbot, dialog)
    assert text.startswith("Equal. Resumed after batch 4, all ")
    assert "after batch 8" in text


def test_what_differs_is_named(qtbot: QtBot, open_window: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resume that forgets the random numbers draws another dropout."""
    import torch

    from desktop_trainer.engine.state import restore
    from desktop_trainer.engine.training import Training

    def forgetful(training: Training, state: dict[str, Any]) -> None:
        restore(training, state)
        torch.manual_seed(1234)

    monkeypatch.setattr("desktop_trainer.engine.training.restore", forgetful)
    text = verified(qtbot, dialog_of(open_window(SMALL)))
    assert text.startswith("Not equal.")
    assert "epoch 3" in text
    assert "… and " in text


def test_data_that_are_missing_are_said(qtbot: QtBot, open_window: Opener, tmp_path: Any) -> None:
    data = {"dataset": "fashion_mnist", "data_root": str(tmp_path)}
    assert "is not in" in verified(qtbot, dialog_of(open_window({"data": data, "model": "softmax"})))


def test_closing_the_dialog_gives_up_and_ends_its_thread(qtbot: QtBot, open_window: Opener) -> None:
    dialog = dialog_of(open_window(SMALL))
    dialog.batches.setValue(100_000)
    qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(dialog.finished, timeout=60_000):
        dialog.reject()


def test_the_window_closes_while_it_verifies(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(SMALL)
    dialog = dialog_of(window)
    dialog.batches.setValue(100_000)
    qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    window.close()
    assert not window.isVisible()
