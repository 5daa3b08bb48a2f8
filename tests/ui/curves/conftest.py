"""A panel with the curves of two epochs, and the records that they are made of."""

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QApplication,
)
from pytestqt.qtbot import QtBot

from desktop_trainer.engine.events import EpochEnded, Records
from desktop_trainer.ui.curves.panel import CurvesPanel
from desktop_trainer.ui.curves.plot import CurvePlot
from desktop_trainer.ui.theme import apply_theme
from tests.ui.conftest import child

PER_EPOCH = 50


def block(epoch: int, first: int, loss: list[float]) -> Records:
    count = len(loss)
    return Records(
        epoch,
        first,
        np.array(loss, np.float32),
        np.full(count, 7, np.int32),
        np.full(count, 10, np.int32),
        np.full(count, 0.1, np.float32),
        (epoch - 1) * 5.0 + np.arange(first, first + count, dtype=np.float64) * 0.1,
    )


def ended(epoch: int) -> EpochEnded:
    return EpochEnded(epoch, 1.25 / epoch, 0.71, 1.5 / epoch, 0.62, 5.0, 1000.0)


def train(panel: CurvesPanel, epochs: int = 2) -> None:
    for epoch in range(1, epochs + 1):
        losses = [2.0 / epoch - 0.01 * batch for batch in range(PER_EPOCH)]
        for first in range(0, PER_EPOCH, 10):
            panel.add_records(block(epoch, first + 1, losses[first : first + 10]), PER_EPOCH)
        panel.add_epoch(ended(epoch))


def settle(panel: CurvesPanel, qtbot: QtBot) -> None:
    """Wait until everything is drawn."""
    qtbot.waitUntil(lambda: not panel._timer.isActive())


@pytest.fixture
def panel(qtbot: QtBot, qapp: QApplication) -> Iterator[CurvesPanel]:
    apply_theme(qapp, "light")
    panel = CurvesPanel()
    qtbot.addWidget(panel)
    panel.resize(800, 600)
    with qtbot.waitExposed(panel):
        panel.show()
    panel.begin(4, PER_EPOCH)
    train(panel)
    settle(panel, qtbot)
    yield panel
    apply_theme(qapp, "light")


@pytest.fixture
def plot(panel: CurvesPanel) -> CurvePlot:
    found: CurvePlot = child(panel, CurvePlot, "loss_plot")
    return found


def place(plot: CurvePlot, x: float, y: float) -> QPoint:
    """Where a point of the curves is in the canvas."""
    point: QPoint = plot.canvas.mapFromScene(plot.area.mapViewToScene(QPointF(x, y)))
    return point


def x_range(plot: CurvePlot) -> tuple[float, float]:
    left, right = plot.area.viewRange()[0]
    return float(left), float(right)


def wheel(plot: CurvePlot, steps: int) -> None:
    at = QPointF(plot.canvas.viewport().rect().center())
    no_button, no_key = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(
        at,
        plot.canvas.viewport().mapToGlobal(at),
        QPoint(),
        QPoint(0, 120 * steps),
        no_button,
        no_key,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(plot.canvas.viewport(), event)


def colours_in(plot: CurvePlot) -> set[str]:
    image = plot.canvas.grab().toImage()
    return {
        image.pixelColor(x, y).name() for x in range(70, image.width() - 20) for y in range(10, image.height() - 50)
    }
