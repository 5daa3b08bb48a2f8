"""Axes grow in round steps and are labelled as people write numbers."""

import pytest
from pytestqt.qtbot import QtBot

from desktop_trainer.quantities import clock
from desktop_trainer.report.series import Axis
from desktop_trainer.ui.curves.axes import Scale, number, ticks
from desktop_trainer.ui.curves.panel import CurvesPanel, _round_up


@pytest.mark.parametrize(("value", "end"), [(0.2, 1), (1.0, 1), (1.2, 1.5), (1.7, 2), (2.5, 3), (9, 12), (100, 128)])
def test_the_axis_grows_in_round_steps(value: float, end: float) -> None:
    assert _round_up(value) == end


def test_ticks_read_as_people_write_them(qtbot: QtBot) -> None:
    assert [clock(seconds) for seconds in (0, 7.5, 60, 3725)] == ["0", "7.5", "1:00", "1:02:05"]
    assert [number(value) for value in (0, 1234, 1_000_000, 1e12)] == [
        "0",
        "1 234",
        "1 000 000",
        "1e+12",
    ]
    panel = CurvesPanel()
    qtbot.addWidget(panel)
    scale: Scale = panel.loss_plot.bottom
    scale.axis = Axis.SECONDS
    assert scale.tickStrings([60.0, 120.0], 1.0, 60.0) == ["1:00", "2:00"]


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 101, ["0", "20", "40", "60", "80", "100"]),
        (0, 1.08, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-0.3, 0.1, ["-0.3", "-0.2", "-0.1", "0.0", "0.1"]),
        (12.5, 12.501, ["12.5000", "12.5002", "12.5004", "12.5006", "12.5008", "12.5010"]),
        (0, 2_350_000, ["0", "500 000", "1 000 000", "1 500 000", "2 000 000"]),
    ],
)
def test_ticks_are_round_and_written_with_the_places_that_tell_them_apart(
    qtbot: QtBot, low: float, high: float, texts: list[str]
) -> None:
    panel = CurvesPanel()
    qtbot.addWidget(panel)
    values, spacing = ticks(low, high)
    assert panel.loss_plot.left.tickStrings(values, 1.0, spacing) == texts


@pytest.mark.parametrize("low", [-7.3, 0.0, 1e-9, 3.14159, 99_999.0])
@pytest.mark.parametrize("width", [1e-6, 0.37, 1.0, 2.5, 777.0, 1e15])
def test_every_range_has_a_handful_of_ticks_inside(low: float, width: float) -> None:
    values, spacing = ticks(low, low + width)
    assert 4 <= len(values) <= 9
    assert low - 1e-6 * spacing <= values[0] < values[-1] <= low + width + 1e-6 * spacing
