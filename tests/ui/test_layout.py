"""How the window's parts lie: two docks where there is room for them, tabs where there is not."""

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QDockWidget
from pytestqt.qtbot import QtBot

from tests.ui.conftest import child

Opener = Callable[..., Any]


def docks(window: Any) -> tuple[QDockWidget, QDockWidget]:
    return child(window, QDockWidget, "experiment_dock"), child(window, QDockWidget, "model_dock")


def tabbed(window: Any) -> bool:
    experiment, model = docks(window)
    return model in window.tabifiedDockWidgets(experiment)


def test_in_a_narrow_window_the_docks_are_tabs_and_lie_side_by_side_again_in_a_wide_one(
    qtbot: QtBot, open_window: Opener
) -> None:
    window = open_window()
    window.resize(1400, 800)
    qtbot.waitUntil(lambda: not tabbed(window))
    window.resize(1024, 640)
    qtbot.waitUntil(lambda: tabbed(window))
    experiment, model = docks(window)
    qtbot.waitUntil(lambda: not experiment.visibleRegion().isEmpty())
    assert model.visibleRegion().isEmpty()
    window.resize(1400, 800)
    qtbot.waitUntil(lambda: not tabbed(window))
    qtbot.waitUntil(lambda: model.x() > experiment.x())


def test_a_window_closed_narrow_opens_wide_with_its_docks_side_by_side(qtbot: QtBot, open_window: Opener) -> None:
    first = open_window()
    first.resize(1024, 640)
    qtbot.waitUntil(lambda: tabbed(first))
    first.close()
    second = open_window()
    assert tabbed(second)
    second.resize(1400, 800)
    qtbot.waitUntil(lambda: not tabbed(second))


def test_a_dock_that_was_closed_stays_closed(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window()
    window.resize(1024, 640)
    qtbot.waitUntil(lambda: tabbed(window))
    docks(window)[1].close()
    window.resize(1400, 800)
    assert docks(window)[1].isHidden()
    window.resize(1024, 640)
    assert docks(window)[1].isHidden()
