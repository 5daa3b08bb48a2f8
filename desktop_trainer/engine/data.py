"""Batches of a dataset that is held in memory, cut by index. Knows tensors, not where they were read."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from desktop_trainer import folders
from desktop_trainer.experiment.batches import BatchPlan
from desktop_trainer.experiment.data_settings import DataSettings


class Split:
    """One split of a dataset on a device, kept as uint8 and converted a batch at a time.

    Args:
        images: uint8 ``(n, channels, height, width)``.
        labels: int64 ``(n,)``.
        plan: how it is cut into batches.
    """

    def __init__(self, images: Tensor, labels: Tensor, plan: BatchPlan) -> None:
        if len(images) != plan.samples or len(labels) != plan.samples:
            raise ValueError(
                f"{plan.samples} samples were declared, {len(images)} images and {len(labels)} labels are there."
            )
        self.images, self.labels, self.plan = images, labels, plan
        # A tensor: CUDA multiplies by the reciprocal of a plain number, which is off in the last bit.
        self._white = torch.tensor(255.0, device=images.device)

    def batch(self, number: int, order: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Batch `number` (from 0) of the given order: float images in [0, 1], and labels.

        The images equal torchvision's ``ToTensor`` of each, bit for bit.
        """
        start, stop = self.plan.bounds(number)
        if order is None:
            images, labels = self.images[start:stop], self.labels[start:stop]
        else:
            chosen = order[start:stop]
            images, labels = self.images.index_select(0, chosen), self.labels.index_select(0, chosen)
        return images / self._white, labels

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self.images.nbytes + self.labels.nbytes


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
    starts = range(0, len(images), 4096)
    parts = (images[start : start + 4096].float() for start in starts)
    scaled = (interpolate(part, (size, size), mode="bilinear", antialias=True) for part in parts)
    return torch.cat([part.round_().clamp_(0, 255).to(torch.uint8) for part in scaled])


def load_split(settings: DataSettings, *, train: bool, device: torch.device) -> Split:
    """Read one split of the chosen dataset, resize it if asked to, and put it on `device`.

    Raises:
        DataMissing, DataDamaged: see `DatasetChoice.load`.
    """
    images, labels = settings.dataset.load(folders.data_root(settings.data_root), train=train)
    plan = settings.train_plan if train else settings.test_plan
    return Split(resized(images, settings.image_size).to(device), labels.to(device), plan)
