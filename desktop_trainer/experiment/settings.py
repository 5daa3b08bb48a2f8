"""An experiment: every setting of a training run, declared once, frozen, self-checking. Knows neither torch nor Qt."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from desktop_trainer.experiment.batches import BatchPlan
from desktop_trainer.experiment.choices import (
    DATASETS,
    INITIALIZERS,
    LOSSES,
    MODELS,
    OPTIMIZERS,
    DataInfo,
    DatasetChoice,
    InitializerChoice,
    LossChoice,
    ModelChoice,
    OptimizerChoice,
)
from desktop_trainer.experiment.section import Section, setting
from desktop_trainer.i18n import mark, tr


class DataSettings(Section):
    """Which samples, and how they are cut into batches."""

    dataset: Annotated[DatasetChoice, DATASETS] = setting(
        "digits",
        mark("Dataset"),
        mark(
            "The images to learn from, with the class of each. They come in two parts: the training set teaches, the test set examines."
        ),
    )
    batch_size: int = setting(
        256,
        mark("Batch size"),
        mark(
            "How many samples one step looks at. Larger batches give smoother gradients, fewer steps an epoch, and need "
            "more memory; smaller ones give more, noisier steps. Usual: 32 to 256."
        ),
        unit=mark("samples"),
        ge=1,
        le=1_000_000,
    )
    drop_last: bool = setting(
        False,
        mark("Drop last batch"),
        mark(
            "Leave out the last batch of an epoch when it is smaller than the others. Then every step sees the same number "
            "of samples, and a few samples are not seen in that epoch. Usually off."
        ),
    )
    shuffle: bool = setting(
        True,
        mark("Shuffle"),
        mark(
            "Take the training samples in a new random order each epoch, determined by the seed. Without it every epoch "
            "repeats the same batches, which usually learns worse. Usually on."
        ),
        advanced=True,
    )
    image_size: int = setting(
        0,
        mark("Image size"),
        mark(
            "Resize every image to this height and width. 0 leaves images as they are. Larger shows more detail and takes "
            "longer; some models need a smallest size: LeNet 16."
        ),
        unit=mark("pixels"),
        advanced=True,
        ge=0,
        le=512,
    )
    data_root: str = setting(
        "",
        mark("Data folder"),
        mark(
            "The folder that holds the datasets, laid out as torchvision does. Empty means the environment variable "
            "DESKTOP_TRAINER_DATA, else the program's own folder."
        ),
        advanced=True,
        local=True,
        max_length=4096,
    )

    @property
    def info(self) -> DataInfo:
        """What the model will see: counts, image size after resizing, classes."""
        return self.dataset.info().resized(self.image_size)

    @property
    def train_plan(self) -> BatchPlan:
        """How the training set is cut into batches."""
        return BatchPlan(self.dataset.info().train_samples, self.batch_size, self.drop_last)

    @property
    def test_plan(self) -> BatchPlan:
        """How the test set is cut into batches: every sample is examined."""
        return BatchPlan(self.dataset.info().test_samples, self.batch_size)


class TrainingSettings(Section):
    """How long, and from which random numbers."""

    epochs: int = setting(
        10,
        mark("Epochs"),
        mark(
            "How often the training goes through all training samples. More epochs learn more, until the test accuracy "
            "stops rising while the training accuracy goes on (overfitting). Usual: 3 to 100."
        ),
        ge=1,
        le=100_000,
    )
    seed: int = setting(
        0,
        mark("Seed"),
        mark(
            "Where the random numbers start: initial parameters, order of the samples, dropout. The same seed on the same "
            "machine gives the same run; another seed shows how much was luck."
        ),
        ge=0,
        le=2_147_483_647,
    )


class DeviceSettings(Section):
    """What computes."""

    name: str = setting(
        "auto",
        mark("Device"),
        mark(
            "What computes: cpu, a CUDA graphics card by its index (cuda:0), or Apple's graphics chip (mps). auto takes the "
            "first graphics card, else the CPU, and says which."
        ),
        pattern=r"^(auto|cpu|mps|cuda(:\d{1,3})?)$",
    )
    threads: int = setting(
        0,
        mark("CPU threads"),
        mark(
            "How many threads one operation of PyTorch uses on the CPU. 0 leaves the choice to PyTorch: one a core. Another "
            "number can change the last digits of the results, because sums are taken in another order."
        ),
        advanced=True,
        local=True,
        ge=0,
        le=1024,
    )


_DEFAULTS: Any = {}


class Experiment(Section):
    """Everything that determines a run. Its JSON is what files and ``--config`` hold."""

    data: DataSettings = _DEFAULTS
    model: Annotated[ModelChoice, MODELS] = setting(
        "mlp",
        mark("Model"),
        mark("The function that learns: from the pixels of an image to one number for each class."),
    )
    initializer: Annotated[InitializerChoice, INITIALIZERS] = setting(
        "default",
        mark("Initialization"),
        mark(
            "How the parameters start before the first step. It decides how signals and gradients pass through the layers "
            "at first: all zeros never break symmetry, too large values saturate sigmoids. Usual: PyTorch's default or Xavier."
        ),
        advanced=True,
    )
    loss: Annotated[LossChoice, LOSSES] = setting(
        "cross_entropy",
        mark("Loss"),
        mark("The number that training makes small: how wrong the model's answers are, averaged over the batch."),
        advanced=True,
    )
    optimizer: Annotated[OptimizerChoice, OPTIMIZERS] = setting(
        "adam",
        mark("Optimizer"),
        mark(
            "The rule by which the parameters follow the gradient downhill. SGD is the plain rule; Adam adapts the step to each parameter."
        ),
    )
    training: TrainingSettings = _DEFAULTS
    device: DeviceSettings = _DEFAULTS

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Settings that are right alone but not together, each blamed on one setting."""
        if self.data.train_plan.batches == 0:
            raise _conflict(("data", "batch_size"), self.data.batch_size, _no_batch(self.data.train_plan))
        info, size = self.data.info, self.model.minimum_size
        if min(info.height, info.width) < size:
            text = tr(
                "{model} needs images of at least {size} x {size} pixels; these have {height} x {width}. Set the image size to {size} or more.",
                model=tr(self.model.label), size=size, height=info.height, width=info.width,
            )  # fmt: skip
            raise _conflict(("model",), self.model.name, text)
        return self


def _no_batch(plan: BatchPlan) -> str:
    return tr(
        "No batch is left: {batch_size} is more than the {samples} training samples, and the incomplete batch is dropped. "
        "Choose at most {samples}, or do not drop the last batch.",
        batch_size=plan.batch_size,
        samples=plan.samples,
    )


def _conflict(loc: tuple[str, ...], value: Any, message: str) -> ValidationError:
    error = PydanticCustomError("conflict", "{message}", {"message": message})
    return ValidationError.from_exception_data("Experiment", [InitErrorDetails(type=error, loc=loc, input=value)])
