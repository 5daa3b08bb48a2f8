"""Whether a run that is paused, or goes on, can do so with other settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from desktop_trainer.experiment.errors import ExperimentError, Problem
from desktop_trainer.experiment.keeping import changes_at_once
from desktop_trainer.i18n import tr, trn

if TYPE_CHECKING:
    from desktop_trainer.engine.training import Training
    from desktop_trainer.experiment.difference import Difference
    from desktop_trainer.experiment.settings import Experiment

FOLDER = "data.dataset.folder"
"""Where a dataset's files lie: they may have been moved, and are then told by their fingerprint."""


def check_changes(changes: Iterable[Difference], experiment: Experiment, training: Training) -> None:
    """See whether a run that is paused can go on with these changes, which make `experiment` of its settings.

    Raises:
        ExperimentError: if not.
    """
    wrong = [change.path for change in changes if not changes_at_once(change.path)]
    if wrong:
        text = tr(
            "This setting cannot change while the run is paused. Stop the run, then continue it with the other value."
        )
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
