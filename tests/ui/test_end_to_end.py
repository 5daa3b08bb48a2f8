"""The main job on the real Fashion-MNIST: the tutorial's LeNet, an epoch of it, by clicking Start."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QToolButton
from pytestqt.qtbot import QtBot

from desktop_trainer.engine.events import EpochEnded
from desktop_trainer.experiment.fields import with_value
from desktop_trainer.experiment.recipes import recipe
from desktop_trainer.runs.model_file import load_model

Opener = Callable[..., Any]


def test_lenet_learns_fashion_mnist_in_the_window(qtbot: QtBot, open_window: Opener, real_data: Path) -> None:
    values = with_value(recipe("lenet_adam").experiment, "training.epochs", 1)
    window = open_window(with_value(values, "data.data_root", str(real_data)))
    assert "(60000 + 256 - 1) // 256 = 235" in window.form.findChild(object, "batch_plan").text
    assert "(10000 + 256 - 1) // 256 = 40" in window.form.findChild(object, "batch_plan").text
    said: list[Any] = []
    window.session.happened.connect(said.append)
    button = window.toolbar.widgetForAction(window.actions_["start"])
    assert isinstance(button, QToolButton)
    with qtbot.waitSignal(window.session.ended, timeout=240_000) as caught:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert caught.args[0].outcome == "completed"
    epoch = next(event for event in said if isinstance(event, EpochEnded))
    series = window.curves.series
    assert len(series) == 235
    assert series.count.values.tolist() == [256] * 234 + [96]
    assert np.dot(series.loss.values.astype(float), series.count.values) / 60_000 == pytest.approx(epoch.train_loss)
    assert series.correct.values.sum() / 60_000 == pytest.approx(epoch.train_accuracy)
    assert epoch.test_accuracy > 0.5
    table = window.epochs.model()
    assert [table.headerData(column, Qt.Orientation.Horizontal) for column in range(2)] == ["Epoch", "Train loss"]
    assert table.data(table.index(0, 1)) == f"{epoch.train_loss:.4f}"
    assert f"epoch 1, loss {epoch.train_loss:.4f}" in window.log.toPlainText()
    assert load_model(Path(caught.args[0].paths["model"])).metrics["test_accuracy"] == epoch.test_accuracy


def test_windows_that_were_closed_leave_no_widgets_and_no_files_open(qtbot: QtBot, open_window: Opener) -> None:
    """Fault F33 in small: what ten windows left behind is what three left behind."""
    counts = []
    for number in range(10):
        window = open_window({"data": {"dataset": "synthetic"}, "training": {"epochs": 1}})
        with qtbot.waitSignal(window.session.ended, timeout=60_000):
            window.actions_["start"].trigger()
        window.close()
        window.deleteLater()
        qtbot.waitUntil(lambda: not QApplication.topLevelWidgets(), timeout=30_000)
        if number >= 2:
            files = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
            counts.append((len(QApplication.allWidgets()), files))
    assert counts[-1] == counts[0]
