"""From bytes to what the model sees, a batch at a time on its device."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from desktop_trainer.engine.data import Transform
from desktop_trainer.engine.images.augmentation import Step, Steps, steps, switched_on
from desktop_trainer.engine.images.normalization import IMAGENET, Statistics, symmetric
from desktop_trainer.engine.randomness import Uniforms
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.settings import Experiment


class ToFloat:
    """Conversion and normalisation; a `Transform`, for which it is all the same which samples they are.

    It equals torchvision's ``ToTensor``, then ``Normalize``, bit for bit.

    Attributes:
        statistics: what is subtracted and divided by; None leaves the images in [0, 1].
    """

    def __init__(self, device: torch.device, statistics: Statistics | None = None) -> None:
        # A tensor: CUDA multiplies by the reciprocal of a plain number, which is off in the last bit.
        self._white = torch.tensor(255.0, device=device)
        self.statistics = statistics
        numbers = () if statistics is None else (statistics.mean, statistics.std)
        self._normalization = [torch.tensor(each, device=device)[:, None, None] for each in numbers]

    def __call__(self, images: Tensor, indices: Tensor) -> Tensor:  # noqa: ARG002
        """See `Transform`."""
        return self.normalised(self.converted(images))

    def converted(self, images: Tensor) -> Tensor:
        """From bytes to floats in [0, 1]."""
        return images / self._white

    def normalised(self, images: Tensor) -> Tensor:
        """Floats in [0, 1], changed in place."""
        if self._normalization:
            mean, std = self._normalization
            images.sub_(mean).div_(std)
        return images

    def restored(self, images: Tensor) -> Tensor:
        """The bytes that `images`, as the model sees them, come from; colours that augmentation made, rounded to
        such.
        """
        if self._normalization:
            mean, std = self._normalization
            images = images * std + mean
        return (images * self._white).round_().clamp_(0, 255).to(torch.uint8)


class Augmented:
    """`plain` with random changes, those of one epoch; a `Transform`."""

    def __init__(self, plain: ToFloat, changes: Steps, uniforms: Uniforms) -> None:
        self._plain, self._changes, self._uniforms = plain, changes, uniforms
        self._columns = [len(step.columns) for step in changes.all]

    def __call__(self, images: Tensor, indices: Tensor) -> Tensor:
        """See `Transform`."""
        draws = iter(torch.split(self._uniforms(indices), self._columns))
        images = self._plain.converted(_changed(images, self._changes.of_bytes, draws))
        images = self._plain.normalised(_changed(images, self._changes.of_floats, draws))
        return _changed(images, self._changes.at_last, draws)


def _changed(images: Tensor, changes: list[Step], draws: Iterator[Tensor]) -> Tensor:
    for step in changes:
        images = step.change(images, next(draws))
    return images


class Transforms:
    """What is done with the images of an experiment on `device`.

    Args:
        info: what is known of the images as they come, resized.
        measured: the statistics of the training images, where the experiment asks for normalisation by these.

    Attributes:
        plain: the `Transform` of an examination.
        measured: as given.
        words: what distinguishes it from a mere conversion, by its usual names.

    Raises:
        ValueError: if the statistics are not of so many channels.
    """

    def __init__(
        self, experiment: Experiment, info: DataInfo, device: torch.device, measured: Statistics | None = None
    ) -> None:
        statistics = _statistics(experiment.data.normalization, info.channels, measured)
        if statistics is not None and len(statistics.mean) != info.channels:
            raise ValueError(f"{info.channels} channels, and statistics of {len(statistics.mean)}.")
        self.plain, self.measured = ToFloat(device, statistics), measured
        self._seed, self._device = experiment.training.seed, device
        self._changes = steps(experiment.augmentation, info, device)
        self._of_epoch: tuple[int, Transform] = -1, self.plain
        self.words = list(_words(experiment, info.channels, measured))

    def of_epoch(self, epoch: int) -> Transform:
        """The `Transform` of the training images in `epoch` (from 0): what is drawn for a sample depends on nothing
        else.
        """
        if self._of_epoch[0] != epoch:
            self._of_epoch = epoch, self._made(epoch)
        return self._of_epoch[1]

    def _made(self, epoch: int) -> Transform:
        columns = [column for step in self._changes.all for column in step.columns]
        if not columns:
            return self.plain
        return Augmented(self.plain, self._changes, Uniforms(self._seed, epoch, columns, self._device))


def _statistics(normalization: str, channels: int, measured: Statistics | None) -> Statistics | None:
    if normalization == "dataset" and measured is None:
        raise ValueError("There are no statistics of the training images.")
    return {"dataset": measured, "imagenet": IMAGENET, "symmetric": symmetric(channels)}.get(normalization)


def _words(experiment: Experiment, channels: int, measured: Statistics | None) -> Iterator[str]:
    if (normalization := experiment.data.normalization) != "none":
        yield f"normalization {normalization} ({measured})" if measured else f"normalization {normalization}"
    if on := switched_on(experiment.augmentation, channels):
        yield f"augmentation ({', '.join(f'{name} {value:g}' for name, value in on.items())})"
