"""The layers are never cut: the tree scrolls where it is too narrow for them."""

from PySide6.QtWidgets import QTreeWidget
from pytestqt.qtbot import QtBot

from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.ui.inside.model_panel import ModelPanel
from tests.ui.conftest import child


def test_every_layer_is_readable_in_a_narrow_panel(qtbot: QtBot) -> None:
    panel = ModelPanel()
    qtbot.addWidget(panel)
    panel.resize(208, 400)
    panel.show()
    panel.show_experiment(parse_experiment({"data": {"dataset": "digits"}, "model": "mlp"}))
    tree = child(panel, QTreeWidget, "model_layers")
    qtbot.waitUntil(lambda: tree.topLevelItemCount() > 0, timeout=60_000)
    assert tree.columnWidth(0) >= tree.sizeHintForColumn(0)
    panel.resize(500, 400)
    qtbot.waitUntil(lambda: tree.header().length() == tree.viewport().width())
    panel.close_thread()
