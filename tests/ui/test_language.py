"""Qt's own dialogs and menus speak the language of the window."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QLibraryInfo, QLocale, Qt, QTranslator
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QFileDialog, QLabel, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from desktop_trainer import cli, folders
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.ui import app
from desktop_trainer.ui.language import apply_language
from desktop_trainer.ui.preferences import Preferences

FOLDER = folders.resources() / "i18n" / "zh_CN"


@pytest.fixture(params=["with Qt's catalogue", "without it"])
def chinese(request: pytest.FixtureRequest, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution may leave Qt's translations out."""
    if request.param == "without it":
        monkeypatch.setattr(QLibraryInfo, "path", lambda _: "/nowhere")
    apply_language(qapp, "zh_CN")
    yield
    apply_language(qapp, "en")


def texts(dialog: QFileDialog) -> list[str]:
    labels = [label.text() for label in dialog.findChildren(QLabel)]
    buttons = [button.text() for button in dialog.findChildren(QPushButton)]
    return [
        text for text in [*labels, *buttons, *(tool.toolTip() for tool in dialog.findChildren(QToolButton))] if text
    ]


def test_buttons(chinese: None, qtbot: QtBot) -> None:
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel | QDialogButtonBox.StandardButton.Discard)
    qtbot.addWidget(box)
    assert {button.text() for button in box.buttons()} == {"取消", "放弃"}


def test_the_dialog_of_files(chinese: None, qtbot: QtBot) -> None:
    dialog = QFileDialog()
    qtbot.addWidget(dialog)
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    shown = texts(dialog)
    assert len(shown) >= 10
    assert [text for text in shown if text.isascii()] == []


def test_back_in_english(qapp: QApplication, qtbot: QtBot) -> None:
    apply_language(qapp, "zh_CN")
    apply_language(qapp, "en")
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    qtbot.addWidget(box)
    assert box.buttons()[0].text() == "Cancel"


def test_the_words_are_compiled() -> None:
    """Else run: pyside6-lrelease resources/i18n/zh_CN/qt.ts."""
    compiled = QTranslator()
    assert compiled.load(str(FOLDER / "qt.qm"))
    count = 0
    for context in ET.parse(FOLDER / "qt.ts").getroot().iter("context"):
        for message in context.iter("message"):
            source, wanted = message.findtext("source", ""), message.findtext("translation", "")
            assert compiled.translate(context.findtext("name", ""), source, message.findtext("comment")) == wanted
            count += 1
    assert count > 50


@pytest.mark.parametrize(
    ("system", "language", "native"),
    [
        (QLocale("zh_CN"), "zh_CN", True),
        (QLocale("zh_CN"), "en", False),
        (QLocale("de"), "en", False),
        (QLocale("en_GB"), "en", True),
        (QLocale.c(), "en", True),
        (QLocale.c(), "zh_CN", False),
    ],
)
def test_the_systems_dialogs_are_used_where_they_speak_the_windows_language(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, system: QLocale, language: str, native: bool
) -> None:
    monkeypatch.setattr(QLocale, "system", lambda: system)
    apply_language(qapp, language)
    assert QApplication.testAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs) is not native
    apply_language(qapp, "en")


def test_the_window_opens_in_the_language_that_the_command_line_asks_for(
    qapp: QApplication, home: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    """For this once: the language that was chosen in the window stays its own."""
    Preferences().language = "en"
    windows = []

    def opened(experiment: Experiment | None, language: str = "") -> int:
        windows.append(app.create_window(experiment, language))
        return 0

    monkeypatch.setattr(app, "main", opened)
    try:
        assert cli.main(["--language", "zh_CN"]) == 0
        assert windows[0].actions_["start"].text().startswith("开始")
        assert Preferences().language == "en"
    finally:
        apply_language(qapp, "en")
        for window in windows:
            window.close()
            window.deleteLater()
