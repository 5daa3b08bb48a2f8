"""A made-up dataset of any size and shape, for experiments about the training itself. Needs no files."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from desktop_trainer.experiment.choices import DATASETS, DatasetChoice
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.section import setting
from desktop_trainer.i18n import mark

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

_SEED = 20
"""The data must not change with the experiment's seed, or two runs would differ in more than their luck."""


@DATASETS.register
class Synthetic(DatasetChoice):
    """Each class is one random pattern; each sample is its class's pattern mixed with noise."""

    name: Literal["synthetic"] = "synthetic"
    label: ClassVar[str] = mark("Synthetic patterns")
    explanation: ClassVar[str] = mark(
        "Random patterns with noise, made in memory. Choose how many, how large and how hard."
    )

    train_samples: int = setting(
        1000, mark("Training samples"), mark("How many samples to learn from."), ge=1, le=1_000_000
    )
    test_samples: int = setting(
        200, mark("Test samples"), mark("How many samples to examine with."), ge=1, le=1_000_000
    )
    classes: int = setting(10, mark("Classes"), mark("How many patterns there are to tell apart."), ge=2, le=1000)
    channels: int = setting(1, mark("Channels"), mark("1 for grey images, 3 for colour."), ge=1, le=4, advanced=True)
    size: int = setting(
        16, mark("Pattern size"), mark("Height and width of each image."), unit=mark("pixels"), ge=1, le=256
    )
    noise: float = setting(
        0.5,
        mark("Noise"),
        mark("The share of noise in each sample: 0 repeats the pattern exactly, 1 leaves nothing to learn."),
        ge=0,
        le=1,
    )

    def info(self) -> DataInfo:
        """As the options say; classes are named by their numbers."""
        names = tuple(str(number) for number in range(self.classes))
        return DataInfo(self.train_samples, self.test_samples, self.channels, self.size, self.size, names)

    def load(self, root: Path, *, train: bool) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """See `DatasetChoice.load`. The same options always give the same samples."""
        import torch

        shape = (self.channels, self.size, self.size)
        patterns = torch.rand(self.classes, *shape, generator=torch.Generator().manual_seed(_SEED))
        generator = torch.Generator().manual_seed(_SEED + (1 if train else 2))
        count = self.train_samples if train else self.test_samples
        labels = torch.randint(self.classes, (count,), generator=generator)
        images = torch.empty(count, *shape, dtype=torch.uint8)
        for start in range(0, count, 4096):
            part = labels[start : start + 4096]
            noise = torch.rand(len(part), *shape, generator=generator)
            images[start : start + len(part)] = torch.lerp(patterns[part], noise, self.noise).mul(255).to(torch.uint8)
        return images, labels
