"""Axes grow in round steps and are labelled as people write numbers."""

import pytest
from pytestqt.qtbot import QtBot

from desktop_trainer.ui.axes import Scale, clock, number
from desktop_trainer.ui.curves import CurvesPanel, _round_up
from desktop_trainer.ui.series import Axis


@pytest.mark.parametrize(("value", "end"), [(0.2, 1), (1.0, 1), (1.2, 1.5), (1.7, 2), (2.5, 3), (9, 12), (100, 128)])
def test_the_axis_grows_in_round_steps(value: float, end: float) -> None:
    assert _round_up(value) == end


def test_ticks_read_as_people_write_them(qtbot: QtBot) -> None:
    assert [clock(seconds) for seconds in (0, 7.5, 60, 3725)] == ["0", "7.5", "1:00", "1:02:05"]
    assert [number(value) for value in (0, 1234, 1_000_000, 1e12)] == [
        "0",
        "1\u2009234",
        "1\u2009000\u2009000",
        "1e+12",
    ]
    panel = CurvesPanel()
    qtbot.addWidget(panel)
    scale: Scale = panel.loss_plot.bottom
    scale.axis = Axis.SECONDS
    assert scale.tickStrings([60.0, 120.0], 1.0, 60.0) == ["1:00", "2:00"]
