"""The curves of other runs beside those of the run at hand: what is drawn, what it costs, and in which colours."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QAction, QImage
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot

from desktop_trainer.engine.events import RunStarted
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.report.number_tables import curves_table
from desktop_trainer.report.series import Axis, Series
from desktop_trainer.runs.journal import Journal
from desktop_trainer.runs.journal_lines import started_line
from desktop_trainer.ui.curves.item import DASHED, CurveItem, Look
from desktop_trainer.ui.curves.overlay import MOST_RUNS, OverlaidRun
from desktop_trainer.ui.curves.panel import CurvesPanel
from desktop_trainer.ui.run_curves import read_series
from desktop_trainer.ui.theme import Theme, apply_theme
from tests.ui.conftest import child
from tests.ui.curves.conftest import PER_EPOCH, block, ended, train
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
def test_any_eye_tells_the_first_runs_apart_and_from_the_run_at_hand(look: Theme, eye: str) -> None:
    colours, curves = look.curves.overlay, look.curves
    seen = [
        lab(np.array(EYES[eye]) @ linear(colour))
        for colour in (*colours, curves.batch, curves.smoothed, curves.train, curves.test)
    ]
    pairs = [(one, two) for one, two in combinations(range(len(seen)), 2) if one < len(colours)]
    assert min(float(np.linalg.norm(seen[one] - seen[two])) for one, two in pairs) >= 15
    assert min(contrast(colour, look.curves.background) for colour in colours) >= 3


def test_a_run_keeps_its_colour_and_line_when_others_go_or_come(panel: CurvesPanel) -> None:
    runs = {name: other(name, 1) for name in "abc"}
    panel.show_overlay(list(runs.values()))
    styles = {run.name: run.style for run in panel.overlay}
    panel.show_overlay([runs["c"], other("d", 1), runs["b"]])
    assert {run.name: run.style for run in panel.overlay} == {"c": styles["c"], "b": styles["b"], "d": styles["a"]}


def test_as_many_runs_as_are_drawn_have_each_its_own_pair_of_colour_and_line(panel: CurvesPanel) -> None:
    panel.show_overlay([other(str(number), 1) for number in range(MOST_RUNS)])
    assert len({(run.shade().name(), run.looks()) for run in panel.overlay}) == MOST_RUNS


def test_dashes_are_measured_along_the_curve_however_short_its_lines_are() -> None:
    """5 of every 8.5 pixels are drawn, of a line in one piece as of one in a thousand."""
    for points in (2, 1001):
        curve = CurveItem(Look(1.0, DASHED))
        curve.set_polyline(np.linspace(0, 850, points), np.zeros(points))
        assert np.sum(curve._lines[:, 2] - curve._lines[:, 0]) == pytest.approx(500)
        assert not np.any((curve._lines[:, 0] > 5) & (curve._lines[:, 2] < 8.5))


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
    assert (len(train_curve._lines), len(test_curve._markers)) == (2, 3)


def test_exported_pictures_carry_the_legend_of_the_runs_that_are_shown(panel: CurvesPanel, tmp_path: Path) -> None:
    train(panel, 1)
    panel.show_overlay([other("the one", 1), other("the hidden", 1)])
    panel.overlay[1].shown = False
    panel.overlay[0].difference = "lr 0.05"
    for kind in ("svg", "png"):
        panel.menu.save(tmp_path / f"curves.{kind}", kind)
    text = (tmp_path / "curves.svg").read_text(encoding="utf-8")
    assert "the one" in text
    assert "lr 0.05" in text
    assert "the hidden" not in text
    image = QImage(str(tmp_path / "curves.png"))
    legend = image.copy(0, 2 * sum(plot.height() for plot in panel.plots), 120, image.height())
    colours = {legend.pixelColor(x, y).name() for x in range(legend.width()) for y in range(legend.height())}
    assert panel.overlay[0].shade().name() in colours


def test_the_table_holds_the_numbers_of_all_runs_that_are_shown_and_the_menu_says_so(panel: CurvesPanel) -> None:
    """Also of a run whose journal has epochs only."""
    train(panel, 1)
    bare = Series()
    bare.add_epoch(ended(1))
    panel.show_overlay([other('a, "b"', 2), OverlaidRun(Path("bare"), "bare", bare), other("hidden", 1)])
    panel.overlay[2].shown = False
    panel.menu.aboutToShow.emit()
    assert "of the 3 runs shown" in child(panel, QAction, "save_csv").text()
    rows = list(
        csv.DictReader(
            "".join(curves_table(panel.series, [(run.name, run.series) for run in panel.menu._others()])).splitlines()
        )
    )
    counts = {name: len([row for row in rows if row["run"] == name]) for name in ("", 'a, "b"', "bare", "hidden")}
    assert counts == {"": PER_EPOCH, 'a, "b"': 2 * PER_EPOCH, "bare": 1, "hidden": 0}
    assert float(rows[-1]["test_loss"]) == 1.5
