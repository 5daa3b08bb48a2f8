"""The texts of an action, where there is no menu around them."""

import pytest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from desktop_trainer import i18n
from desktop_trainer.ui.actions import TOOLBAR, Actions


@pytest.mark.parametrize(
    ("language", "names"),
    [("en", ("Open model", "Quit", "Quit (Ctrl+Q)")), ("zh_CN", ("打开模型", "退出", "退出（Ctrl+Q）"))],
)
def test_toolbar_and_tooltip_show_no_mnemonic(language: str, names: tuple[str, str, str], qtbot: QtBot) -> None:
    """``打开模型(&O)…`` is for the menu: nobody presses Alt and a letter in a toolbar."""
    i18n.set_language(language)
    window = QMainWindow()
    qtbot.addWidget(window)
    actions = Actions(window)
    assert (actions["load_model"].iconText(), actions["quit"].iconText()) == names[:2]
    assert actions["quit"].toolTip() == names[2]
    for verb in filter(None, TOOLBAR):
        assert not {"&", "(", "…"} & set(actions[verb].iconText())
