"""The batches of a dataset, and those of one that is held in memory: cut by index. Knows tensors, not where they were read."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from desktop_trainer.experiment.batches import BatchPlan

Batches: TypeAlias = Generator[tuple[Tensor, Tensor], None, None]


class Split(Protocol):
    """One split of a dataset, wherever it lies.

    Attributes:
        plan: how it is cut into batches.
        nbytes: memory that it takes on the device, in bytes, beside the batch in work.
    """

    plan: BatchPlan

    @property
    def nbytes(self) -> int: ...

    def batches(self, order: Tensor | None = None, first: int = 0) -> Batches:
        """The batches from number `first` (from 0) on: float images in [0, 1], and labels, on the device.

        Args:
            order: int64 permutation ``(n,)`` on the CPU; None is the order in which the samples are stored.

        The images equal torchvision's ``ToTensor`` of each, bit for bit. Close it when it is not read to its end.
        """

    def open(self) -> None:
        """Make ready what is kept between two passes, so that the next pass need not wait for it."""

    def close(self) -> None:
        """Let go what is kept between two passes; another pass takes it again."""


class InMemory:
    """A split on a device, kept as uint8 and converted a batch at a time; see `Split`.

    Args:
        images: uint8 ``(n, channels, height, width)``.
        labels: int64 ``(n,)``.
        plan: how it is cut into batches.
    """

    def __init__(self, images: Tensor, labels: Tensor, plan: BatchPlan) -> None:
        check_count(plan, len(images), len(labels))
        self.images, self.labels, self.plan = images, labels, plan

    @property
    def nbytes(self) -> int:
        """See `Split`."""
        return self.images.nbytes + self.labels.nbytes

    def batches(self, order: Tensor | None = None, first: int = 0) -> Batches:
        """See `Split.batches`."""
        white = white_on(self.images.device)
        order = None if order is None else order.to(self.images.device)
        for number in range(first, self.plan.batches):
            start, stop = self.plan.bounds(number)
            if order is None:
                images, labels = self.images[start:stop], self.labels[start:stop]
            else:
                chosen = order[start:stop]
                images, labels = self.images.index_select(0, chosen), self.labels.index_select(0, chosen)
            yield images / white, labels

    def open(self) -> None:
        """See `Split.open`: memory is ready."""

    def close(self) -> None:
        """See `Split.close`: there is nothing but memory."""


def check_count(plan: BatchPlan, images: int, labels: int) -> None:
    """Raise `ValueError` if a dataset does not have the samples that it declared."""
    if not images == labels == plan.samples:
        raise ValueError(f"{plan.samples} samples were declared, {images} images and {labels} labels are there.")


def white_on(device: torch.device) -> Tensor:
    """What pixels are divided by. A tensor: CUDA multiplies by the reciprocal of a plain number, which is off in the last bit."""
    return torch.tensor(255.0, device=device)


def order_of_epoch(samples: int, seed: int, epoch: int) -> Tensor:
    """The order of the samples in `epoch` (from 0): an int64 permutation ``(samples,)`` on the CPU.

    A pure function of its arguments, so that a run can go on at any batch. Seed and epoch are mixed by NumPy's
    ``SeedSequence`` (O'Neill, "A generator of good seeds"), so that neighbouring epochs are unrelated.
    """
    mixed = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0]
    return torch.randperm(samples, generator=torch.Generator().manual_seed(int(mixed)))


def resized(images: Tensor, size: int) -> Tensor:
    """uint8 images ``(n, channels, h, w)`` made `size` x `size`, bilinear with antialiasing; 0 leaves them."""
    if size == 0 or images.shape[2:] == (size, size):
        return images
    scaled = torch.empty(*images.shape[:2], size, size, dtype=torch.uint8, device=images.device)
    for start in range(0, len(images), 1024):
        part = interpolate(images[start : start + 1024].float(), (size, size), mode="bilinear", antialias=True)
        scaled[start : start + 1024] = part.round_().clamp_(0, 255).to(torch.uint8)
    return scaled
