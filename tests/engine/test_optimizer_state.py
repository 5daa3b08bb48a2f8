"""Every optimizer of torch takes its own state again, and nothing that would fail only in its next step."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from desktop_trainer.engine.optimizer_state import check_optimizer, completed
from desktop_trainer.engine.weights import copied
from desktop_trainer.experiment.choices import OptimizerChoice

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, 0.1),
    "momentum": lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.9),
    "fused": lambda parameters: torch.optim.Adam(parameters, fused=True),
    "AMSGrad": lambda parameters: torch.optim.AdamW(parameters, amsgrad=True),
    "tensor as learning rate": lambda parameters: torch.optim.Adam(parameters, lr=torch.tensor(0.001)),
    "Adafactor": torch.optim.Adafactor,
    "LBFGS": torch.optim.LBFGS,
    "NAdam": torch.optim.NAdam,
    "ASGD": torch.optim.ASGD,
    "Rprop": torch.optim.Rprop,
    "Adagrad": torch.optim.Adagrad,
}


class Own(OptimizerChoice):
    """An optimizer as a plug-in would bring it."""

    def build(self, parameters: Any) -> Optimizer:
        return OPTIMIZERS[self.name](parameters)


def own(name: str) -> OptimizerChoice:
    return type("Own", (Own,), {"name": name, "__annotations__": {"name": str}})()  # type: ignore[no-any-return]


def model() -> nn.Sequential:
    torch.manual_seed(5)
    return nn.Sequential(nn.Conv2d(1, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4), nn.Linear(4, 1, bias=False))


def train(net: nn.Module, optimizer: Optimizer, steps: int) -> None:
    generator = torch.Generator().manual_seed(steps)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (net(images) - 1).square().mean()
        loss.backward()
        return loss  # type: ignore[no-any-return]

    for _ in range(steps):
        images = torch.randn(6, 1, 3, 3, generator=generator)
        optimizer.step(closure)  # type: ignore[arg-type]


def shapes(net: nn.Module) -> list[torch.Size]:
    return [parameter.shape for parameter in net.parameters()]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_takes_its_own_state_and_goes_on_as_if_it_had_never_stopped(name: str) -> None:
    choice, net = own(name), model()
    optimizer = choice.build(net.parameters())
    check_optimizer(choice, shapes(net), copied(optimizer.state_dict()))
    train(net, optimizer, 3)
    state = copied(optimizer.state_dict())
    check_optimizer(choice, shapes(net), state)
    other = copy.deepcopy(net)
    again = choice.build(other.parameters())
    again.load_state_dict(completed(again, state))
    train(net, optimizer, 2)
    train(other, again, 2)
    assert all(map(torch.equal, net.parameters(), other.parameters()))


@pytest.mark.parametrize("name", ["momentum", "fused", "Adafactor", "LBFGS"])
def test_a_memory_of_another_size_or_kind_is_noticed(name: str) -> None:
    """Each tensor in turn; the error says which."""
    choice, net = own(name), model()
    optimizer = choice.build(net.parameters())
    train(net, optimizer, 3)
    state = copied(optimizer.state_dict())
    tried = 0
    for index, entry in state["state"].items():
        for key, value in entry.items():
            if isinstance(value, Tensor):
                for wrong in (value[None].repeat(7, *(1 for _ in value.shape)), "x"):
                    spoilt = {**state, "state": {**state["state"], index: {**entry, key: wrong}}}
                    with pytest.raises(ValueError, match=rf"state\.{index}\.{key}"):
                        check_optimizer(choice, shapes(net), spoilt)
                    tried += 1
    assert tried > 3


def test_a_memory_that_one_parameter_has_lost_is_noticed() -> None:
    """Not so what none has: a later PyTorch may remember more. Nor what a parameter of another rank never has."""
    choice, net = own("Adafactor"), model()
    optimizer = choice.build(net.parameters())
    train(net, optimizer, 1)
    state = copied(optimizer.state_dict())
    lost = copy.deepcopy(state)
    del lost["state"][0]["row_var"]
    with pytest.raises(ValueError, match=r"state\.0\.row_var"):
        check_optimizer(choice, shapes(net), lost)
    for entry in state["state"].values():
        entry.pop("row_var", None)
        entry["of the future"] = None
    check_optimizer(choice, shapes(net), state)


def test_options_that_a_save_does_not_have_are_those_of_the_settings() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(2))], 0.1, momentum=0.5)
    state = optimizer.state_dict()
    group = {"params": [0], "lr": 0.3, "of the future": 1}
    (full,) = completed(optimizer, {**state, "param_groups": [group]})["param_groups"]
    assert (full["lr"], full["momentum"], full["of the future"]) == (0.3, 0.5, 1)
