"""Qt's own dialogs speak the window's language, also where the system speaks another and Qt's words are lacking."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from desktop_trainer import i18n
from desktop_trainer.ui.language import apply_language


@pytest.fixture(autouse=True)
def language_as_before(qapp: QApplication) -> Iterator[None]:
    before = i18n.language()
    yield
    apply_language(qapp, before)


def test_a_file_dialog_in_a_chinese_window_has_no_english_words(qtbot: QtBot, qapp: QApplication) -> None:
    apply_language(qapp, "zh_CN")
    dialog = QFileDialog()
    qtbot.addWidget(dialog)
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    assert len(texts) == 3
    assert all(any(letter > "\u4e00" for letter in text) for text in texts), texts
    apply_language(qapp, "en")
    english = QFileDialog()
    qtbot.addWidget(english)
    assert "Look in" in " ".join(label.text() for label in english.findChildren(QLabel)).replace("&", "")


@pytest.mark.parametrize(("system", "language", "native"), [
    (QLocale("zh_CN"), "zh_CN", True), (QLocale("zh_CN"), "en", False), (QLocale("de"), "en", False),
    (QLocale("en_GB"), "en", True), (QLocale.c(), "en", True), (QLocale.c(), "zh_CN", False),
])  # fmt: skip
def test_the_systems_dialogs_are_used_where_they_speak_the_windows_language(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, system: QLocale, language: str, native: bool
) -> None:
    monkeypatch.setattr(QLocale, "system", lambda: system)
    apply_language(qapp, language)
    assert QApplication.testAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs) is not native
