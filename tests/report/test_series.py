"""The numbers behind the curves, against plain loops over every batch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from desktop_trainer.engine.events import EpochEnded, Records
from desktop_trainer.report.growing import BLOCK
from desktop_trainer.report.series import Axis, Series
from desktop_trainer.report.smoothing import corrected, running_sums


def block(epoch: int, first: int, loss: list[float] | NDArray[np.float32]) -> Records:
    count = len(loss)
    return Records(
        epoch,
        first,
        np.asarray(loss, np.float32),
        np.arange(count, dtype=np.int32) % 11,
        np.full(count, 10, np.int32),
        np.full(count, 0.1, np.float32),
        (epoch - 1) * 1000.0 + first + np.arange(count, dtype=np.float64) * 0.5,
    )


def filled(batches: int, per_epoch: int, seed: int = 0) -> Series:
    loss = np.random.default_rng(seed).normal(1, 0.3, batches).astype(np.float32)
    series = Series()
    for first in range(0, batches, per_epoch):
        series.extend(block(first // per_epoch + 1, 1, loss[first : first + per_epoch]), per_epoch)
    return series


def averaged(values: NDArray[np.float32], smoothing: float) -> list[float]:
    """The definition, one value after the other."""
    total, seen, averages = 0.0, 0, []
    for value in values.tolist():
        if np.isfinite(value):
            total, seen = smoothing * total + (1 - smoothing) * value, seen + 1
        averages.append(total / (1 - smoothing**seen) if seen else np.nan)
    return averages


floats = st.one_of(st.floats(-1e3, 1e3, width=32), st.sampled_from([np.nan, np.inf]))


@settings(max_examples=60, deadline=None)
@given(st.lists(floats, min_size=1, max_size=300), st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.99, 0.999]))
def test_the_moving_average_is_its_definition_and_steps_over_what_is_no_number(
    values: list[float], smoothing: float
) -> None:
    array = np.array(values, np.float32)
    sums, counts = running_sums(array, smoothing, (0.0, 0))
    np.testing.assert_allclose(corrected(sums, counts, smoothing), averaged(array, smoothing), rtol=1e-9, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 150), min_size=1, max_size=8), st.sampled_from([0.0, 0.9, 0.99]))
def test_what_is_kept_does_not_depend_on_how_the_batches_came_in(sizes: list[int], smoothing: float) -> None:
    loss = np.random.default_rng(1).normal(size=sum(sizes)).astype(np.float32)
    whole, parts = Series(smoothing), Series(smoothing)
    whole.extend(block(1, 1, loss), 10_000)
    first = 0
    for size in sizes:
        parts.extend(block(1, first + 1, loss[first : first + size]), 10_000)
        first += size
    every = np.arange(len(loss))
    np.testing.assert_array_equal(parts.values("loss"), loss)
    np.testing.assert_allclose(parts.smoothed("loss", every), whole.smoothed("loss", every), rtol=1e-9)
    np.testing.assert_allclose(parts.smoothed("loss", every), averaged(loss, smoothing), rtol=1e-9)
    np.testing.assert_array_equal(parts.metrics["loss"].low.values, whole.metrics["loss"].low.values)


def test_another_smoothing_changes_the_average_of_batches_that_are_there() -> None:
    series = filled(1000, 100)
    series.smoothing = 0.97
    here = np.array([5, 640, 999])
    expected = np.array(averaged(series.values("loss"), 0.97))[here]
    np.testing.assert_allclose(series.smoothed("loss", here), expected, rtol=1e-9)


@pytest.mark.parametrize("batches", [1_000, 5_000, 70_001])
def test_a_batch_takes_at_most_32_bytes(batches: int) -> None:
    most = max(filled(count, 1000).nbytes / count for count in (batches, batches + 300))
    assert most <= 32


@pytest.mark.parametrize("axis", list(Axis))
@pytest.mark.parametrize(("left", "right"), [(0.0, 1.0), (0.3, 0.4), (0.95, 1.5), (0.5, 0.5001)])
@pytest.mark.parametrize("batches", [10, 3_000, 60_000])
def test_strokes_keep_the_extremes_of_what_is_in_sight(axis: Axis, left: float, right: float, batches: int) -> None:
    """However many batches a column holds, the least and the greatest in sight are drawn, and few points are."""
    series, columns = filled(batches, 1000), 200
    begin, end = series.extent(axis) or (0.0, 0.0)
    low, high = begin + left * (end - begin), begin + right * (end - begin)
    strokes = series.strokes("loss", axis, low, high, columns)
    x = series.x(axis, np.arange(batches))
    inside = series.values("loss")[(x >= low) & (x <= high)]
    assert len(strokes.x) <= 2 * columns + 2
    assert len(strokes.smoothed_x) <= 2 * columns + 2
    if len(inside):
        assert strokes.low.min() <= inside.min()
        assert strokes.high.max() >= inside.max()
    assert strokes.low.min(initial=9) >= series.values("loss").min()
    assert (np.diff(strokes.x) >= 0).all()
    assert (np.diff(strokes.smoothed_x) > 0).all()


def test_each_column_shows_the_batches_that_lie_in_it() -> None:
    series = filled(60_000, 1000)
    strokes = series.strokes("loss", Axis.BATCHES, 0.5, 60_000.5, 200)
    # 300 batches a column; the edges of columns go to the nearest block before them.
    edges = (np.arange(201) * 300) // BLOCK * BLOCK
    edges[-1] = 60_000
    np.testing.assert_array_equal(strokes.low, np.minimum.reduceat(series.values("loss"), edges[:-1]))
    np.testing.assert_array_equal(strokes.high, np.maximum.reduceat(series.values("loss"), edges[:-1]))
    ends = edges[1:] - 1
    np.testing.assert_allclose(strokes.smoothed, series.smoothed("loss", ends), rtol=1e-9)
    np.testing.assert_array_equal(strokes.smoothed_x, ends + 1.0)


def test_a_view_beside_the_batches_shows_nothing_or_the_nearest() -> None:
    assert len(Series().strokes("loss", Axis.BATCHES, 0, 1, 100).x) == 0
    assert len(filled(50, 10).strokes("loss", Axis.SECONDS, 1e6, 2e6, 100).x) <= 1


def test_losses_that_are_no_numbers_neither_hide_the_others_nor_count_as_extremes() -> None:
    series = Series(0.5)
    series.extend(block(1, 1, [1.0, np.nan, 3.0, np.inf]), 4)
    assert series.extremes("loss") == (1.0, 3.0)
    np.testing.assert_array_equal(series.values("loss"), np.array([1, np.nan, 3, np.nan], np.float32))
    assert series.loss.values[3] == np.inf
    np.testing.assert_allclose(series.smoothed("loss", np.arange(4)), averaged(series.values("loss"), 0.5))


def test_a_block_of_an_earlier_batch_replaces_what_followed() -> None:
    """Going back to a checkpoint takes the curve back, too."""
    series = Series()
    series.extend(block(1, 1, np.arange(100, dtype=np.float32)), 100)
    series.extend(block(1, 71, [5.0, 6.0]), 100)
    assert len(series) == 72
    assert series.values("loss")[69:].tolist() == [69.0, 5.0, 6.0]
    assert series.extremes("loss") == (0.0, 69.0)


def test_a_run_that_goes_on_from_a_file_begins_where_it_is() -> None:
    series = Series()
    series.extend(block(3, 5, [1.0, 2.0]), 10)
    assert series.extent(Axis.BATCHES) == (25.0, 26.0)
    assert series.extent(Axis.EPOCHS) == (2.5, 2.6)


def test_batches_that_nobody_recorded_are_a_gap() -> None:
    series = Series()
    series.extend(block(1, 1, [1.0]), 10)
    series.extend(block(1, 4, [4.0]), 10)
    np.testing.assert_array_equal(series.values("loss"), np.array([1, np.nan, np.nan, 4], np.float32))
    assert np.isnan(series.values("accuracy")[1])


def ended(epoch: int) -> EpochEnded:
    return EpochEnded(epoch, 1.0 / epoch, 0.5, 2.0 / epoch, 0.4, 1.0, 100.0)


def test_an_epoch_lies_at_its_last_batch_on_every_axis() -> None:
    series = filled(20, 10)
    series.add_epoch(ended(1))
    series.add_epoch(ended(2))
    for axis in Axis:
        x, train, test = series.epoch_points("loss", axis)
        np.testing.assert_allclose(x, series.x(axis, np.array([9, 19])))
        assert (train.tolist(), test.tolist()) == ([1.0, 0.5], [2.0, 1.0])


def test_a_reading_names_the_nearest_batch_its_epoch_and_what_that_ended_with() -> None:
    series = filled(20, 10)
    series.add_epoch(ended(1))
    reading = series.reading(Axis.BATCHES, 6.6)
    assert reading is not None
    assert (reading.batch, reading.epoch, reading.batch_in_epoch, reading.ended) == (7, 1, 7, ended(1))
    assert reading.values["loss"] == pytest.approx(
        (series.values("loss")[6], series.smoothed("loss", np.array([6]))[0])
    )
    behind = series.reading(Axis.EPOCHS, 99.0)
    assert behind is not None
    assert (behind.batch, behind.epoch, behind.ended) == (20, 2, None)
    assert Series().reading(Axis.BATCHES, 1.0) is None


def test_no_qt_and_no_torch_are_needed() -> None:
    import subprocess
    import sys

    code = "import sys, desktop_trainer.report.series; assert not {'PySide6', 'torch', 'pyqtgraph'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_where_settings_changed_is_kept_until_the_run_goes_back_before_it() -> None:
    """Also when the first block after it begins earlier: its numbers were pending in the checkpoint."""
    series = filled(8, 4)
    series.add_change(6, "lr 0.1 → 0.01")
    series.extend(block(2, 2, [1.0, 2.0, 3.0]), 4)
    assert series.change_points(Axis.BATCHES) == [(6.0, "lr 0.1 → 0.01")]
    assert series.change_points(Axis.EPOCHS) == [(1.5, "lr 0.1 → 0.01")]
    series.begin(6)
    assert series.changes
    series.begin(5)
    assert not series.changes


def test_a_change_before_the_first_batch_is_kept() -> None:
    series = Series()
    series.add_change(0, "flip on")
    series.extend(block(1, 1, [1.0]), 4)
    assert [text for _, text in series.change_points(Axis.SECONDS)] == ["flip on"]
