"""What a benchmark found: numbers by what they are of, and the figures to reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from desktop_trainer.benchmark.measure import Taken, interval, ratios, spread
from desktop_trainer.i18n import mark

PLAIN, ENGINE, WINDOW = mark("plain loop"), mark("engine, headless"), mark("engine, in the window")
HEART = mark("engine, in the window, with a heartbeat")
LIMIT, GRAPH = mark("fixed-batch limit"), mark("graph-captured limit")
WAYS = {
    mark("engine, channels_last"): ("device.memory_format", "channels_last"),
    mark("engine, bf16"): ("device.precision", "bf16"),
    mark("engine, tf32"): ("device.precision", "tf32"),
    mark("engine, fused"): ("optimizer.fused", True),
    mark("engine, compiled"): ("device.compile", True),
    mark("engine, large test batches"): ("data.test_batch_size", 2000),
}
"""Contenders that compute the step in another way, each with the setting that makes it so."""
MILLION = 1_000_000


@dataclass(slots=True)
class Results:
    """Everything that was measured, one number a repetition.

    Attributes:
        quick: the data were tiny, to try out the benchmark itself: nothing can be judged by them.
        training: by work load, what each contender took. titles: what each work load is.
        pairs: by work load, what engine and window took in many repetitions with nothing else between them.
        startup: seconds, by ``help`` and ``painted``.
        frames: seconds of each frame, by how many records there were. bytes_per_record: by the same.
        notes: what a reader must know: which data, which screen, what was left out.
    """

    machine: dict[str, Any]
    repeats: int
    quick: bool = False
    training: dict[str, Taken] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    pairs: dict[str, Taken] = field(default_factory=dict)
    startup: dict[str, list[float]] = field(default_factory=dict)
    frames: dict[int, list[float]] = field(default_factory=dict)
    bytes_per_record: dict[int, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def ratios(self, work: str, part: str, above: str, below: str) -> list[float]:
        """The quotient of two contenders in each repetition; empty if one of them was not measured."""
        taken = self.training.get(work, {})
        one, other = (taken.get(name, {}).get(part, []) for name in (above, below))
        return ratios(one, other) if one and other else []

    def in_pairs(self, work: str, part: str) -> list[float]:
        """What the window took of `part`, by the seconds of an epoch without it, in each pair of repetitions.

        For the epoch, without pairs, the quotients of the few repetitions that all contenders took turns in.
        """
        taken = self.pairs.get(work)
        if taken is None:
            return self.ratios(work, "epoch", WINDOW, ENGINE) if part == "epoch" else []
        return ratios(taken[WINDOW][part], taken[ENGINE]["epoch"])

    def of(self, work: str, contender: str, part: str) -> list[float]:
        """What one contender measured; empty if it was not there."""
        return self.training.get(work, {}).get(contender, {}).get(part, [])


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure to reach: `values` finds it in results, its median must be at most `bound`, or with `at_least` at least.

    Attributes:
        unit: ``s`` is shown in milliseconds where it is small; empty for a ratio.
        device: the type of device that it is asked of; empty for any.
        paired: it is so near its bound that it is judged by where its true median must lie.
    """

    name: str
    title: str
    bound: float
    values: Callable[[Results], list[float]]
    unit: str = ""
    at_least: bool = False
    device: str = ""
    paired: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A goal and what was found: the median, and the least and the greatest, or where the true median must lie."""

    goal: Goal
    value: float
    least: float
    most: float

    @property
    def told(self) -> bool:
        """Whether it can be told on which side of the bound the figure lies."""
        return not self.goal.paired or not self.least <= self.goal.bound < self.most

    @property
    def reached(self) -> bool:
        """Whether the median is within the bound."""
        return self.value >= self.goal.bound if self.goal.at_least else self.value <= self.goal.bound


def _frames(results: Results) -> list[float]:
    return results.frames.get(MILLION, [])


def _bytes(results: Results) -> list[float]:
    return [results.bytes_per_record[MILLION]] if MILLION in results.bytes_per_record else []


GOALS = (
    Goal(
        "t1_headless_over_plain",
        mark("T1 epoch with test pass, headless / plain loop"),
        0.50,
        lambda r: r.ratios("T1", "epoch", ENGINE, PLAIN),
        device="cpu",
    ),
    Goal(
        "t3_headless_over_plain",
        mark("T3 epoch with test pass, headless / plain loop"),
        0.06,
        lambda r: r.ratios("T3", "epoch", ENGINE, PLAIN),
        device="cpu",
    ),
    Goal(
        "t1_headless_over_limit",
        mark("T1 training part, headless / fixed-batch limit"),
        1.08,
        lambda r: r.ratios("T1", "training", ENGINE, LIMIT),
        device="cpu",
    ),
    Goal(
        "t1_window_over_headless",
        mark("T1 epoch, in the window / headless"),
        1.03,
        lambda r: r.in_pairs("T1", "epoch"),
        device="cpu",
        paired=True,
    ),
    Goal(
        "t3_window_over_headless",
        mark("T3 epoch, in the window / headless"),
        1.15,
        lambda r: r.in_pairs("T3", "epoch"),
        device="cpu",
        paired=True,
    ),
    Goal(
        "t1_window_thread",
        mark("T1 processor time of the window's thread / epoch"),
        0.03,
        lambda r: r.in_pairs("T1", "gui"),
        device="cpu",
        paired=True,
    ),
    Goal(
        "t3_window_thread",
        mark("T3 processor time of the window's thread / epoch"),
        0.15,
        lambda r: r.in_pairs("T3", "gui"),
        device="cpu",
        paired=True,
    ),
    Goal(
        "t1_plain_over_headless",
        mark("T1 epoch, plain loop / headless"),
        30,
        lambda r: r.ratios("T1", "epoch", PLAIN, ENGINE),
        at_least=True,
        device="cuda",
    ),
    Goal(
        "t1_graph_over_headless",
        mark("T1 training part, graph-captured limit / headless"),
        0.8,
        lambda r: r.ratios("T1", "training", GRAPH, ENGINE),
        at_least=True,
        device="cuda",
    ),
    Goal(
        "heartbeat_p99",
        mark("Window's heartbeat late while T1 trains, 99 of 100"),
        0.012,
        lambda r: r.of("T1", HEART, "late_p99"),
        "s",
    ),
    Goal(
        "heartbeat_max",
        mark("Window's heartbeat late while T1 trains, at worst"),
        0.050,
        lambda r: r.of("T1", HEART, "late_max"),
        "s",
    ),
    Goal("frame_million", mark("Frame with 1 000 000 records"), 0.016, _frames, "s"),
    Goal("bytes_per_record", mark("Memory of a record"), 32, _bytes, "B"),
    Goal("help", "desktop-trainer --help", 0.3, lambda r: r.startup.get("help", []), "s"),
    Goal("window_painted", mark("Window painted, warm disk"), 1.8, lambda r: r.startup.get("painted", []), "s"),
)


def figures(results: Results) -> list[Figure]:
    """The figures to reach on the device that computed, as far as they were measured; none of a quick trial."""
    if results.quick:
        return []
    kind = results.machine["device"].partition(":")[0]
    found = []
    for goal in GOALS:
        values = goal.values(results) if goal.device in ("", kind) else []
        if values:
            summed = spread(values)
            least, most = interval(values) if goal.paired else (summed.least, summed.most)
            found.append(Figure(goal, summed.median, least, most))
    return found
