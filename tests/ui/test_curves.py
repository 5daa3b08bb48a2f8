"""The plots as a user meets them: what is drawn, the wheel, dragging, the crosshair, the legend, the files."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QMenu,
    QMessageBox,
    QPushButton,
    QSlider,
    QToolButton,
)
from pytestqt.qtbot import QtBot

from desktop_trainer.engine.events import EpochEnded, Records
from desktop_trainer.ui import curve_plot
from desktop_trainer.ui.curve_export import TableExport
from desktop_trainer.ui.curve_plot import CurvePlot
from desktop_trainer.ui.curves import FRAME_MS, CurvesPanel
from desktop_trainer.ui.theme import DARK, LIGHT, apply_theme
from tests.ui.conftest import child

PER_EPOCH = 50


def block(epoch: int, first: int, loss: list[float]) -> Records:
    count = len(loss)
    return Records(
        epoch,
        first,
        np.array(loss, np.float32),
        np.full(count, 7, np.int32),
        np.full(count, 10, np.int32),
        np.full(count, 0.1, np.float32),
        (epoch - 1) * 5.0 + np.arange(first, first + count, dtype=np.float64) * 0.1,
    )


def ended(epoch: int) -> EpochEnded:
    return EpochEnded(epoch, 1.25 / epoch, 0.71, 1.5 / epoch, 0.62, 5.0, 1000.0)


def train(panel: CurvesPanel, epochs: int = 2) -> None:
    for epoch in range(1, epochs + 1):
        losses = [2.0 / epoch - 0.01 * batch for batch in range(PER_EPOCH)]
        for first in range(0, PER_EPOCH, 10):
            panel.add_records(block(epoch, first + 1, losses[first : first + 10]), PER_EPOCH)
        panel.add_epoch(ended(epoch))


def settle(panel: CurvesPanel, qtbot: QtBot) -> None:
    """Wait until everything is drawn."""
    qtbot.waitUntil(lambda: not panel._timer.isActive())


@pytest.fixture
def panel(qtbot: QtBot, qapp: QApplication) -> Iterator[CurvesPanel]:
    apply_theme(qapp, "light")
    panel = CurvesPanel()
    qtbot.addWidget(panel)
    panel.resize(800, 600)
    with qtbot.waitExposed(panel):
        panel.show()
    panel.begin(4, PER_EPOCH)
    train(panel)
    settle(panel, qtbot)
    yield panel
    apply_theme(qapp, "light")


@pytest.fixture
def plot(panel: CurvesPanel) -> CurvePlot:
    found: CurvePlot = child(panel, CurvePlot, "loss_plot")
    return found


def place(plot: CurvePlot, x: float, y: float) -> QPoint:
    """Where a point of the curves is in the canvas."""
    point: QPoint = plot.canvas.mapFromScene(plot.area.mapViewToScene(QPointF(x, y)))
    return point


def x_range(plot: CurvePlot) -> tuple[float, float]:
    left, right = plot.area.viewRange()[0]
    return float(left), float(right)


def wheel(plot: CurvePlot, steps: int) -> None:
    at = QPointF(plot.canvas.viewport().rect().center())
    no_button, no_key = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(
        at,
        plot.canvas.viewport().mapToGlobal(at),
        QPoint(),
        QPoint(0, 120 * steps),
        no_button,
        no_key,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(plot.canvas.viewport(), event)


def colours_in(plot: CurvePlot) -> set[str]:
    image = plot.canvas.grab().toImage()
    return {
        image.pixelColor(x, y).name() for x in range(70, image.width() - 20) for y in range(10, image.height() - 50)
    }


def test_all_four_curves_are_on_the_screen_in_their_colours(plot: CurvePlot) -> None:
    seen, colours = colours_in(plot), LIGHT.curves
    assert {colours.batch, colours.smoothed, colours.train, colours.test} <= seen


@pytest.mark.parametrize("name", ["batch", "smoothed", "train", "test"])
def test_an_entry_of_the_legend_takes_its_curve_away_and_brings_it_back(
    plot: CurvePlot, qtbot: QtBot, name: str
) -> None:
    colour = getattr(LIGHT.curves, name)
    entry = child(plot, QToolButton, f"loss_{name}")
    qtbot.mouseClick(entry, Qt.MouseButton.LeftButton)
    assert colour not in colours_in(plot)
    qtbot.mouseClick(entry, Qt.MouseButton.LeftButton)
    assert colour in colours_in(plot)


def test_both_plots_show_every_batch_until_the_user_zooms(panel: CurvesPanel, qtbot: QtBot) -> None:
    for plot in panel.plots:
        left, right = x_range(plot)
        assert left <= 1
        assert 2 * PER_EPOCH <= right < 3 * PER_EPOCH
    panel.add_records(block(3, 1, [0.5] * 30), PER_EPOCH)
    settle(panel, qtbot)
    assert x_range(panel.loss_plot)[1] >= 130


def test_the_axis_ends_where_the_run_will_end(panel: CurvesPanel, qtbot: QtBot) -> None:
    panel.clear()
    panel.begin(5, PER_EPOCH)
    train(panel, 5)
    settle(panel, qtbot)
    assert x_range(panel.loss_plot)[1] == pytest.approx(5 * PER_EPOCH, rel=0.02)


def test_a_run_that_goes_on_continues_its_curve(panel: CurvesPanel, qtbot: QtBot) -> None:
    panel.begin(8, PER_EPOCH)
    panel.add_records(block(3, 1, [0.5] * 30), PER_EPOCH)
    settle(panel, qtbot)
    assert len(panel.series) == 130
    assert x_range(panel.loss_plot)[0] == 0


def test_the_wheel_zooms_both_plots_and_new_batches_leave_that_alone(
    panel: CurvesPanel, plot: CurvePlot, qtbot: QtBot
) -> None:
    before = x_range(plot)
    wheel(plot, 3)
    settle(panel, qtbot)
    zoomed = x_range(plot)
    assert zoomed[1] - zoomed[0] < before[1] - before[0]
    assert x_range(panel.accuracy_plot) == pytest.approx(zoomed, abs=0.5)
    panel.add_records(block(3, 1, [9.0] * 30), PER_EPOCH)
    settle(panel, qtbot)
    assert x_range(plot) == zoomed


def test_dragging_pans_and_a_double_click_fits_and_follows_again(
    panel: CurvesPanel, plot: CurvePlot, qtbot: QtBot
) -> None:
    before, viewport = x_range(plot), plot.canvas.viewport()
    start = place(plot, 50, 1.0)
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    for way in (20, 60, 100):
        qtbot.mouseMove(viewport, start + QPoint(way, 0))
        qtbot.wait(15)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=start + QPoint(100, 0))
    settle(panel, qtbot)
    panned = x_range(plot)
    assert panned[0] < before[0]
    assert panned[1] - panned[0] == pytest.approx(before[1] - before[0])
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=start)  # Qt's own double click stays pressed.
    qtbot.waitUntil(lambda: x_range(plot) == before)
    panel.add_records(block(3, 1, [0.5] * 49), PER_EPOCH)
    settle(panel, qtbot)
    assert x_range(plot)[1] > before[1]


@pytest.mark.parametrize(("key", "narrower"), [(Qt.Key.Key_Plus, True), (Qt.Key.Key_Minus, False)])
def test_keys_zoom_pan_and_fit(panel: CurvesPanel, plot: CurvePlot, qtbot: QtBot, key: Qt.Key, narrower: bool) -> None:
    before = x_range(plot)
    qtbot.keyClick(plot.canvas, key)
    after = x_range(plot)
    assert (after[1] - after[0] < before[1] - before[0]) is narrower
    qtbot.keyClick(plot.canvas, Qt.Key.Key_Right)
    assert x_range(plot)[0] > after[0]
    qtbot.keyClick(plot.canvas, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: x_range(plot) == before)


def test_the_crosshair_reads_the_batch_under_the_cursor_in_both_plots(
    panel: CurvesPanel, plot: CurvePlot, qtbot: QtBot
) -> None:
    qtbot.mouseMove(plot.canvas.viewport(), place(plot, 61.2, 0.8))
    label = plot.crosshair.label
    qtbot.waitUntil(label.isVisible)
    assert "Epoch 2, batch 11" in label.text()
    raw, smoothed = panel.series.values("loss")[60], panel.series.smoothed("loss", np.array([60]))[0]
    for value in (raw, smoothed, 1.25 / 2, 1.5 / 2):
        assert f"{value:.4g}" in label.text()
    assert "0.62" in panel.accuracy_plot.crosshair.label.text()
    QApplication.sendEvent(plot.canvas, QEvent(QEvent.Type.Leave))
    assert not label.isVisible()


def test_a_loss_that_is_no_number_leaves_the_rest_drawn(panel: CurvesPanel, plot: CurvePlot, qtbot: QtBot) -> None:
    panel.add_records(block(3, 1, [0.5] * 10 + [np.nan, np.inf, -np.inf] + [0.5] * 10), PER_EPOCH)
    settle(panel, qtbot)
    assert LIGHT.curves.batch in colours_in(plot)
    assert plot.area.viewRange()[1][1] < 10
    panel.clear()
    panel.add_records(block(1, 1, [np.nan]), PER_EPOCH)
    settle(panel, qtbot)
    assert plot.canvas.grab().toImage().width() > 0


@pytest.mark.parametrize("losses", [[0.0, 0.5, 1e-7, 30.0], [0.30, 0.31, 0.32, 0.33], [-1.0, -2.0]])
def test_the_loss_can_be_drawn_logarithmically(
    panel: CurvesPanel, plot: CurvePlot, qtbot: QtBot, losses: list[float]
) -> None:
    panel.clear()
    panel.add_records(block(1, 1, losses), PER_EPOCH)
    qtbot.mouseClick(child(panel, QToolButton, "log_scale"), Qt.MouseButton.LeftButton)
    settle(panel, qtbot)
    bottom, top = plot.area.viewRange()[1]
    positive = [loss for loss in losses if loss > 0]
    for loss in positive:
        assert bottom <= np.log10(loss) <= top
    assert panel.accuracy_plot.area.viewRange()[1][0] == 0
    ticks = [value for _, level in plot.left.tickValues(bottom, top, 200) for value in level]
    assert len(ticks) >= 2
    assert len(set(plot.left.tickStrings(ticks, 1.0, 1.0))) == len(ticks)


def test_the_x_axis_can_be_epochs_or_time(panel: CurvesPanel, plot: CurvePlot, qtbot: QtBot) -> None:
    combo = child(panel, QComboBox, "x_axis")
    for index, end, label in ((1, 2.0, "Epoch"), (2, 10.0, "Training time (s)"), (0, 100.0, "Batch")):
        combo.setCurrentIndex(index)
        settle(panel, qtbot)
        assert end <= x_range(plot)[1] <= 1.7 * end
        assert plot.bottom.labelText == label


def test_slider_and_number_of_the_smoothing_go_together_and_change_the_curve(panel: CurvesPanel, qtbot: QtBot) -> None:
    slider, spin = child(panel, QSlider, "smoothing_slider"), child(panel, QDoubleSpinBox, "smoothing")
    last = np.array([99])
    slider.setValue(0)
    settle(panel, qtbot)
    assert spin.value() == 0
    assert panel.series.smoothed("loss", last)[0] == pytest.approx(panel.series.values("loss")[99])
    spin.setValue(0.99)
    settle(panel, qtbot)
    assert slider.value() == 990
    assert panel.series.smoothed("loss", last)[0] > panel.series.values("loss")[99] + 0.1


def test_slots_only_store_and_the_timer_rests_when_all_is_drawn(
    panel: CurvesPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    draw = CurvePlot.draw

    def counted(plot: CurvePlot, x_range: tuple[float, float] | None) -> None:
        drawn.append(len(plot.series))
        draw(plot, x_range)

    monkeypatch.setattr(CurvePlot, "draw", counted)
    for batch in range(40):
        panel.add_records(block(3, batch + 1, [0.5]), PER_EPOCH)
    assert not drawn
    settle(panel, qtbot)
    assert drawn == [140, 140]
    qtbot.wait(3 * FRAME_MS)
    assert drawn == [140, 140]


def test_what_is_not_in_sight_is_not_drawn_until_it_is(panel: CurvesPanel, qtbot: QtBot) -> None:
    panel.hide()
    panel.add_records(block(3, 1, [0.5] * 49), PER_EPOCH)
    assert not panel._timer.isActive()
    panel.show()
    qtbot.waitUntil(lambda: x_range(panel.loss_plot)[1] >= 149)


def test_colours_follow_the_theme(panel: CurvesPanel, plot: CurvePlot, qapp: QApplication, qtbot: QtBot) -> None:
    apply_theme(qapp, "dark")
    qtbot.waitUntil(lambda: {DARK.curves.background, DARK.curves.train, DARK.curves.test} <= colours_in(plot))


def test_texts_follow_the_language(panel: CurvesPanel, plot: CurvePlot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curve_plot, "tr", lambda text, **_: f"<{text}>")
    QApplication.sendEvent(panel, QEvent(QEvent.Type.LanguageChange))
    assert plot.bottom.labelText == "<Batch>"
    assert child(plot, QToolButton, "loss_test").text() == "<Epoch, test>"
    assert plot.accessibleName() == "<Loss>"


def test_the_last_numbers_can_be_read_without_seeing_the_curves(
    panel: CurvesPanel, plot: CurvePlot, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: "batch 100" in plot.canvas.accessibleDescription())
    text = plot.canvas.accessibleDescription()
    assert f"{panel.series.values('loss')[-1]:.4g}" in text
    assert "test 0.75" in text


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
        "batch": "61", "epoch": "2", "batch_in_epoch": "11", "loss": "", "accuracy": "0.7", "correct": "7", "count": "10", "lr": "0.1",
        "seconds": "", "train_loss": "", "train_accuracy": "", "test_loss": "", "test_accuracy": "",
    }  # fmt: skip
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


def test_many_blocks_and_epochs_leave_few_points_to_draw(panel: CurvesPanel, plot: CurvePlot, qtbot: QtBot) -> None:
    """Ten thousand batches cost no more lines than the plot has pixels."""
    panel.clear()
    for epoch in range(1, 201):
        panel.add_records(block(epoch, 1, [1.0 / epoch] * PER_EPOCH), PER_EPOCH)
        panel.add_epoch(ended(epoch))
    settle(panel, qtbot)
    width = plot.area.width()
    assert all(len(plot.curves[name]._lines) <= 2 * width + 2 for name in plot.curves)
    assert not plot.curves["train"]._markers


def test_curves_need_no_torch() -> None:
    code = "import sys, json, desktop_trainer.ui.curves; print(json.dumps('torch' in sys.modules))"
    assert json.loads(subprocess.check_output([sys.executable, "-c", code])) is False
