"""What a run that is to go on can take over of other settings, and what not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop_trainer.experiment.difference import Difference, differences
from desktop_trainer.experiment.fields import shared_values, to_values, with_local, with_value
from desktop_trainer.experiment.keeping import is_fixed
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.runs.fixed import FOLDER
from desktop_trainer.runs.history import History, JournalReader
from desktop_trainer.runs.lost import known_settings
from desktop_trainer.runs.moved import lost_folder

EPOCHS = "training.epochs"


@dataclass(frozen=True, slots=True)
class Proposal:
    """How a run can go on.

    Attributes:
        experiment: what it was trained with last, with this machine's settings.
        needed: what must change for it to have something to do, by dotted path: a run that did all of its epochs
            gets more.
        offered: what it can take over of the other settings. kept: what is otherwise there and cannot change.
    """

    experiment: Experiment
    needed: Mapping[str, Any]
    offered: tuple[Difference, ...] = ()
    kept: tuple[Difference, ...] = ()

    @property
    def changes(self) -> dict[str, Any]:
        """What changes if it takes over all that it can, by dotted path."""
        return {**self.needed, **{each.path: each.after for each in self.offered}}

    def with_changes(self, changes: Mapping[str, Any]) -> Experiment:
        """The experiment with other values of settings, by dotted path.

        Raises:
            ExperimentError: if that is none.
        """
        values = to_values(self.experiment)
        for path, value in changes.items():
            values = with_value(values, path, value)
        return parse_experiment(values)


def propose(folder: Path, wanted: Experiment | None) -> Proposal:
    """How the run in `folder` can go on, beside the settings that are `wanted`, those of this machine included.

    Raises:
        NotARun: if the folder holds no run.
        ExperimentError: if its settings are none that this program knows.
    """
    said = JournalReader(folder, records=False).read()
    values = dict(known_settings(folder, said))
    experiment = parse_experiment(values if wanted is None else with_local(values, to_values(wanted)))
    needed = _more_epochs(said, experiment, wanted)
    if wanted is None:
        return Proposal(experiment, needed)
    different = differences(shared_values(experiment), shared_values(wanted.settled_as(experiment)))
    offered: list[Difference] = []
    kept: list[Difference] = []
    for each in different:
        choice = _choice_of(each.path, different)
        if each.path in needed or (choice is not None and (is_fixed(choice.path) or each.after is None)):
            continue  # without the other choice its options say nothing
        if each.path == FOLDER:
            if not lost_folder(experiment):  # where it is lost, it is asked for
                kept.append(each)
            continue
        takes = not is_fixed(each.path) and (each.path != EPOCHS or not _done(said, each.after))
        (offered if takes else kept).append(each)
    return Proposal(experiment, needed, tuple(offered), tuple(kept))


def _choice_of(path: str, different: Iterable[Difference]) -> Difference | None:
    """What else was chosen, of which the setting at `path` is an option."""
    return next((each for each in different if path.startswith(f"{each.path}.")), None)


def _more_epochs(said: History, experiment: Experiment, wanted: Experiment | None) -> dict[str, int]:
    """The epochs of a run that did all of its own: those that are wanted if they are more, else as many again."""
    epochs, done = experiment.training.epochs, said.position[0]
    if not _done(said, epochs):
        return {}
    asked = 0 if wanted is None else wanted.training.epochs
    return {EPOCHS: asked if asked > done else more_epochs(done, epochs)}


def more_epochs(done: int, epochs: int) -> int:
    """With how many epochs a run goes on that has `done` all of its `epochs`: with as many again."""
    return done + epochs


def _done(said: History, epochs: int) -> bool:
    """Whether a run of so many epochs would have nothing to do."""
    completed = said.ended is not None and said.ended.outcome == "completed"
    return said.position > (epochs, 0) or (completed and said.position == (epochs, 0))
