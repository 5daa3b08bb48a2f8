"""What a run that is to go on takes over of the form's settings: what `resume` on the command line would take."""

from pathlib import Path
from typing import Any

import pytest

from desktop_trainer.experiment.difference import Difference
from desktop_trainer.experiment.fields import shared_values, with_value
from desktop_trainer.experiment.keeping import is_fixed
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.runs.continuing import propose
from tests.runs.conftest import make_run


def wanted(**changes: Any) -> Experiment:
    """The settings of `make_run`, and others."""
    values: dict[str, Any] = {"training": {"epochs": 3}, "optimizer": {"name": "adam", "lr": 0.001}}
    for path, value in changes.items():
        values = with_value(values, path.replace("__", "."), value)
    return parse_experiment(values)


def told(differences: tuple[Difference, ...]) -> dict[str, tuple[Any, Any]]:
    return {each.path: (each.before, each.after) for each in differences}


def test_where_nothing_differs_nothing_is_offered(tmp_path: Path) -> None:
    proposal = propose(make_run(tmp_path / "run", outcome="stopped", accuracies=(0.5,)), wanted())
    assert (proposal.needed, proposal.offered, proposal.kept) == ({}, (), ())


def test_what_resume_can_change_is_offered_and_the_rest_is_kept(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", outcome="stopped", accuracies=(0.5,))
    asked = wanted(optimizer__lr=0.01, augmentation__flip=0.5, data__batch_size=7, training__epochs=9, training__seed=1)
    proposal = propose(run, asked)
    assert told(proposal.offered) == {
        "optimizer.lr": (0.001, 0.01),
        "augmentation.flip": (0.0, 0.5),
        "training.epochs": (3, 9),
    }
    assert told(proposal.kept) == {"data.batch_size": (256, 7), "training.seed": (0, 1)}
    assert all(is_fixed(each.path) for each in proposal.kept)
    goes_on = proposal.with_changes(proposal.changes)
    assert (goes_on.optimizer.lr, goes_on.data.batch_size) == (0.01, 256)


def test_options_of_another_optimizer_are_no_changes(tmp_path: Path) -> None:
    """The learning rate of SGD is none for Adam."""
    run = make_run(tmp_path / "run", outcome="stopped", accuracies=(0.5,))
    proposal = propose(run, wanted(optimizer={"name": "sgd", "lr": 0.5, "momentum": 0.9}))
    assert (told(proposal.offered), told(proposal.kept)) == ({}, {"optimizer": ("adam", "sgd")})


@pytest.mark.parametrize(("asked", "epochs"), [(3, 6), (2, 6), (5, 5)])
def test_a_run_that_did_all_of_its_epochs_gets_those_that_are_wanted_or_as_many_again(
    tmp_path: Path, asked: int, epochs: int
) -> None:
    proposal = propose(make_run(tmp_path / "run"), wanted(training__epochs=asked))
    assert proposal.needed == {"training.epochs": epochs}
    assert not proposal.offered


def test_fewer_epochs_than_are_done_are_not_taken(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", outcome="stopped", accuracies=(0.5, 0.6))
    assert told(propose(run, wanted(training__epochs=1)).kept) == {"training.epochs": (3, 1)}


def test_what_belongs_to_the_machine_comes_from_here(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", outcome="stopped", accuracies=(0.5,))
    proposal = propose(run, wanted(device__threads=3, saving__every_minutes=7.0))
    assert (proposal.experiment.device.threads, proposal.experiment.saving.every_minutes) == (3, 7.0)
    assert not proposal.offered
    assert "threads" not in shared_values(proposal.experiment)["device"]
