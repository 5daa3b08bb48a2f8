"""The curves in files: a table of every number, an image, a drawing."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import (
    QFileDialog,
    QMenu,
    QMessageBox,
    QPushButton,
)
from pytestqt.qtbot import QtBot

from desktop_trainer.ui.curves.export import TableExport
from desktop_trainer.ui.curves.panel import CurvesPanel
from desktop_trainer.ui.theme import LIGHT
from tests.ui.conftest import child


def test_the_table_holds_every_record_and_the_epochs(
    panel: CurvesPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "my curves"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    action = next(action for action in child(panel, QMenu, "curve_menu").actions() if action.objectName() == "save_csv")
    action.trigger()
    written = target.with_suffix(".csv")
    qtbot.waitUntil(lambda: written.exists() and panel.findChild(TableExport, "table_export") is None)
    rows = list(csv.DictReader(written.read_text(encoding="utf-8").splitlines()))
    assert [int(row["batch"]) for row in rows] == list(range(1, 101))
    np.testing.assert_array_equal(np.array([row["loss"] for row in rows], np.float32), panel.series.loss.values)
    assert rows[60] | {"seconds": "", "loss": ""} == {
        "batch": "61",
        "epoch": "2",
        "batch_in_epoch": "11",
        "loss": "",
        "accuracy": "0.7",
        "correct": "7",
        "count": "10",
        "lr": "0.1",
        "seconds": "",
        "train_loss": "",
        "train_accuracy": "",
        "test_loss": "",
        "test_accuracy": "",
    }
    assert [row["batch"] for row in rows if row["test_loss"]] == ["50", "100"]
    assert float(rows[99]["test_loss"]) == 0.75


def test_cancelling_the_table_leaves_no_file(panel: CurvesPanel, qtbot: QtBot, tmp_path: Path) -> None:
    panel.menu.save(tmp_path / "curves.csv", "csv")
    button = child(panel, TableExport, "table_export").findChild(QPushButton)
    assert button is not None
    button.click()
    qtbot.waitUntil(lambda: panel.findChild(TableExport, "table_export") is None)
    assert list(tmp_path.glob("curves*")) == []


def test_image_and_drawing_hold_the_curves(panel: CurvesPanel, tmp_path: Path) -> None:
    for kind in ("png", "svg"):
        panel.menu.save(tmp_path / f"curves.{kind}", kind)
    image = QImage(str(tmp_path / "curves.png"))
    assert image.width() == 2 * panel.loss_plot.width()
    drawing = QSvgRenderer(str(tmp_path / "curves.svg"))
    assert drawing.isValid()
    text = (tmp_path / "curves.svg").read_text(encoding="utf-8").lower()
    assert LIGHT.curves.test in text
    assert QColor(LIGHT.curves.train).name() in text


@pytest.mark.parametrize("kind", ["png", "svg", "csv"])
def test_a_place_that_cannot_be_written_is_named(panel: CurvesPanel, qtbot: QtBot, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "missing" / f"curves.{kind}"
    panel.menu.save(target, kind)
    box = child(panel, QMessageBox, "not_saved")
    assert str(target) in box.text()
    box.close()
