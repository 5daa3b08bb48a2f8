"""What a run says reaches the strip, the title, the table of runs and the log, and they agree."""

from collections.abc import Callable
from typing import Any

from pytestqt.qtbot import QtBot

from desktop_trainer.ui.runs.columns import PLACES
from desktop_trainer.ui.session import RunState
from tests.ui.live.test_continuing import answer as answer_continue
from tests.ui.test_examiner import evaluate
from tests.ui.test_window import ENDLESS, SHORT, answer, click, train, until_training

Opener = Callable[..., Any]


def listed_state(window: Any) -> str:
    table = window.runs.table
    return str(table.filter.index(0, PLACES["outcome"]).data()) if table.filter.rowCount() else ""


def pause(qtbot: QtBot, window: Any) -> None:
    click(qtbot, window, "pause")
    qtbot.waitUntil(lambda: window.session.state is RunState.PAUSED, timeout=30_000)


def test_strip_and_title_follow_a_run_to_its_end(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(SHORT)
    assert window.progress.figures == "Ready"
    click(qtbot, window, "start")
    assert window.progress.figures == "Loading"
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        pass
    said = window.progress.figures.split("  ·  ")
    assert said[:4] == ["Finished", "epoch 2/2", "batch 10/10", "100 %"]
    assert "cpu" in said


def test_a_paused_run_says_so_with_its_figures_and_is_listed_as_paused(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(ENDLESS)
    window.tabs.setCurrentWidget(window.runs)
    click(qtbot, window, "start")
    until_training(qtbot, window)
    qtbot.waitUntil(lambda: listed_state(window) == "Running", timeout=30_000)
    pause(qtbot, window)
    said = window.progress.figures.split("  ·  ")
    assert said[0] == "Paused"
    assert said[1].endswith("/100000")
    assert any(text.startswith("loss ") for text in said)
    assert window.windowTitle().startswith(said[3])
    assert listed_state(window) == "Paused"
    click(qtbot, window, "pause")
    assert listed_state(window) == "Running"


def test_an_examination_is_counted_and_the_run_before_it_comes_back(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(SHORT)
    train(qtbot, window)
    finished = window.progress.figures
    shown: list[str] = []
    window.files.progress.connect(window.progress.refresh)
    window.progress.refreshed.connect(lambda: shown.append(window.progress.figures))
    evaluate(qtbot, window, "examined_model_0")
    evaluating = [text for text in shown if text.startswith("Evaluating")]
    assert evaluating
    assert all("test batch " in text and "epoch" not in text for text in evaluating)
    qtbot.waitUntil(lambda: window.progress.figures == finished, timeout=30_000)


def test_a_discarded_run_leaves_the_strip_and_comes_back_with_it(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(SHORT)
    train(qtbot, window)
    finished = window.progress.figures
    window.actions_["stop_and_discard"].trigger()
    with qtbot.waitSignal(window.session.discarded, timeout=30_000):
        answer(qtbot, window, "ask_discard", "discard")
    assert window.progress.figures == "Ready"
    window.actions_["undo_discard"].trigger()
    assert window.progress.figures == finished


def test_a_run_that_is_refused_leaves_the_curves_of_the_one_before(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(SHORT)
    train(qtbot, window)
    window.form.set_value("model", "mlp")
    window.form.set_value("model.hidden_sizes", (65_536,) * 8)
    with qtbot.waitSignal(window.session.failed, timeout=60_000):
        click(qtbot, window, "start")
    assert "memory" in window.banner.text
    assert window.progress.figures == "Failed"
    assert len(window.curves.series) == 20
    assert window.epochs.epochs.rowCount() == 2
    window.form.set_value("model.hidden_sizes", (8,))
    train(qtbot, window)
    assert len(window.curves.series) == 20
    assert window.epochs.epochs.rowCount() == 2


def test_the_log_says_paused_resumed_stopped_and_finished(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(ENDLESS)
    click(qtbot, window, "start")
    until_training(qtbot, window)
    pause(qtbot, window)
    for _ in range(3):
        click(qtbot, window, "step")
        qtbot.waitUntil(lambda: window.session.state is RunState.PAUSED, timeout=30_000)
    click(qtbot, window, "pause")
    with qtbot.waitSignal(window.session.ended, timeout=30_000) as stopped:
        click(qtbot, window, "stop_and_keep")
    epoch = stopped.args[0].epoch
    window.form.set_value("training.epochs", epoch + 1)
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["continue_run"].trigger()
        answer_continue(qtbot, window, "continue_changed")
    beginnings = [line.split(" ")[0].strip(".:") for line in window.log.toPlainText().splitlines()]
    told = [word for word in beginnings if word in ("Paused", "Resumed", "Stopped", "Finished")]
    assert told == ["Paused", "Resumed", "Stopped", "Resumed", "Finished"]
