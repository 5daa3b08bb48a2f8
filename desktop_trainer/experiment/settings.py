"""An experiment: every setting of a training run, declared once, frozen, self-checking. Knows neither torch nor Qt."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from desktop_trainer.experiment.augmentation_settings import AugmentationSettings
from desktop_trainer.experiment.batches import BatchPlan
from desktop_trainer.experiment.choices import (
    INITIALIZERS,
    LOSSES,
    MODELS,
    OPTIMIZERS,
    DatasetChoice,
    InitializerChoice,
    LossChoice,
    ModelChoice,
    OptimizerChoice,
)
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.data_settings import DataSettings
from desktop_trainer.experiment.device_settings import DeviceSettings
from desktop_trainer.experiment.saving_settings import SavingSettings
from desktop_trainer.experiment.section import Section, setting
from desktop_trainer.experiment.training_settings import TrainingSettings
from desktop_trainer.i18n import mark, tr

_DEFAULTS: Any = {}


class Experiment(Section):
    """Everything that determines a run. Its JSON is what files and ``--config`` hold."""

    data: DataSettings = _DEFAULTS
    augmentation: AugmentationSettings = _DEFAULTS
    model: Annotated[ModelChoice, MODELS] = setting(
        "mlp",
        mark("Model"),
        mark("The function that learns: from the pixels of an image to one number for each class."),
        fixed=True,
    )
    initializer: Annotated[InitializerChoice, INITIALIZERS] = setting(
        "default",
        mark("Initialization"),
        mark(
            "How the parameters start before the first step. It decides how signals and gradients "
            "pass through the layers "
            "at first: all zeros never break symmetry, too large values saturate sigmoids. Usual: "
            "PyTorch's default or Xavier."
        ),
        advanced=True,
        fixed=True,
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
            "The rule by which the parameters follow the gradient downhill. SGD is the plain rule; "
            "Adam adapts the step to each parameter."
        ),
        fixed=True,
    )
    training: TrainingSettings = _DEFAULTS
    device: DeviceSettings = _DEFAULTS
    saving: SavingSettings = _DEFAULTS

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Settings that are right alone but not together; files are not looked at, so that any experiment can be
        read.
        """
        if not self.data.dataset.counts_files:
            self.check_fit(self.data.dataset.info())
        return self

    def settled(self, channels: int) -> Experiment:
        """The same with what was left to the data decided; see `DatasetChoice.settled`."""
        return self._with_dataset(self.data.dataset.settled(channels))

    def settled_as(self, other: Experiment) -> Experiment:
        """The same with what is left to the data as `other` has it, which was trained; see
        `DatasetChoice.settled_as`.
        """
        return self._with_dataset(self.data.dataset.settled_as(other.data.dataset))

    def _with_dataset(self, dataset: DatasetChoice) -> Experiment:
        return self.model_copy(update={"data": self.data.model_copy(update={"dataset": dataset})})

    def check_fit(self, info: DataInfo) -> None:
        """See whether the settings fit each other and such data, of which `info` says what is stored.

        Raises:
            ValidationError: if not; it blames one setting.
        """
        plan = BatchPlan(info.train_samples, self.data.batch_size, self.data.drop_last)
        if plan.batches == 0:
            raise _conflict(("data", "batch_size"), self.data.batch_size, _no_batch(plan))
        info, size = info.resized(self.data.image_size), self.model.minimum_size
        if min(info.height, info.width) < size:
            text = tr(
                "{model} needs images of at least {size} x {size} pixels; these have {height} x {width}. "
                "Set the image size to {size} or more.",
                model=tr(self.model.label),
                size=size,
                height=info.height,
                width=info.width,
            )
            raise _conflict(("model",), self.model.name, text)
        if self.data.normalization == "imagenet" and info.channels != 3:
            text = tr(
                "imagenet has a mean and a standard deviation for each of 3 channels; these images have "
                "{channels}. Choose dataset, which measures them, or another normalization.",
                channels=info.channels,
            )
            raise _conflict(("data", "normalization"), self.data.normalization, text)


def _no_batch(plan: BatchPlan) -> str:
    return tr(
        "No batch is left: {batch_size} is more than the {samples} training samples, and the "
        "incomplete batch is dropped. "
        "Choose at most {samples}, or do not drop the last batch.",
        batch_size=plan.batch_size,
        samples=plan.samples,
    )


def _conflict(loc: tuple[str, ...], value: Any, message: str) -> ValidationError:
    error = PydanticCustomError("conflict", "{message}", {"message": message})
    return ValidationError.from_exception_data("Experiment", [InitErrorDetails(type=error, loc=loc, input=value)])
