"""The proof of exact resume finds nothing where all is well, and names what is lost where something is."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.runs.verify import Diverges, Verdict, Verifying, verify


@pytest.fixture
def experiment(small: dict[str, Any]) -> Experiment:
    return parse_experiment({**small, "training": {"epochs": 3}})


def verdict(experiment: Experiment, batches: int = 4) -> Verdict:
    *_, last = verify(experiment, batches)
    assert isinstance(last, Verdict)
    return last


@pytest.mark.parametrize("optimizer", [{"name": "sgd", "momentum": 0.9}, "adam", "adamw"])
@pytest.mark.parametrize("batches", [1, 3, 4, 6])
def test_nothing_differs(small: dict[str, Any], optimizer: Any, batches: int) -> None:
    """Also when the middle lies at an epoch's end."""
    found = verdict(parse_experiment({**small, "optimizer": optimizer}), batches)
    assert (found.batches, found.resumed_at, found.differences) == (2 * batches, batches, ())
    assert found.exact
    assert found.compared > 20


def test_progress_rises_to_its_end(experiment: Experiment) -> None:
    steps = [item for item in verify(experiment, 4) if isinstance(item, Verifying)]
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert (steps[-1].done, steps[-1].total) == (16, 16)


def test_a_run_shorter_than_asked_for_is_verified_whole(experiment: Experiment) -> None:
    found = verdict(experiment, 1000)
    assert (found.batches, found.resumed_at, found.exact) == (18, 9, True)


HOT = {"model": {"name": "mlp", "hidden_sizes": [8, 8, 8]}, "training": {"epochs": 9}}


def test_of_a_run_that_diverges_the_batches_before_are_compared(small: dict[str, Any]) -> None:
    found = verdict(parse_experiment({**small, **HOT, "optimizer": {"name": "sgd", "lr": 1e9}}), 1000)
    assert found.exact
    assert 0 < found.batches < 54


def test_of_a_run_that_diverges_at_once_it_is_said_where(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(model: torch.nn.Module) -> None:
        for parameter in model.parameters():
            parameter.data.fill_(float("nan"))

    experiment = parse_experiment(small)
    monkeypatch.setattr(type(experiment.initializer), "apply", lambda _self, model: spoilt(model))
    with pytest.raises(Diverges, match="diverges at batch 1, so there is nothing to compare"):
        verdict(experiment, 1000)


def test_a_run_that_stops_early_is_verified_up_to_there(small: dict[str, Any]) -> None:
    still = {"optimizer": {"name": "sgd", "lr": 1e-30}, "training": {"epochs": 9, "patience": 1}}
    found = verdict(parse_experiment({**small, **still}), 1000)
    assert (found.batches, found.exact) == (12, True)


@pytest.mark.parametrize(
    ("lost", "seen"),
    [
        ("rng", "rng"),
        ("optimizer", "optimizer.state.0.exp_avg"),
        ("recorder", "epoch 1.0"),
        ("recorder", "loss 1."),
        ("batch", "model."),
    ],
)
def test_what_a_checkpoint_loses_is_named(
    experiment: Experiment, state_after: Any, monkeypatch: pytest.MonkeyPatch, lost: str, seen: str
) -> None:
    """Negative controls: the part of a fresh state stands in its place."""
    fresh, load = state_after(0), Training.load_state
    monkeypatch.setattr(Training, "load_state", lambda self, state: load(self, {**state, lost: fresh[lost]}))
    found = verdict(experiment)
    assert not found.exact
    assert any(difference.name.startswith(seen) and difference.largest > 0 for difference in found.differences)


def test_the_largest_difference_is_told(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[Any] = []
    take = Training.state

    def spoilt(training: Training) -> Any:
        state = take(training)
        states.append(state)
        if len(states) == 3:
            next(iter(state["model"].values())).view(-1)[3] += 0.25
        return state

    monkeypatch.setattr(Training, "state", spoilt)
    (difference,) = verdict(experiment).differences
    assert difference.name.startswith("model.")
    assert difference.largest == pytest.approx(0.25)


def test_zeros_of_another_sign_are_not_the_same(experiment: Experiment) -> None:
    from desktop_trainer.runs.verify import _difference

    assert _difference(torch.tensor([0.0]), torch.tensor([-0.0])) == float("inf")
    assert _difference(torch.tensor([float("nan")]), torch.tensor([float("nan")])) == 0
    assert _difference(0.0, -0.0) == float("inf")
    assert _difference(1, 1.0) == float("inf")
