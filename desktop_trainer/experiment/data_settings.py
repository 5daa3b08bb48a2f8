"""The settings of the data: which samples, and how they are cut into batches."""

from __future__ import annotations

from typing import Annotated, Literal

from desktop_trainer.experiment.batches import BatchPlan
from desktop_trainer.experiment.choices import DATASETS, DatasetChoice
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.network import FolderPath
from desktop_trainer.experiment.section import Section, setting
from desktop_trainer.i18n import mark


class DataSettings(Section):
    """Which samples, and how they are cut into batches."""

    title = mark("Data")

    dataset: Annotated[DatasetChoice, DATASETS] = setting(
        "digits",
        mark("Dataset"),
        mark(
            "The images to learn from, with the class of each. They come in two parts: the training "
            "set teaches, the test set examines."
        ),
        fixed=True,
    )
    image_size: int = setting(
        0,
        mark("Image size"),
        mark(
            "The height and width that every image gets. 0 leaves images as they are stored; of a "
            "folder, where each may be "
            "different, it makes them 64. Larger shows more detail, takes longer and needs more "
            "memory; some models need a "
            "smallest size, and say so. Usual: 0, for photographs 64 to 224."
        ),
        unit=mark("pixels"),
        ge=0,
        zero=mark("automatic"),
        le=512,
        fixed=True,
    )
    batch_size: int = setting(
        256,
        mark("Batch size"),
        mark(
            "How many samples one step looks at. Larger batches give smoother gradients, fewer steps "
            "an epoch, and need "
            "more memory; smaller ones give more, noisier steps. Usual: 32 to 256."
        ),
        unit=mark("samples"),
        ge=1,
        le=1_000_000,
        fixed=True,
    )
    test_batch_size: int = setting(
        0,
        mark("Test batch size"),
        mark(
            "How many test samples are examined at a time. 0 takes the batch size. Larger is faster, "
            "as long as there is "
            "memory for them: nothing is learned there, so the figures stay the same but for "
            "rounding. Usual: 0, or 1000."
        ),
        unit=mark("samples"),
        advanced=True,
        ge=0,
        zero=mark("as in training"),
        le=1_000_000,
    )
    drop_last: bool = setting(
        False,
        mark("Drop last batch"),
        mark(
            "Leave out the last batch of an epoch when it is smaller than the others. Then every "
            "step sees the same number "
            "of samples, and a few samples are not seen in that epoch. Usually off."
        ),
        fixed=True,
    )
    shuffle: bool = setting(
        True,
        mark("Shuffle"),
        mark(
            "Take the training samples in a new random order each epoch, determined by the seed. "
            "Without it every epoch "
            "repeats the same batches, which usually learns worse. Usually on."
        ),
        advanced=True,
        fixed=True,
    )
    normalization: Literal["none", "dataset", "imagenet", "symmetric"] = setting(
        "none",
        mark("Normalization"),
        mark(
            "How pixels become the numbers that the model sees. none: from 0 (black) to 1 (white). "
            "dataset: minus the mean, "
            "divided by the standard deviation of each channel, measured on the training images. "
            "imagenet: the same with "
            "the published numbers of ImageNet, for colour images and models trained on those. "
            "symmetric: from -1 to 1. "
            "Numbers around 0 often learn faster. Usual: none in first lessons, dataset for deep models."
        ),
        advanced=True,
        fixed=True,
    )
    data_root: FolderPath = setting(
        "",
        mark("Data folder"),
        mark(
            "The folder that holds the datasets, laid out as torchvision does. Empty means the environment variable "
            "DESKTOP_TRAINER_DATA, else the program's own folder."
        ),
        advanced=True,
        local=True,
        max_length=4096,
        editor="data_root",
    )

    placement: Literal["auto", "memory", "stream"] = setting(
        "auto",
        mark("Data placement"),
        mark(
            "Where the samples are during the training. memory: all of them on the device that "
            "computes, which is fastest. "
            "stream: read again in each epoch, a few batches ahead. auto: in memory if they fit. The "
            "results are the same."
        ),
        advanced=True,
        local=True,
    )
    memory_limit_mb: int = setting(
        0,
        mark("Memory limit"),
        mark(
            "The most memory that the samples of training and test set may take, at one byte for "
            "each pixel and channel. "
            "A larger limit keeps larger datasets in memory and leaves less for everything else. 0, "
            "which is usual, allows "
            "a quarter of what is free on the device that computes and in the machine."
        ),
        unit="MB",
        advanced=True,
        local=True,
        ge=0,
        zero=mark("automatic"),
        le=10_000_000,
    )
    workers: int = setting(
        2,
        mark("Data workers"),
        mark(
            "How many processes read the samples when they are streamed. More read faster until the "
            "disk or the processor "
            "is busy, and take memory each. 0 reads them in the training itself. Usual: 2 to 8."
        ),
        advanced=True,
        local=True,
        ge=0,
        le=128,
    )

    @property
    def info(self) -> DataInfo:
        """What the model will see: counts, image size after resizing, classes.

        Raises:
            DataUnknown: see `DatasetChoice.info`; also by the plans.
        """
        return self.dataset.info().resized(self.image_size)

    @property
    def train_plan(self) -> BatchPlan:
        """How the training set is cut into batches."""
        return self.plan(self.dataset.info(), train=True)

    @property
    def test_plan(self) -> BatchPlan:
        """How the test set is cut into batches: every sample is examined."""
        return self.plan(self.dataset.info(), train=False)

    def plan(self, info: DataInfo, *, train: bool) -> BatchPlan:
        """How a split of the data that `info` tells of is cut into batches."""
        if train:
            return BatchPlan(info.train_samples, self.batch_size, self.drop_last)
        return BatchPlan(info.test_samples, self.test_batch_size or self.batch_size)
