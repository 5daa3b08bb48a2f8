"""The optimizers: every option reaches torch, and what torch would reject is refused before."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from desktop_trainer.experiment.choices import OPTIMIZERS

GIVEN: dict[str, dict[str, Any]] = {
    "sgd": {"lr": 0.3, "momentum": 0.8, "weight_decay": 0.02, "nesterov": True, "fused": True},
    "adam": {"lr": 0.3, "beta1": 0.7, "beta2": 0.6, "weight_decay": 0.02, "fused": True},
    "adamw": {"lr": 0.3, "beta1": 0.7, "beta2": 0.6, "weight_decay": 0.02, "fused": True},
}
TORCH: dict[str, type[torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_option_reaches_torch(name: str) -> None:
    """Each declared option is given a value of its own, and each is found in the optimizer."""
    choice = OPTIMIZERS[name].model_validate(GIVEN[name])
    assert set(GIVEN[name]) == set(type(choice).model_fields) - {"name"}
    assert all(type(choice).model_fields[option].default != value for option, value in GIVEN[name].items())
    optimizer = choice.build([nn.Parameter(torch.ones(2))])
    found = dict(optimizer.defaults)
    found["beta1"], found["beta2"] = found.get("betas", (None, None))
    assert type(optimizer) is TORCH[name]
    assert {option: found[option] for option in GIVEN[name]} == GIVEN[name]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_defaults_are_torchs_own_but_for_the_learning_rate(name: str) -> None:
    ours = OPTIMIZERS.validate(name).build([nn.Parameter(torch.ones(2))]).defaults
    theirs = TORCH[name]([nn.Parameter(torch.ones(2))]).defaults  # type: ignore[call-arg]
    assert {**ours, "lr": 0} == {**theirs, "lr": 0}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sgd", {"lr": 0}),
        ("sgd", {"lr": float("nan")}),
        ("sgd", {"momentum": 1}),
        ("sgd", {"nesterov": True}),
        ("adam", {"beta1": 1}),
        ("adam", {"beta2": -0.1}),
        ("adamw", {"weight_decay": 2}),
        ("adam", {"momentum": 0.9}),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(reversed(values))):
        OPTIMIZERS[name].model_validate(values)
