"""The curves of other runs beside those of the run at hand: what is drawn, what it costs, and in which colours."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot

from desktop_trainer.engine.events import RunStarted
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs.journal import Journal
from desktop_trainer.runs.journal_lines import started_line
from desktop_trainer.ui.curves import CurvesPanel
from desktop_trainer.ui.overlay import OverlaidRun
from desktop_trainer.ui.run_curves import read_series
from desktop_trainer.ui.series import Axis, Series
from desktop_trainer.ui.theme import Theme, apply_theme
from tests.ui.conftest import child
from tests.ui.test_curves import PER_EPOCH, block, ended, train
from tests.ui.test_theme import EYES, both, contrast, lab, linear


@pytest.fixture
def panel(qtbot: QtBot, qapp: QApplication) -> Iterator[CurvesPanel]:
    apply_theme(qapp, "light")
    panel = CurvesPanel()
    qtbot.addWidget(panel)
    panel.resize(800, 600)
    with qtbot.waitExposed(panel):
        panel.show()
    yield panel
    panel.hide()
    panel._timer.stop()


def other(name: str, epochs: int, height: float = 1.0) -> OverlaidRun:
    series = Series()
    for epoch in range(1, epochs + 1):
        series.extend(block(epoch, 1, [height * (2.0 / epoch - 0.01 * batch) for batch in range(PER_EPOCH)]), PER_EPOCH)
        series.add_epoch(ended(epoch))
    return OverlaidRun(Path(name), name, series)


@both
@pytest.mark.parametrize("eye", EYES)
def test_any_eye_tells_the_first_runs_apart(look: Theme, eye: str) -> None:
    colours = look.curves.overlay
    seen = [lab(np.array(EYES[eye]) @ linear(colour)) for colour in colours]
    assert min(float(np.linalg.norm(one - two)) for one, two in combinations(seen, 2)) >= 15
    assert min(contrast(colour, look.curves.background) for colour in colours) >= 3


@pytest.mark.parametrize(("axis", "end"), [("Batches", 4 * PER_EPOCH), ("Epochs", 4.0), ("Time", 20.0)])
def test_the_longest_run_fits_on_every_axis(panel: CurvesPanel, axis: str, end: float) -> None:
    train(panel, 2)
    panel.show_overlay([other("short", 1), other("long", 4)])
    chooser = child(panel, QComboBox, "x_axis")
    chooser.setCurrentText(axis)
    panel.draw()
    left, right = panel.loss_plot.area.viewRange()[0]
    assert left == 0.0
    assert end <= right <= 1.1 * end


def test_what_lies_higher_than_the_run_at_hand_is_in_sight(panel: CurvesPanel) -> None:
    train(panel, 1)
    panel.draw()
    before = panel.loss_plot.area.viewRange()[1][1]
    panel.show_overlay([other("high", 2, height=10.0)])
    panel.draw()
    assert panel.loss_plot.area.viewRange()[1][1] > 3 * before
    panel.overlay[0].shown = False
    panel.draw()
    assert panel.loss_plot.area.viewRange()[1][1] == before


def test_a_run_at_hand_that_grows_within_sight_does_not_compute_the_others_again(
    panel: CurvesPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.begin(4, PER_EPOCH)
    panel.show_overlay([other("a", 4), other("b", 4)])
    train(panel, 1)
    panel.draw()
    asked: list[Series] = []
    strokes = Series.strokes

    def counted(series: Series, *arguments: object) -> object:
        asked.append(series)
        return strokes(series, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Series, "strokes", counted)
    panel.add_records(block(2, 1, [0.9] * 10), PER_EPOCH)
    panel.draw()
    assert set(map(id, asked)) == {id(panel.series)}


def test_the_same_runs_read_again_leave_the_view_that_the_user_chose(panel: CurvesPanel) -> None:
    panel.show_overlay([other("a", 2)])
    panel.draw()
    panel.loss_plot.canvas.key_used.emit("in")
    zoomed = panel.loss_plot.area.viewRange()[0]
    panel.show_overlay([other("a", 3)])
    panel.draw()
    assert panel.loss_plot.area.viewRange()[0] == zoomed
    panel.show_overlay([other("b", 3)])
    panel.draw()
    assert panel.loss_plot.area.viewRange()[0] != zoomed


def test_behind_the_end_of_the_run_at_hand_the_others_are_read(panel: CurvesPanel) -> None:
    train(panel, 1)
    panel.show_overlay([other("long", 4)])
    panel.draw()
    shown = panel.loss_plot.crosshair.label.text
    panel.loss_plot.hovered.emit(10.0)
    assert "This batch" in shown()
    assert "long" in shown()
    panel.loss_plot.hovered.emit(3.0 * PER_EPOCH)
    assert "This batch" not in shown()
    assert "long" in shown()


def test_smoothing_holds_for_all_curves(panel: CurvesPanel) -> None:
    panel.show_overlay([other("a", 1)])
    panel.tools._smoothing.setValue(0.5)
    panel.draw()
    assert panel.overlay[0].series.smoothing == 0.5


def test_a_real_training_is_drawn_as_it_was(tmp_path: Path) -> None:
    """Every loss of its batches, and the means of its epochs, come back from the journal."""
    data = {"dataset": {"name": "synthetic", "train_samples": 60, "test_samples": 20, "size": 4}, "batch_size": 10}
    experiment = parse_experiment({"data": data, "model": "softmax", "training": {"epochs": 2}})
    journal, live = Journal(tmp_path), Series()
    for event in Training(experiment, block_seconds=0).events():
        if isinstance(event, RunStarted):
            journal.write(started_line(event, shared_values(experiment), versions={}, threads=1))
        journal.write(event)
        if (records := getattr(event, "records", None)) is not None:
            live.extend(records, 6)
    journal.close()
    again = read_series(tmp_path, 0.9)
    assert len(again) == 12
    np.testing.assert_array_equal(again.loss.values, live.loss.values)
    np.testing.assert_array_equal(again.correct.values, live.correct.values)
    assert [ended.epoch for ended in again.epochs] == [1, 2]
    assert again.extent(Axis.EPOCHS) == (1 / 6, 2.0)


def test_a_run_whose_journal_has_epochs_only_is_drawn_by_them(panel: CurvesPanel) -> None:
    series = Series()
    for epoch in (1, 2, 3):
        series.add_epoch(ended(epoch))
    panel.show_overlay([OverlaidRun(Path("x"), "x", series)])
    child(panel, QComboBox, "x_axis").setCurrentText("Epochs")
    panel.draw()
    train_curve, test_curve = panel.loss_plot.overlay._pairs[0]
    assert len(train_curve._lines) == len(test_curve._lines) == 2
