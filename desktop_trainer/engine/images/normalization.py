"""Mean and standard deviation of each channel: the published ones, or measured on a split."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import torch

from desktop_trainer.engine.data import Split
from desktop_trainer.engine.events import Event, Loading
from desktop_trainer.i18n import tr

MOST_SAMPLES = 10_000
_AT_ONCE = 64
_LEAST_STD = 1e-9
"""Below what one grey level in one of all pixels makes."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Mean and standard deviation of each channel, of pixels in [0, 1].

    Raises:
        ValueError: if they cannot be that.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        fits = len(self.mean) == len(self.std) and all(0 <= mean <= 1 for mean in self.mean)
        if not fits or not self.mean or not all(_LEAST_STD <= std <= 1 for std in self.std):
            raise ValueError(f"These are not means and standard deviations: {str(self)[:100]}")

    def __str__(self) -> str:
        mean, std = (" ".join(f"{number:.3f}" for number in numbers) for numbers in (self.mean, self.std))
        return f"mean {mean}, std {std}"

    def values(self) -> dict[str, list[float]]:
        """As plain values, for `read`."""
        return {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def read(cls, values: Any, channels: int | None = None) -> Statistics:
        """What `values` returned, perhaps by way of JSON.

        Raises:
            ValueError: if it is not that, or not of so many channels.
        """
        if not isinstance(values, dict) or values.keys() != {"mean", "std"}:
            raise ValueError("There must be a mean and a std.")
        for numbers in values.values():
            if not isinstance(numbers, list) or not all(
                type(each) in (int, float) and 0 <= each <= 1 for each in numbers
            ):
                raise ValueError("These are not lists of numbers from 0 to 1.")
            if channels not in (None, len(numbers)):
                raise ValueError(f"These are {len(numbers)} numbers for {channels} channels.")
        return cls(*(tuple(map(float, values[name])) for name in ("mean", "std")))


IMAGENET = Statistics((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""As torchvision publishes them, https://docs.pytorch.org/vision/stable/models.html, in the order red, green, blue."""


def symmetric(channels: int) -> Statistics:
    """What takes [0, 1] to [-1, 1]."""
    return Statistics((0.5,) * channels, (0.5,) * channels)


def measure(split: Split) -> Generator[Event, None, Statistics]:
    """Measure the split: at most `MOST_SAMPLES` images, evenly spaced; yields how far it is.

    The sums are whole numbers and therefore exact: the same wherever the samples lie, and on every device. The standard
    deviation is that of all these pixels (divided by n); that of a channel of one colour is taken as 1.

    Raises:
        DataError: if an image cannot be read.
    """
    samples = split.plan.samples
    count = min(samples, MOST_SAMPLES)
    pixels, sums, squares = 0, torch.zeros((), dtype=torch.int64), torch.zeros((), dtype=torch.int64)
    for start in range(0, count, _AT_ONCE):
        yield Loading(tr("Measuring the training images"), start, count)
        images = split.read([number * samples // count for number in range(start, min(start + _AT_ONCE, count))]).int()
        pixels += images[:, 0].numel()
        sums, squares = sums + images.sum((0, 2, 3)).cpu(), squares + images.square_().sum((0, 2, 3)).cpu()
    return _statistics(pixels, sums.tolist(), squares.tolist())


def _statistics(pixels: int, sums: list[int], squares: list[int]) -> Statistics:
    """Of so many pixels in each channel, from the sums of their values in 0 to 255 and of the squares of these."""
    variances = [(pixels * square - total * total) / pixels**2 for total, square in zip(sums, squares, strict=True)]
    stds = [math.sqrt(variance) / 255 or 1.0 for variance in variances]
    return Statistics(tuple(total / pixels / 255 for total in sums), tuple(stds))
