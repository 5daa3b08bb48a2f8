"""The kinds of choice and what each must be able to do. Knows no particular dataset, model or optimizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from desktop_trainer.experiment.data import DataInfo, LoadedSamples, Preparing, Samples, Source
from desktop_trainer.experiment.registry import Choice, Registry
from desktop_trainer.experiment.remote import Remote
from desktop_trainer.experiment.section import setting
from desktop_trainer.i18n import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping
    from pathlib import Path

    from torch import Tensor, nn
    from torch.optim import Optimizer


class DatasetChoice(Choice):
    """A dataset of images with a class each."""

    fixed = True
    remote: ClassVar[Remote | None] = None
    counts_files: ClassVar[bool] = False
    """Whether `info` depends on files, not on the options alone; it may then take its time, and raise `DataUnknown`."""
    usual_size: ClassVar[int] = 0
    """The image size to begin with, in pixels; 0 leaves images as they are stored."""

    @classmethod
    def upgraded(cls, data: dict[str, Any]) -> dict[str, Any]:
        """The values of the section of data with this dataset, which an earlier version may have written, in
        today's form.
        """
        return data

    def info(self) -> DataInfo:
        """Counts, image size and class names, without loading anything.

        Raises:
            DataUnknown: if `counts_files`, and they are not as they must be.
        """
        raise NotImplementedError

    def counting(self) -> bool:
        """Whether `info` would keep its caller waiting; if so, the files are being counted meanwhile."""
        return False

    def count(self) -> Generator[Preparing, None, DataInfo]:
        """`info`, anew; yields how far it is.

        Raises:
            DataUnknown: see `info`.
        """
        yield from ()
        return self.info()

    def as_read(self, image_size: int) -> DataInfo:  # noqa: ARG002
        """What can be read once it is prepared for this image size; may raise as `info` does."""
        return self.info()

    def settled(self, channels: int) -> Self:  # noqa: ARG002
        """The same with what was left to the files decided, once their images are known to have so many channels."""
        return self

    def settled_as(self, other: DatasetChoice) -> Self:  # noqa: ARG002
        """The same with what is left to the files decided as `other`, a choice of the same files, has it."""
        return self

    def stored(self) -> str:
        """The size of the images as they are stored, in words, in the current language; may raise as `info` does."""
        info = self.info()
        return f"{info.width} x {info.height}"

    def without_effect(self) -> Mapping[str, str]:
        """Options that change nothing now, and why: a sentence in the current language; may raise as `info` does."""
        return {}

    def present(self, root: Path) -> bool:  # noqa: ARG002
        """Whether `load` would find its files below `root`."""
        return True

    def load(self, root: Path, *, train: bool) -> tuple[Tensor, Tensor]:
        """One split: images uint8 ``(n, channels, height, width)``, labels int64 ``(n,)``, both on the CPU.

        Raises:
            DataMissing: if files are not below `root`.
            DataDamaged: if they cannot be read.
        """
        raise NotImplementedError

    def open(self, root: Path, *, train: bool) -> Samples:
        """The samples that `load` gives; read as they are wanted, if the files allow it.

        Raises:
            DataMissing, DataDamaged: as `load`.
        """
        return LoadedSamples(*self.load(root, train=train))

    def prepare(self, root: Path, image_size: int = 0) -> Generator[Preparing, None, Source]:  # noqa: ARG002
        """Do what takes long and need be done only once; yields how far it is, returns what can be read.

        Args:
            image_size: what images are going to be resized to, 0 if they are not. They may have that size at once.

        Raises:
            DataMissing, DataDamaged, DataUnknown: as `load` and `info`.
        """
        yield from ()
        return _AsItIs(self, root)


@dataclass(frozen=True, slots=True)
class _AsItIs:
    """The `Source` of a dataset that needs no preparation."""

    dataset: DatasetChoice
    root: Path
    notices: tuple[str, ...] = ()

    @property
    def info(self) -> DataInfo:
        return self.dataset.info()

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        return self.dataset.load(self.root, train=train)

    def open(self, *, train: bool) -> Samples:
        return self.dataset.open(self.root, train=train)


class ModelChoice(Choice):
    """A model: what maps float images ``(n, channels, height, width)``, in [0, 1] or normalised, to logits ``(n,
    classes)``.
    """

    fixed = True
    minimum_size: ClassVar[int] = 1
    """The smallest height and width, in pixels, that the model takes."""
    channels_last: ClassVar[bool] = False
    """Whether it was measured to be faster, or no slower, in the memory format channels_last; ``auto`` goes by it."""

    def build(self, info: DataInfo) -> nn.Module:
        """A new model for such data, with PyTorch's default initialisation, drawn from torch's global generator."""
        raise NotImplementedError


class InitializerChoice(Choice):
    """How the parameters start."""

    fixed = True

    def apply(self, model: nn.Module) -> None:
        """Initialise `model` in place, with torch's global generator."""
        raise NotImplementedError


class LossChoice(Choice):
    """What is minimised."""

    def build(self) -> Callable[[Tensor, Tensor], Tensor]:
        """A function of logits ``(n, classes)`` and labels ``(n,)`` to the mean loss, a scalar."""
        raise NotImplementedError


class OptimizerChoice(Choice):
    """How the parameters follow the gradient."""

    at_once = True

    lr: float = setting(
        0.1,
        mark("Learning rate"),
        mark(
            "How far each step moves the parameters. Larger learns faster until the loss jumps or "
            "becomes NaN; smaller is "
            "steadier and slower. Usual: 0.1 for SGD, 0.001 for Adam."
        ),
        gt=0,
        le=1e12,
    )

    def build(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """An optimizer over `parameters`."""
        raise NotImplementedError


_CATALOG = "desktop_trainer.catalog."
DATASETS: Registry[DatasetChoice] = Registry("datasets", _CATALOG + "datasets")
MODELS: Registry[ModelChoice] = Registry("models", _CATALOG + "models")
INITIALIZERS: Registry[InitializerChoice] = Registry("initializers", _CATALOG + "initializers")
LOSSES: Registry[LossChoice] = Registry("losses", _CATALOG + "losses")
OPTIMIZERS: Registry[OptimizerChoice] = Registry("optimizers", _CATALOG + "optimizers")
REGISTRIES = {registry.kind: registry for registry in (DATASETS, MODELS, INITIALIZERS, LOSSES, OPTIMIZERS)}
