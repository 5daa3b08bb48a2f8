"""Taking turns: each contender as often as the others, in changing order, and sums that nobody can misread."""

import threading

import numpy as np
import pytest

from desktop_trainer.benchmark.measure import alternate, in_thread, interval, ratios, spread


def test_contenders_take_turns_in_changing_order_and_warm_up_is_not_kept() -> None:
    ran: list[str] = []

    def contender(name: str) -> dict[str, float]:
        ran.append(name)
        return {"epoch": float(len(ran)), "training": 0.5}

    taken = alternate({name: lambda name=name: contender(name) for name in "abc"}, 2)  # type: ignore[misc]
    assert "".join(ran) == "cba" + "abc" + "cba"
    assert taken["a"] == {"epoch": [4.0, 9.0], "training": [0.5, 0.5]}
    assert taken["c"]["epoch"] == [6.0, 7.0]


def test_who_runs_is_said_before_it_runs() -> None:
    said: list[tuple[str, int]] = []
    alternate({"a": dict}, 2, say=lambda name, number: said.append((name, number)))
    assert said == [("a", 0), ("a", 1), ("a", 2)]


def test_the_middle_counts_not_the_outlier() -> None:
    found = spread([1.0, 100.0, 2.0])
    assert (found.median, found.least, found.most, found.count) == (2.0, 1.0, 100.0, 3)


def test_a_ratio_compares_within_a_repetition() -> None:
    """A machine that is slower for one repetition changes no ratio."""
    assert ratios([1.0, 10.0, 2.0], [2.0, 20.0, 4.0]) == [0.5, 0.5, 0.5]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_work_in_a_thread_leaves_no_thread_and_hides_no_error() -> None:
    before = threading.active_count()
    assert in_thread(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        in_thread(lambda: 1 / 0)
    assert threading.active_count() == before


def test_the_interval_holds_the_true_median_as_often_as_it_says() -> None:
    """In 95 of 100 cases at least; few numbers are not enough to leave any of them out."""
    assert interval([3.0, 1.0, 2.0]) == (1.0, 3.0)
    assert interval(list(map(float, range(1, 21)))) == (6.0, 15.0)
    random = np.random.default_rng(0)
    found = [interval(random.lognormal(0, 1, 20).tolist()) for _ in range(2000)]
    assert sum(low <= 1 <= high for low, high in found) >= 0.94 * len(found)
