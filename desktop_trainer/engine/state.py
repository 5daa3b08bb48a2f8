"""A training's state as plain values and tensors on the CPU, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from desktop_trainer.engine.arithmetic import lay_out
from desktop_trainer.engine.devices import device_rng, set_device_rng
from desktop_trainer.engine.failures import known
from desktop_trainer.engine.optimizer_state import check_optimizer, completed
from desktop_trainer.engine.weights import StateMismatch, copied, load_weights

if TYPE_CHECKING:
    from desktop_trainer.engine.training import Training

_MISFITS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError, AssertionError)
"""What torch raises over a state that is not what it expects."""


def state_of(training: Training) -> dict[str, Any]:
    """See `Training.state`."""
    setup, statistics = training.prepared, training.statistics
    return {
        "epoch": training.epoch,
        "batch": training.batch,
        "model": copied(setup.model.state_dict()),
        "optimizer": copied(setup.optimizer.state_dict()),
        "recorder": training.recorder.state(),
        "patience": training.patience.state(),
        "statistics": statistics and statistics.values(),
        "seconds": training.watch.times,
        "rng": torch.get_rng_state(),
        "device": str(setup.device),
        "device_rng": device_rng(setup.device),
    }


def restore(training: Training, state: dict[str, Any]) -> None:
    """Put what `state_of` returned into `training`, which is prepared.

    Raises:
        StateMismatch: if it does not fit. What has been taken over by then is worth nothing.
    """
    try:
        _take_over(training, state)
    except _MISFITS as error:
        if known(error):
            raise
        raise StateMismatch(f"{type(error).__name__}: {error}"[:200]) from error


def _take_over(training: Training, state: dict[str, Any]) -> None:
    setup = training.prepared
    device, optimizer = setup.device, setup.optimizer
    load_weights(setup.model, state["model"])
    shapes = [parameter.shape for parameter in setup.model.parameters()]
    check_optimizer(setup.experiment.optimizer, shapes, state["optimizer"])
    optimizer.load_state_dict(copied(completed(optimizer, state["optimizer"])))
    lay_out(optimizer)
    training.recorder.load_state(state["recorder"], device)
    training.patience.load_state(state["patience"])
    seconds, began, trained = map(float, state["seconds"])
    training.watch.times = seconds, began, trained
    torch.set_rng_state(state["rng"])
    if torch.device(state["device"]).type == device.type:
        set_device_rng(device, state["device_rng"])
