"""The batches of a dataset, and those of one that is held in memory: cut by index. Knows tensors, not where they
were read.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from desktop_trainer.experiment.batches import BatchPlan

Batches: TypeAlias = Generator[tuple[Tensor, Tensor], None, None]
Transform: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""From images as bytes, uint8 ``(n, channels, height, width)``, and the numbers of these samples in the split,
int64 ``(n,)``, to floats for the model; all on one device. The bytes are left as they are."""


_AT_ONCE = 4_000_000
"""Numbers that are resized together: as floats 16 MB, however large the images are."""


class Split(Protocol):
    """One split of a dataset, wherever it lies.

    Attributes:
        plan: how it is cut into batches.
        nbytes: memory that it takes on the device, in bytes, beside the batch in work.
    """

    plan: BatchPlan

    @property
    def nbytes(self) -> int: ...

    def batches(self, transform: Transform, order: Tensor | None = None, first: int = 0) -> Batches:
        """The batches from number `first` (from 0) on: what `transform` makes of the images, and labels, on the device.

        Args:
            order: int64 permutation ``(n,)`` on the CPU; None is the order in which the samples are stored.

        Close it when it is not read to its end.
        """

    def read(self, indices: Sequence[int]) -> Tensor:
        """The images of these samples as bytes, ``(n, channels, height, width)``, wherever they are at hand."""

    def open(self) -> None:
        """Make ready what is kept between two passes, so that the next pass need not wait for it."""

    def close(self) -> None:
        """Let go what is kept between two passes; another pass takes it again."""


class InMemory:
    """A split on a device, kept as uint8 and transformed a batch at a time; see `Split`.

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

    def batches(self, transform: Transform, order: Tensor | None = None, first: int = 0) -> Batches:
        """See `Split.batches`."""
        indices = indices_on(self.images.device, self.plan, order)
        for number in range(first, self.plan.batches):
            start, stop = self.plan.bounds(number)
            chosen = indices[start:stop]
            if order is None:
                images, labels = self.images[start:stop], self.labels[start:stop]
            else:
                images, labels = self.images.index_select(0, chosen), self.labels.index_select(0, chosen)
            yield transform(images, chosen), labels

    def read(self, indices: Sequence[int]) -> Tensor:
        """See `Split.read`."""
        return self.images[list(indices)]

    def open(self) -> None:
        """See `Split.open`: memory is ready."""

    def close(self) -> None:
        """See `Split.close`: there is nothing but memory."""


def check_count(plan: BatchPlan, images: int, labels: int) -> None:
    """Raise `ValueError` if a dataset does not have the samples that it declared."""
    if not images == labels == plan.samples:
        raise ValueError(f"{plan.samples} samples were declared, {images} images and {labels} labels are there.")


def indices_on(device: torch.device, plan: BatchPlan, order: Tensor | None) -> Tensor:
    """The numbers of the samples in the order of a pass, int64 ``(samples,)`` on `device`; see `Split.batches`."""
    return torch.arange(plan.samples, device=device) if order is None else order.to(device)


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
    at_once = max(1, _AT_ONCE // max(images[0].numel(), scaled[0].numel())) if len(images) else 1
    for start in range(0, len(images), at_once):
        part = interpolate(images[start : start + at_once].float(), (size, size), mode="bilinear", antialias=True)
        scaled[start : start + at_once] = part.round_().clamp_(0, 255).to(torch.uint8)
    return scaled
