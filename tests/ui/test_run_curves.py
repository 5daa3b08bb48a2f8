"""Which runs' curves are drawn beside those of the run at hand."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QItemSelectionModel
from pytestqt.qtbot import QtBot

Opener = Callable[..., Any]
DATA = {"dataset": {"name": "synthetic", "train_samples": 40, "test_samples": 20, "size": 4}, "batch_size": 10}
SHORT = {"data": DATA, "model": "softmax", "training": {"epochs": 1}}


def train(qtbot: QtBot, window: Any) -> str:
    """Train a new run to its end; returns its name once it is listed."""
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["start"].trigger()
    name: str = window.session.folder.name
    qtbot.waitUntil(lambda: name in [row.summary.name for row in window.runs.table.runs.rows], timeout=30_000)
    return name


def draw(window: Any, name: str) -> None:
    """Select a run and draw its curves."""
    table = window.runs.table
    table.selectionModel().clearSelection()
    for row in range(table.filter.rowCount()):
        if table.filter.summary(table.filter.index(row, 0)).name == name:
            flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
            table.selectionModel().select(table.filter.index(row, 0), flags)
    window.runs.actions_.by_verb["show_run_curves"].trigger()


def test_the_run_at_hand_is_not_drawn_twice_and_is_drawn_beside_the_next_one(qtbot: QtBot, open_window: Opener) -> None:
    """It was chosen, so its curves stay when another run takes their place; of the other nothing is asked."""
    window = open_window(SHORT)
    window.tabs.setCurrentWidget(window.runs)
    first = train(qtbot, window)
    draw(window, first)
    assert first in window.banner.text
    qtbot.waitUntil(lambda: bool(window.desk.curves._known), timeout=30_000)
    assert window.curves.overlay == []
    second = train(qtbot, window)
    assert [run.name for run in window.curves.overlay] == [first]
    draw(window, second)
    qtbot.waitUntil(lambda: [run.name for run in window.desk.curves._known] == [second], timeout=30_000)
    assert window.curves.overlay == []
