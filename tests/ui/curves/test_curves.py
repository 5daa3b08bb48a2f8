"""The plots as a user meets them: what is drawn, the wheel, dragging, the crosshair, the legend, the files."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QSlider,
    QToolButton,
)
from pytestqt.qtbot import QtBot

from desktop_trainer.ui.curves import plot as curve_plot
from desktop_trainer.ui.curves.panel import FRAME_MS, CurvesPanel
from desktop_trainer.ui.curves.plot import CurvePlot
from desktop_trainer.ui.theme import DARK, LIGHT, apply_theme
from tests.ui.conftest import child
from tests.ui.curves.conftest import PER_EPOCH, block, colours_in, ended, place, settle, train, wheel, x_range


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
    code = "import sys, json, desktop_trainer.ui.curves.panel; print(json.dumps('torch' in sys.modules))"
    assert json.loads(subprocess.check_output([sys.executable, "-c", code])) is False
