"""Errors that nobody caught, windows that close at any moment, floods and leaks: the window lives through them."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QLocale, QObject, QTimer, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from desktop_trainer import folders
from desktop_trainer.process import stop_signals
from desktop_trainer.runs.checkpoint import newest_checkpoint
from desktop_trainer.runs.history import read_journal
from desktop_trainer.runs.lock import RunLock, is_running
from desktop_trainer.runs.run_folder import read_settings
from desktop_trainer.ui.faults import FaultReporter

Opener = Callable[..., Any]
DATA = {"dataset": {"name": "synthetic", "train_samples": 100, "test_samples": 50, "size": 4}, "batch_size": 10}
ENDLESS = {"data": DATA, "model": "softmax", "training": {"epochs": 100_000}}
SHORT = {**ENDLESS, "training": {"epochs": 1}}


@pytest.fixture
def reporter(qtbot: QtBot) -> Iterator[FaultReporter]:
    reporter = FaultReporter()
    yield reporter
    reporter.close()
    reporter.deleteLater()


class Painter(QWidget):
    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        raise RuntimeError("while painting")


class Sender(QObject):
    fired = Signal()


def raise_error() -> None:
    raise RuntimeError("on purpose")


@pytest.mark.parametrize("place", ["slot", "timer", "paint", "thread"])
def test_an_error_that_nobody_caught_is_shown_and_start_works_again(
    qtbot: QtBot, open_window: Opener, reporter: FaultReporter, place: str
) -> None:
    window = open_window(SHORT)
    reporter.caught.connect(window.show_fault)
    sender, painter = Sender(), Painter()
    qtbot.addWidget(painter)
    with qtbot.waitSignal(reporter.caught, timeout=30_000):
        if place == "slot":
            sender.fired.connect(raise_error)
            sender.fired.emit()
        elif place == "timer":
            QTimer.singleShot(0, raise_error)
        elif place == "paint":
            painter.show()
        else:
            thread = threading.Thread(target=raise_error)
            thread.start()
            thread.join()
    qtbot.waitUntil(lambda: window.banner.isVisible(), timeout=5_000)
    assert "RuntimeError" in window.banner.text
    assert "Traceback" in window.banner.details
    assert "RuntimeError" in reporter.path.read_text(encoding="utf-8")
    painter.hide()
    with qtbot.waitSignal(window.session.ended, timeout=60_000) as caught:
        window.actions_["start"].trigger()
    assert caught.args[0].outcome == "completed"


def test_an_error_in_the_training_thread_fails_the_run_and_start_works_again(
    qtbot: QtBot, open_window: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop_trainer.engine.metrics import Recorder

    window = open_window(SHORT)
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "add", lambda *_: raise_error())
        with qtbot.waitSignal(window.session.failed, timeout=60_000):
            window.actions_["start"].trigger()
    assert "on purpose" in window.banner.text
    assert "metrics" not in window.banner.text
    assert "Traceback" in window.banner.details
    with qtbot.waitSignal(window.session.ended, timeout=60_000) as caught:
        window.actions_["start"].trigger()
    assert caught.args[0].outcome == "completed"


def test_the_window_closes_at_fifty_random_moments(qtbot: QtBot, open_window: Opener) -> None:
    chance = random.Random(7)
    for _ in range(50):
        window = open_window(ENDLESS)
        window.actions_[chance.choice(["start", "step"])].trigger()
        qtbot.wait(chance.randrange(120))
        if chance.random() < 0.3:
            window.actions_["stop_and_discard"].trigger()
        if chance.random() < 0.3:
            window.actions_["pause"].trigger()
        window.close()
        box = window.findChild(QMessageBox, "ask_close")
        if box is not None:
            choice = chance.choice(["close_and_keep", "close_and_discard"])
            box.findChild(QPushButton, choice).click()
        qtbot.waitUntil(lambda window=window: not window.isVisible(), timeout=30_000)  # type: ignore[misc]
        assert not window.session.active
        window.deleteLater()


@pytest.mark.parametrize("number", stop_signals())
def test_a_signal_stops_and_keeps_and_the_process_ends_well(home: Path, tmp_path: Path, number: signal.Signals) -> None:
    script = (
        "import json, sys; from PySide6.QtCore import QTimer; from desktop_trainer.ui import app, window;"
        "from desktop_trainer.experiment.problems import parse_experiment;"
        "make = app.create_window;"
        "def create(*given):\n"
        "    w = make(*given); QTimer.singleShot(0, w.actions_['start'].trigger)\n"
        "    w.session.happened.connect(lambda e: print(type(e).__name__, flush=True)); return w\n"
        "app.create_window = create\n"
        f"sys.exit(app.main(parse_experiment(json.loads({json_of(ENDLESS)!r}))))"
    ).replace(";def create", "\ndef create")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            if line.startswith("BatchEnded"):
                break
        process.send_signal(number)
        assert process.wait(timeout=60) == 0
    (folder,) = (path for path in (home / "runs").iterdir() if not path.name.startswith("."))
    ended, state = read_journal(folder).ended, newest_checkpoint(folder).state
    assert ended is not None
    assert (ended.outcome, ended.epoch, ended.batch) == ("stopped", state["epoch"], state["batch"])
    assert (folder / "model.safetensors").exists()


def test_the_window_closes_at_any_moment_of_going_on_and_the_run_is_not_lost(qtbot: QtBot, open_window: Opener) -> None:
    """While its checkpoint is read, its curves are filled again, its first batches are trained."""
    chance, done = random.Random(11), (0, 0)
    first = open_window(ENDLESS)
    first.actions_["start"].trigger()
    qtbot.waitUntil(lambda: len(first.curves.series) > 20, timeout=30_000)
    first.actions_["stop_and_keep"].trigger()
    qtbot.waitUntil(lambda: not first.session.active, timeout=30_000)
    first.close()
    (folder,) = (path for path in folders.runs().iterdir() if not path.name.startswith("."))
    for _ in range(10):
        window = open_window(ENDLESS)
        window.ends.resume(folder)
        qtbot.wait(chance.choice([0, 0, 1, 3, 10, 30, 100]))
        window.close()
        box = window.findChild(QMessageBox, "ask_close")
        if box is not None:
            box.findChild(QPushButton, "close_and_keep").click()
        qtbot.waitUntil(lambda window=window: not window.isVisible(), timeout=30_000)  # type: ignore[misc]
        assert not window.session.active
        window.deleteLater()
        state = newest_checkpoint(folder).state
        assert (state["epoch"], state["batch"]) >= done
        done = state["epoch"], state["batch"]
        assert not is_running(folder)


def test_a_run_that_another_window_trains_is_left_to_it(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(SHORT)
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["start"].trigger()
    (folder,) = (path for path in folders.runs().iterdir() if not path.name.startswith("."))
    before = (folder / "events.jsonl").read_bytes()
    with RunLock(folder):
        window.ends.resume(folder)
        qtbot.waitUntil(lambda: "going on in another window" in window.banner.text, timeout=30_000)
    assert not window.session.active
    assert (folder / "events.jsonl").read_bytes() == before


def test_where_numbers_have_a_comma_files_have_a_point(qtbot: QtBot, open_window: Opener) -> None:
    before = QLocale()
    QLocale.setDefault(QLocale(QLocale.Language.German))
    try:
        window = open_window({**SHORT, "optimizer": {"name": "sgd", "lr": 0.125}})
        window.form.set_value("optimizer.lr", 0.0625)
        with qtbot.waitSignal(window.session.ended, timeout=60_000) as caught:
            window.actions_["start"].trigger()
    finally:
        QLocale.setDefault(before)
    assert caught.args[0].outcome == "completed"
    (folder,) = (path for path in folders.runs().iterdir() if not path.name.startswith("."))
    assert read_settings(folder)["optimizer"]["lr"] == 0.0625
    said = read_journal(folder)
    assert said.skipped == 0
    assert {float(rate) for block in said.records for rate in block.lr} == {0.0625}


def test_the_program_itself_writes_down_and_shows_what_nobody_caught(home: Path) -> None:
    script = (
        "import gc, sys; from PySide6.QtCore import QTimer; from desktop_trainer.ui import app\n"
        "make = app.create_window\n"
        "def create(*given):\n"
        "    w = make(*given); QTimer.singleShot(0, lambda: 1 / 0)\n"
        "    QTimer.singleShot(500, lambda: (print(gc.isenabled(), w.banner.text, flush=True), w.close())); return w\n"
        "app.create_window = create\n"
        "sys.exit(app.main())"
    )
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0
    assert done.stdout.startswith("False Something went wrong: ZeroDivisionError")
    assert "ZeroDivisionError" in (home / "desktop-trainer.log").read_text(encoding="utf-8")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only X has displays that do not answer")
@pytest.mark.parametrize("display", ["", ":5555"])
def test_without_a_display_one_sentence_names_the_headless_command(display: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-m", "desktop_trainer"]
    environment["DISPLAY"] = display
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "desktop-trainer train" in done.stderr


def json_of(values: dict[str, Any]) -> str:
    import json

    return json.dumps(values)


def test_a_flood_of_batches_becomes_few_signals_and_no_record_is_lost(qtbot: QtBot, open_window: Opener) -> None:
    data = {"dataset": {"name": "synthetic", "train_samples": 1500, "test_samples": 10, "size": 2}, "batch_size": 1}
    window = open_window({"data": data, "model": "softmax", "training": {"epochs": 2}})
    blocks: list[Any] = []
    window.session.happened.connect(lambda event: blocks.append(getattr(event, "records", None)))
    began = time.monotonic()
    with qtbot.waitSignal(window.session.ended, timeout=120_000):
        window.actions_["start"].trigger()
    frames = 31 * (time.monotonic() - began) + 4
    blocks = [records for records in blocks if records is not None]
    assert sum(map(len, blocks)) == 3000
    assert len(blocks) <= frames
    assert len(window.curves.series) == 3000


def test_emits_and_windows_leave_the_counts_of_true_and_none_alone(qtbot: QtBot, open_window: Opener) -> None:
    """PySide6 6.12.0 drops a reference to True at every emit, until the process aborts."""
    sender, window = Sender(), open_window(SHORT)
    qtbot.waitUntil(window.warm, timeout=60_000)
    true, none = sys.getrefcount(True), sys.getrefcount(None)
    for _ in range(500):
        window.session.began.emit(True)
        window.session.ended.emit(None)
        sender.fired.emit()
    for _ in range(3):
        open_window(SHORT).close()
    # From Python 3.12 on both are immortal and their counts constant. What is loaded meanwhile holds some more of them.
    assert sys.getrefcount(True) > true - 250
    assert sys.getrefcount(None) > none - 250
