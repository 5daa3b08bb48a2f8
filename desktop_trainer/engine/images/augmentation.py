"""Which random changes are made to training images, and which random numbers each of them has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from desktop_trainer.engine.images.colour import Colour
from desktop_trainer.engine.images.geometry import Erase, Flip, Shift, Warp
from desktop_trainer.experiment.augmentation_settings import AugmentationSettings
from desktop_trainer.experiment.data import DataInfo

_Change: TypeAlias = Callable[[Tensor, Tensor], Tensor]
_COLUMNS = {
    "flip": range(1),
    "flip_vertical": range(1, 2),
    "shift": range(2, 4),
    "rotation": range(4, 5),
    "crop": range(5, 9),
    "brightness": range(9, 10),
    "contrast": range(10, 11),
    "saturation": range(11, 12),
    "hue": range(12, 13),
    "erase": range(13, 18),
}
"""Fixed, so that a run goes on as it was, and to switch one change on does not alter what the others draw."""

_OF_COLOURS = "saturation", "hue"
"""What red, green and blue have, and grey has not."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A change of a batch: of images and the random numbers in `columns` of its samples, ``(columns, n)``, to
    images.
    """

    columns: tuple[int, ...]
    change: _Change


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """The changes that are on, in their order: of bytes, of floats in [0, 1], of normalised floats."""

    of_bytes: list[Step]
    of_floats: list[Step]
    at_last: list[Step]

    @property
    def all(self) -> list[Step]:
        """One after the other."""
        return [*self.of_bytes, *self.of_floats, *self.at_last]


def switched_on(settings: AugmentationSettings, channels: int) -> dict[str, float]:
    """The settings that change images of so many channels, by name, in their order."""
    off = AugmentationSettings()
    idle = () if channels == 3 else _OF_COLOURS
    return {name: value for name, value in settings if value != getattr(off, name) and name not in idle}


def steps(settings: AugmentationSettings, info: DataInfo, device: torch.device) -> Steps:
    """What the settings ask for, for images such as `info` tells of, on `device`."""
    on = switched_on(settings, info.channels)

    def step(names: list[str], make: Callable[[], _Change]) -> list[Step]:
        columns = tuple(column for name in names if name in on for column in _COLUMNS[name])
        return [Step(columns, make())] if columns else []

    colours = ["brightness", "contrast", *_OF_COLOURS]
    amounts = {name: on[name] for name in colours if name in on}
    size = info.height, info.width
    return Steps(
        [
            *step(["flip"], lambda: Flip(settings.flip, 3)),
            *step(["flip_vertical"], lambda: Flip(settings.flip_vertical, 2)),
            *step(["shift"], lambda: Shift(settings.shift)),
        ],
        [
            *step(["rotation", "crop"], lambda: Warp(settings.rotation, settings.crop, *size, device)),
            *step(colours, lambda: Colour(amounts, info.channels, device)),
        ],
        step(["erase"], lambda: Erase(settings.erase, *size, device)),
    )
