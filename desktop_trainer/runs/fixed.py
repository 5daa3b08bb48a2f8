"""Which settings a run keeps for as long as it goes on, and which may change even in its pauses. Knows paths of settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from desktop_trainer.experiment.errors import ExperimentError, Problem
from desktop_trainer.i18n import tr, trn

if TYPE_CHECKING:
    from desktop_trainer.engine.training import Training
    from desktop_trainer.experiment.difference import Difference
    from desktop_trainer.experiment.settings import Experiment

_FIXED = (
    "data.dataset", "data.batch_size", "data.drop_last", "data.shuffle", "data.image_size", "data.normalization",
    "model", "initializer", "training.seed",
)  # fmt: skip
FOLDER = "data.dataset.folder"
"""Where a dataset's files lie: they may have been moved, and are then told by their fingerprint."""
_AT_ONCE = ("augmentation", "optimizer", "training.epochs", "training.patience")


def is_fixed(path: str) -> bool:
    """Whether a run that goes on keeps the setting: with another value it would be another run.

    The folder of its images is not, as long as these are the same. Which optimizer it has is fixed, because of what that remembers; the optimizer's options are not.
    """
    return path == "optimizer" or (path != FOLDER and any(f"{path}.".startswith(f"{fixed}.") for fixed in _FIXED))


def changes_at_once(path: str) -> bool:
    """Whether the setting may be changed while a run is paused, without anything being loaded or built again."""
    return (
        not is_fixed(path) and path != "optimizer.fused" and any(f"{path}.".startswith(f"{each}.") for each in _AT_ONCE)
    )


def check_changes(changes: Iterable[Difference], experiment: Experiment, training: Training) -> None:
    """See whether a run that is paused can go on with these changes, which make `experiment` of its settings.

    Raises:
        ExperimentError: if not.
    """
    wrong = [change.path for change in changes if not changes_at_once(change.path)]
    if wrong:
        text = tr("This setting cannot change while the run is paused. Stop the run, then continue it with the other value.")  # fmt: skip
        raise ExperimentError([Problem(path, text) for path in wrong])
    check_epochs(experiment.training.epochs, training.epoch, training.batch, completed=False)


def check_epochs(epochs: int, done: int, batch: int, *, completed: bool) -> None:
    """Refuse as many epochs as are `done` already: there would be nothing to train.

    Raises:
        ExperimentError: then.
    """
    if (done, batch) > (epochs, 0) or ((done, batch) == (epochs, 0) and completed):
        text = trn("The run has done {n} epoch; ask for more.", "The run has done {n} epochs; ask for more.", done)
        raise ExperimentError([Problem("training.epochs", text)])
