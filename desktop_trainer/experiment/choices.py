"""The kinds of choice and what each must be able to do. Knows no particular dataset, model or optimizer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from desktop_trainer.experiment.registry import Choice, Registry
from desktop_trainer.experiment.section import setting
from desktop_trainer.i18n import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from torch import Tensor, nn
    from torch.optim import Optimizer


@dataclass(frozen=True, slots=True)
class DataInfo:
    """What is known of a dataset before it is loaded. Images are `channels` x `height` x `width`."""

    train_samples: int
    test_samples: int
    channels: int
    height: int
    width: int
    class_names: tuple[str, ...]

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    def resized(self, size: int) -> DataInfo:
        """The same with square images of `size` pixels; 0 leaves them as they are."""
        return replace(self, height=size, width=size) if size else self


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One archive to download: a single file packed with gzip (``.gz``), or a folder (``.tar.gz``).

    Attributes:
        name: the archive's name below each mirror. A ``.gz`` unpacks to the same name without its ending.
        digest: ``md5:...`` or ``sha256:...`` in hex.
        unpacked_bytes: what it unpacks to: exactly for a ``.gz``, at most for a ``.tar.gz``.
        of_content: the digest is of the unpacked content, not of the archive; for a ``.gz`` only.
    """

    name: str
    digest: str
    unpacked_bytes: int
    of_content: bool = False


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a dataset comes from.

    Attributes:
        mirrors: addresses of folders, each ending in ``/``, tried in this order.
        files: what to fetch from there.
        folder: where to unpack them, below the data root: names joined by ``/``, empty for the data root itself.
    """

    mirrors: tuple[str, ...]
    files: tuple[RemoteFile, ...]
    folder: str = ""


class DatasetChoice(Choice):
    """A dataset of images with a class each."""

    remote: ClassVar[Remote | None] = None

    def info(self) -> DataInfo:
        """Counts, image size and class names, without loading anything."""
        raise NotImplementedError

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


class ModelChoice(Choice):
    """A model: what maps float images ``(n, channels, height, width)`` in [0, 1] to logits ``(n, classes)``."""

    minimum_size: ClassVar[int] = 1
    """The smallest height and width, in pixels, that the model takes."""

    def build(self, info: DataInfo) -> nn.Module:
        """A new model for such data, with PyTorch's default initialisation, drawn from torch's global generator."""
        raise NotImplementedError


class InitializerChoice(Choice):
    """How the parameters start."""

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

    lr: float = setting(
        0.1,
        mark("Learning rate"),
        mark(
            "How far each step moves the parameters. Larger learns faster until the loss jumps or becomes NaN; smaller is "
            "steadier and slower. Usual: 0.1 for SGD, 0.001 for Adam. LeNet with sigmoids and SGD wants 0.9."
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
