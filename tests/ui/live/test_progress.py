"""The status strip: whole at the smallest window in both languages, and steady while its figures change."""

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from desktop_trainer import i18n
from desktop_trainer.engine.events import Evaluating, Event, Loading, RunEnded, RunStarted
from desktop_trainer.ui.language import apply_language
from desktop_trainer.ui.live.progress import ProgressStrip
from desktop_trainer.ui.session import RunState
from tests.ui.live.test_status import STARTED, batches

LONG: list[Event] = [
    RunStarted(1, 1, 1000, 40, 96, 1000, "cuda:0", 1, "in memory", 1, 0, 0),
    batches(999, 1, 999, 12.5),
]
SAID: dict[str, list[Event]] = {
    "loading": [Loading("Reading the samples of Fashion-MNIST into the memory of the device", 1, 2)],
    "training": [STARTED, batches(1, 1, 64)],
    "long": LONG,
    "testing": [*LONG, Evaluating(1, 390, 400)],
}


@pytest.fixture(params=["en", "zh_CN"])
def language(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[str]:
    before = i18n.language()
    apply_language(qapp, request.param)
    yield request.param
    apply_language(qapp, before)


def strip_of(qtbot: QtBot, width: int = 1024, kind: type[ProgressStrip] = ProgressStrip) -> Any:
    strip = kind()
    qtbot.addWidget(strip)
    strip.resize(width, strip.sizeHint().height())
    strip.show()
    return strip


def cells(strip: ProgressStrip) -> list[QLabel]:
    return [cell for cell in strip.findChildren(QLabel) if cell.isVisible()]


def cut(strip: ProgressStrip) -> list[str]:
    """What is not in sight to its last letter."""
    shown = strip.rect()
    wide = [cell.text() for cell in cells(strip) if cell.fontMetrics().horizontalAdvance(cell.text()) > cell.width()]
    return wide + [cell.text() for cell in cells(strip) if not shown.contains(cell.geometry())]


@pytest.mark.parametrize("state", list(RunState))
@pytest.mark.parametrize("said", list(SAID))
def test_nothing_is_cut_at_the_smallest_window_and_a_row_is_enough(
    qtbot: QtBot, language: str, said: str, state: RunState
) -> None:
    strip = strip_of(qtbot)
    height = strip.sizeHint().height()
    strip.begin()
    for event in SAID[said]:
        strip.show_event(event)
    strip.set_state(state)
    strip.refresh()
    QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
    assert cells(strip)
    assert cut(strip) == []
    assert strip.sizeHint().height() == height


def test_where_a_row_is_too_narrow_there_are_two(qtbot: QtBot) -> None:
    strip = strip_of(qtbot, 500)
    for event in LONG:
        strip.show_event(event)
    strip.set_state(RunState.RUNNING)
    strip.resize(500, strip.sizeHint().height())
    QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
    assert cut(strip) == []
    assert len({cell.y() for cell in cells(strip)}) == 2


class _Counting(ProgressStrip):
    """Counts how often it was asked to lay itself out."""

    count = 0

    def event(self, event: QEvent) -> bool:
        self.count += event.type() is QEvent.Type.LayoutRequest
        return super().event(event)


def test_new_figures_move_nothing_and_lay_nothing_out(qtbot: QtBot) -> None:
    strip = strip_of(qtbot, kind=_Counting)
    strip.show_event(STARTED)
    strip.show_event(batches(1, 1, 200, 10.5))
    strip.set_state(RunState.RUNNING)
    QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
    before = [cell.geometry() for cell in cells(strip)]
    strip.count = 0
    strip.show_event(batches(1, 201, 205, 9.5))
    strip.refresh()
    QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
    assert [cell.geometry() for cell in cells(strip)] == before
    assert strip.count == 0


def test_bar_and_words_say_the_same_share(qtbot: QtBot) -> None:
    strip = strip_of(qtbot)
    for event in (STARTED, batches(10, 1, 234)):
        strip.show_event(event)
    strip.refresh()
    assert (strip.share, strip.bar.value() // 10) == ("99 %", 99)
    strip.end(RunEnded("completed", 10, 0, 1.0))
    assert (strip.share, strip.bar.value()) == ("100 %", 1000)


def test_many_events_are_shown_in_one_go(qtbot: QtBot) -> None:
    strip = strip_of(qtbot)
    shown: list[str] = []
    strip.refreshed.connect(lambda: shown.append(strip.figures))
    for first in range(1, 200):
        strip.show_event(STARTED if first == 1 else batches(1, first, first))
    assert shown == []
    qtbot.waitUntil(lambda: bool(shown), timeout=5_000)
    assert len(shown) == 1
    assert "batch 199/235" in shown[0]


def test_a_run_that_never_came_to_be_has_failed(qtbot: QtBot) -> None:
    strip = strip_of(qtbot)
    strip.begin()
    strip.set_state(RunState.IDLE)
    strip.end(None)
    assert strip.figures == "Ready"
    strip.fail()
    assert strip.figures == "Failed"


def test_a_run_that_is_brought_back_is_shown_again(qtbot: QtBot) -> None:
    strip = strip_of(qtbot)
    for event in (STARTED, batches(10, 1, 234)):
        strip.show_event(event)
    strip.end(RunEnded("stopped", 9, 234, 1.0))
    figures, shelved = strip.figures, strip.shelve()
    assert strip.figures == "Ready"
    strip.unshelve(shelved)
    assert strip.figures == figures
