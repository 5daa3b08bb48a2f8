"""Takes turns between contenders, and sums up what each took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import comb
from statistics import median
from typing import TypeVar

_BEYOND = 0.025
"""The probability that the true median lies below an interval, or above it."""

Measured = Mapping[str, float]
Result = TypeVar("Result")
Run = Callable[[], Measured]
Taken = dict[str, dict[str, list[float]]]
"""By contender, by part: a number for each repetition."""


class BenchmarkFailed(Exception):
    """Something that was to be measured did not come to its end; the text says what."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some numbers, the least and the greatest."""

    median: float
    least: float
    most: float
    count: int


def spread(values: Sequence[float]) -> Spread:
    """Sum up at least one number."""
    return Spread(median(values), min(values), max(values), len(values))


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Where the true median lies in 95 of 100 cases, whatever the numbers' distribution; all of a few numbers.

    Between two of the sorted numbers: each lies above the true median with probability 1/2, so that how many do is
    binomial (David and Nagaraja, "Order Statistics", 7.1).
    """
    count, ordered = len(values), sorted(values)
    left_out = 0
    while sum(comb(count, number) for number in range(left_out + 1)) <= _BEYOND * 2**count:
        left_out += 1
    left_out = max(left_out - 1, 0)
    return ordered[left_out], ordered[-1 - left_out]


def alternate(
    contenders: Mapping[str, Run], repeats: int, *, warm_up: int = 1, say: Callable[[str, int], None] = lambda *_: None
) -> Taken:
    """Let each contender run once a repetition, in one order and then in the other, and keep what it measured.

    What else the machine does, and its heat, then fall on all alike; the caches that one leaves to the next, too.

    Args:
        warm_up: so many first repetitions are not kept.
        say: called before each run, with the contender and the repetition (0 or less while warming up).
    """
    taken: Taken = {name: {} for name in contenders}
    for number in range(1 - warm_up, repeats + 1):
        names = list(contenders)
        for name in names if number % 2 else reversed(names):
            say(name, number)
            measured = contenders[name]()
            for part, value in measured.items() if number > 0 else ():
                taken[name].setdefault(part, []).append(value)
    return taken


def in_thread(work: Callable[[], Result]) -> Result:
    """The result of `work`, called in a thread that ends with it.

    OpenMP gives each thread that computes helpers of its own, and keeps them as long as it lives. More of them than
    cores wait for one another, asleep: small batches then take up to three times as long. So only one thread at a time
    may compute; the window trains in a thread of its own, so the others must, too.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """The quotient in each repetition: both had the same machine, however busy it was with other things."""
    return [one / other for one, other in zip(above, below, strict=True)]
