"""The message above the curves: it leaves when what it speaks of has gone."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QMessageBox, QProxyStyle, QStyle
from pytestqt.qtbot import QtBot

from desktop_trainer.ui.banner import Banner
from desktop_trainer.ui.theme import apply_theme
from tests.ui.live.test_run_ends import DEEP, RUN

Opener = Callable[..., Any]
DATA = {"dataset": {"name": "synthetic", "train_samples": 40, "test_samples": 20, "size": 4}, "batch_size": 10}
SHORT = {"data": DATA, "model": "softmax", "training": {"epochs": 1}}


class Source(QObject):
    """Something that a message may be about."""

    changed = Signal(object)


def test_a_message_leaves_with_what_it_is_about_and_a_later_one_stays(qtbot: QtBot) -> None:
    banner, source = Banner(), Source()
    qtbot.addWidget(banner)
    banner.show_message("it is so", until=(source.changed,))
    source.changed.emit(1)
    assert not banner.isVisible()
    banner.show_message("it is so again", until=(source.changed,))
    banner.show_message("something else")
    source.changed.emit(2)
    assert banner.isVisible()


def test_what_was_found_of_a_model_leaves_when_the_next_run_begins(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(SHORT)
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["start"].trigger()
    with qtbot.waitSignal(window.files.evaluated, timeout=60_000):
        window.actions_["evaluate_model"].trigger()
    assert window.banner.isVisible()
    qtbot.waitUntil(window.actions_["start"].isEnabled, timeout=30_000)
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["start"].trigger()
    assert not window.banner.isVisible()


def test_what_is_said_of_a_run_names_model_and_data_and_leaves_when_it_is_deleted(
    qtbot: QtBot, open_window: Opener
) -> None:
    wild = {"optimizer": {"name": "sgd", "lr": 1e12}, "training": {"epochs": 9}}
    window = open_window({**RUN, **DEEP, **wild})
    window.tabs.setCurrentWidget(window.runs)
    with qtbot.waitSignal(window.session.ended, timeout=60_000) as caught:
        window.actions_["start"].trigger()
    assert caught.args[0].outcome == "diverged"
    assert window.banner.text.startswith("MLP (multilayer perceptron) on Synthetic patterns: ")
    rows = window.runs.table.runs.rows
    qtbot.waitUntil(lambda: any(row.summary.outcome == "diverged" for row in rows), timeout=30_000)
    window.desk.bin.delete([rows[0].summary])
    assert "diverged" not in window.banner.text


def test_data_that_are_missing_are_spoken_of_until_others_are_chosen(open_window: Opener, tmp_path: Any) -> None:
    window = open_window({"data": {"dataset": "fashion_mnist", "data_root": str(tmp_path)}})
    window.actions_["start"].trigger()
    assert window.banner.isVisible()
    window.form.set_value("data.dataset", "digits")
    assert not window.banner.isVisible()


class Desktop(QProxyStyle):
    """As on a desktop that wants icons in dialogs."""

    def styleHint(self, hint: QStyle.StyleHint, *others: Any) -> int:  # noqa: N802
        wants = hint is QStyle.StyleHint.SH_DialogButtonBox_ButtonsHaveIcons
        return 1 if wants else super().styleHint(hint, *others)


def test_buttons_of_dialogs_have_no_icons(qtbot: QtBot, qapp: QApplication) -> None:
    """Qt's own are black, whatever is behind them."""
    apply_theme(qapp, "dark")
    qapp.setStyle(Desktop("Fusion"))
    try:
        standard = QDialogButtonBox.StandardButton
        box, message = QDialogButtonBox(standard.Ok | standard.Cancel | standard.Close), QMessageBox()
        message.setStandardButtons(QMessageBox.StandardButton.Ok | QMessageBox.StandardButton.Cancel)
        for dialog in (box, message):
            qtbot.addWidget(dialog)
            dialog.ensurePolished()
            assert all(button.icon().isNull() for button in dialog.buttons())
    finally:
        qapp.setStyle("Fusion")
