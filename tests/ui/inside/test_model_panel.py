"""The layers are never cut: the tree scrolls where it is too narrow for them."""

from PySide6.QtWidgets import QLabel, QTreeWidget
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


def test_of_a_giant_model_the_size_is_said_in_gigabytes_without_making_it(qtbot: QtBot) -> None:
    panel = ModelPanel()
    qtbot.addWidget(panel)
    model = {"name": "mlp", "hidden_sizes": [65_536, 65_536]}
    panel.show_experiment(parse_experiment({"data": {"dataset": "fashion_mnist"}, "model": model}))
    total = child(panel, QLabel, "model_head")
    qtbot.waitUntil(lambda: "17.4 GB in memory" in total.text(), timeout=60_000)
    panel.close_thread()
