"""The models of a run that others can open: of its end, and of its best epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_trainer.engine.events import EpochEnded
from desktop_trainer.runs.files import Disk
from desktop_trainer.runs.model_file import ModelFileError, SavedModel, load_model, save_model
from desktop_trainer.runs.run_folder import BEST, MODEL

if TYPE_CHECKING:
    from torch import Tensor

_FIGURES = ("epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy")


class KeptModels:
    """What ``model.safetensors`` and ``best.safetensors`` in `folder` hold, or will with the next `write`.

    A model that is not finite is never kept.

    Attributes:
        last: the model of the last whole epoch, or of the end; None before.
        figures: the results of the last whole epoch, by name.
    """

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self._folder, self._disk = folder, disk
        self.last: SavedModel | None = None
        self.figures: dict[str, float] = {}
        self._best_accuracy = -1.0
        self._unwritten: dict[str, SavedModel] = {}

    def recall(self, ended: EpochEnded | None) -> None:
        """Take over what the files hold, in a run that goes on after the epoch `ended`."""
        self.last = _read(self._folder / MODEL)
        self.figures = {} if ended is None else _figures(ended)
        # Also of an epoch that the run goes back behind: there is no better model to have.
        if (best := _read(self._folder / BEST)) is not None:
            self._best_accuracy = best.metrics.get("test_accuracy", -1.0)

    def end_epoch(self, ended: EpochEnded, snapshot: Callable[[], SavedModel]) -> None:
        """Keep the model that `snapshot` gives after the epoch: as the last, and as the best at the highest test
        accuracy.
        """
        self.figures = _figures(ended)
        model = snapshot()
        if self.keep(model) and ended.test_accuracy > self._best_accuracy:
            self._best_accuracy = ended.test_accuracy
            self._unwritten[BEST] = model

    def keep(self, model: SavedModel) -> bool:
        """Keep `model` as the last, if it is finite; returns whether it is."""
        if good := finite(model.weights):
            self.last = self._unwritten[MODEL] = model
        return good

    def write_again(self) -> None:
        """Let the next `write` make files anew that have been deleted: the best model there is yet is then the last
        one.
        """
        if self.last is None:
            return
        if not (self._folder / MODEL).exists():
            self._unwritten.setdefault(MODEL, self.last)
        if not (self._folder / BEST).exists() and self._best_accuracy >= 0:
            self._best_accuracy = self.last.metrics.get("test_accuracy", -1.0)
            self._unwritten.setdefault(BEST, self.last)

    def write(self) -> None:
        """Write what is new.

        Raises:
            SaveFailed: if that was not possible; the files from before are still there, and `write` can be tried again.
        """
        for name, model in list(self._unwritten.items()):
            save_model(self._folder / name, model, self._disk, links=False)
            del self._unwritten[name]


def finite(weights: Mapping[str, Tensor]) -> bool:
    """Whether every number is one."""
    return all(bool(tensor.isfinite().all()) for tensor in weights.values())


def _figures(ended: EpochEnded) -> dict[str, float]:
    return {name: getattr(ended, name) for name in _FIGURES}


def _read(path: Path) -> SavedModel | None:
    """What a file of the run holds; None if it cannot be read: the run goes on and writes it anew."""
    try:
        return load_model(path, links=False)
    except ModelFileError:
        return None
