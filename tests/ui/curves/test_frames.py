"""What a frame of the curves costs: what changes seldom is painted seldom, and drawn anew only for a file; and of what."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop_trainer.engine.events import EpochEnded, Records
from desktop_trainer.report.series import Series
from desktop_trainer.ui import sparing
from desktop_trainer.ui.curves.axes import Scale
from desktop_trainer.ui.curves.export import svg
from desktop_trainer.ui.curves.overlay import OverlaidRun
from desktop_trainer.ui.curves.panel import FRAME_MS, CurvesPanel
from desktop_trainer.ui.curves.plot import CurvePlot
from desktop_trainer.ui.theme import apply_theme

PER_EPOCH = 50


def block(first: int, loss: list[float]) -> Records:
    count = len(loss)
    full, correct, rate = np.full(count, 10, np.int32), np.full(count, 7, np.int32), np.full(count, 0.1, np.float32)
    seconds = np.arange(first, first + count, dtype=np.float64)
    return Records(1, first, np.array(loss, np.float32), correct, full, rate, seconds)


@pytest.fixture
def panel(qtbot: QtBot, qapp: QApplication) -> CurvesPanel:
    apply_theme(qapp, "light")
    panel = CurvesPanel()
    qtbot.addWidget(panel)
    panel.resize(800, 600)
    with qtbot.waitExposed(panel):
        panel.show()
    panel.begin(1, PER_EPOCH)
    panel.add_records(block(1, [2.0, 0.5] * 10), PER_EPOCH)
    qtbot.waitUntil(lambda: not panel._timer.isActive())
    repaint(panel)
    return panel


def repaint(panel: CurvesPanel) -> None:
    panel.draw()
    for plot in panel.plots:
        plot.canvas.viewport().repaint()


def test_new_batches_that_are_no_extremes_paint_no_axis(panel: CurvesPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def noted(name: str, method: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object) -> object:
            drawn.append(name)
            return method(*given)

        return call

    monkeypatch.setattr(Scale, "generateDrawSpecs", noted("axis", Scale.generateDrawSpecs))
    monkeypatch.setattr(CurvePlot, "_place_curves", noted("curves", CurvePlot._place_curves))
    for batch in range(21, 26):
        panel.add_records(block(batch, [0.8]), PER_EPOCH)
        repaint(panel)
    assert drawn == ["curves", "curves"] * 5
    panel.add_records(block(26, [4.0]), PER_EPOCH)
    repaint(panel)
    assert "axis" in drawn


def test_an_epoch_that_ends_is_drawn_at_once(panel: CurvesPanel) -> None:
    """Its means are kept as a picture, too: until there are others."""
    for epoch in (1, 2):
        panel.add_epoch(EpochEnded(epoch, 1.25 / epoch, 0.71, 1.5 / epoch, 0.62, 5.0, 1000.0))
        repaint(panel)
        for plot in panel.plots:
            assert [len(plot.curves[name]._markers) for name in ("train", "test")] == [epoch, epoch]


def test_a_drawing_has_no_curve_nor_axis_as_an_image(panel: CurvesPanel) -> None:
    """The legend's samples are all the images that it has."""
    run = OverlaidRun(Path("other"), "other", Series())
    run.series.extend(block(1, [1.5] * 50), PER_EPOCH)
    panel.show_overlay([run])
    repaint(panel)
    assert svg(panel.plots).count(b"<image") == len(panel.plots) * len(panel.loss_plot.legend)


def test_batches_in_many_blocks_are_summarised_as_those_in_one() -> None:
    """Extremes and averages are taken in when somebody looks, also after a part was trained again."""
    losses = np.random.default_rng(0).normal(1.0, 0.3, 5000).tolist()
    whole, pieces = Series(), Series()
    whole.extend(block(1, losses), 5000)
    pieces.extend(block(1, [9.0] * 300), 5000)
    assert pieces.extremes("loss") == (9.0, 9.0)
    for first in range(0, 5000, 37):
        pieces.extend(block(first + 1, losses[first : first + 37]), 5000)
        if first % 5 == 0:
            pieces.extremes("loss")
    assert pieces.extremes("loss") == whole.extremes("loss")
    positions = np.array([0, 63, 64, 2500, 4999])
    np.testing.assert_allclose(pieces.smoothed("loss", positions), whole.smoothed("loss", positions))


def test_a_frame_takes_its_share_of_the_time_but_comes_after_a_second_at_the_latest(
    panel: CurvesPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is dear is drawn less often: 4 ms are a share of 0.005 of 800 ms."""
    monkeypatch.setattr(sparing, "SHARE", 0.005)
    monkeypatch.setattr(sparing, "SLOWEST_MS", 1000)
    for seconds, pause in ((0.0, FRAME_MS), (0.004, 800), (0.1, 1000)):
        panel._rest(seconds, panel._painted)
        assert panel._pause_ms == pytest.approx(pause)


def test_where_the_area_lies_is_asked_once_however_often_it_is_painted(
    panel: CurvesPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Qt asks each curve for its bounds again and again; a change of size is seen."""
    asked: list[object] = []
    whole = pg.ViewBox.boundingRect

    def counted(area: pg.ViewBox) -> object:
        asked.append(area)
        return whole(area)

    monkeypatch.setattr(pg.ViewBox, "boundingRect", counted)
    repaint(panel)
    assert asked == []
    before = panel.loss_plot.area.boundingRect().width()
    panel.resize(900, 600)
    qtbot.waitUntil(lambda: panel.loss_plot.area.boundingRect().width() > before)


def test_both_plots_show_the_same_batches_however_the_window_is_resized(panel: CurvesPanel) -> None:
    shown = panel.loss_plot.area.viewRange()[0]
    for width, height in ((1400, 900), (1400, 600), (500, 900), (900, 700)):
        panel.resize(width, height)
        panel.grab()
        assert [plot.area.viewRange()[0] for plot in panel.plots] == [shown, shown]
