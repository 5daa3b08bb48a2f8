"""Pace: rate and time left come from the records' own clock."""

import numpy as np
import pytest

from desktop_trainer.engine.events import EpochEnded, Records, RunStarted
from desktop_trainer.quantities import duration
from desktop_trainer.report.pace import Pace


def started(epochs: int = 2, batches: int = 10) -> RunStarted:
    return RunStarted(100, 20, batches, 2, 10, epochs, "cpu", 1, "", 1, 0, 0)


def records(first: int, times: list[float], epoch: int = 1) -> Records:
    count = len(times)
    ones = np.ones(count, np.float32)
    return Records(epoch, first, ones, ones.astype(np.int32), np.full(count, 10, np.int32), ones, np.array(times))


def test_nothing_is_claimed_before_there_are_two_moments() -> None:
    pace = Pace(started())
    assert pace.samples_per_second is None
    pace.add(records(1, [1.0]))
    assert pace.samples_per_second is None
    assert pace.seconds_left is None


def test_rate_and_time_left_of_a_steady_run() -> None:
    pace = Pace(started())
    pace.add(records(1, [1.0, 1.5, 2.0, 2.5]))
    assert pace.samples_per_second == pytest.approx(20)
    assert pace.epoch_share == 0.4
    assert pace.run_share == 0.2
    assert pace.seconds_left == pytest.approx(16 * 0.5)


def test_the_test_pass_of_the_coming_epochs_is_counted() -> None:
    pace = Pace(started())
    pace.add(records(1, [0.5 * batch for batch in range(1, 11)]))
    pace.end_epoch(EpochEnded(1, 1.0, 0.5, 1.0, 0.5, seconds=7.0, examples_per_second=20.0))
    assert pace.run_share == 0.5
    assert pace.seconds_left == pytest.approx(10 * 0.5 + 2)
    pace.add(records(1, [8.0, 8.5], epoch=2))
    assert pace.samples_per_second == pytest.approx(20)


def test_the_pace_follows_a_change() -> None:
    pace = Pace(started(epochs=1, batches=1000))
    pace.add(records(1, [0.1 * batch for batch in range(100)]))
    pace.add(records(101, [10.0 + batch for batch in range(10)]))
    pace.add(records(111, [20.0 + batch for batch in range(10)]))
    assert pace.samples_per_second == pytest.approx(10, rel=0.2)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.126, "0.13 s"), (2.64, "2.6 s"), (42.4, "42 s"), (59.7, "1:00"), (725, "12:05"), (11229, "3:07:09")],
)
def test_durations_read_alike_short_ones_in_seconds_long_ones_like_a_clock(seconds: float, text: str) -> None:
    assert duration(seconds) == text
