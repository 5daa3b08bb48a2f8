"""Sees whether a state that was read is one that a training can go on from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from desktop_trainer.engine.images.normalization import Statistics
from desktop_trainer.engine.optimizer_state import check_optimizer
from desktop_trainer.engine.weights import ModelMismatch, check_weights, outlined
from desktop_trainer.experiment.problems import ExperimentError, parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.runs.kept_models import finite
from desktop_trainer.runs.plain_json import NotPlain, as_number, as_object, as_text, as_whole

State = Mapping[str, Any]
_MISFITS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)
"""What comes of a value that is of another kind than it must be."""


class BadValue(ValueError):
    """A training cannot go on from this state; the text is the name of the value that is missing or wrong."""


def check_state(state: State) -> None:
    """See whether every value of `state` is there, and such as a training writes it.

    Raises:
        BadValue: if not.
    """
    for name, check in _CHECKS.items():
        _try(name, lambda check=check: check(state))  # type: ignore[misc]
    if "experiment" in state:
        check_fit(state)


def check_run_state(state: State) -> None:
    """As `check_state`, of a state that must say of which experiment it is.

    Raises:
        BadValue: if it does not, or if it is none that a training can go on from.
    """
    _try("experiment", lambda: as_object(state["experiment"]))
    check_state(state)


def check_fit(state: State) -> None:
    """See whether `state` is one of its own experiment, as far as can be told without its data.

    Raises:
        BadValue: if not.
    """
    experiment = _experiment(state)
    if experiment.data.normalization == "dataset" and state["statistics"] is None:
        raise BadValue("statistics")
    if experiment.data.dataset.counts_files:
        return  # they may have changed, and then it is not the state that is wrong
    model = outlined(experiment.model, experiment.data.info)
    if model is None:
        return  # it is seen when the model is built
    try:
        check_weights(model, state["model"])
    except ModelMismatch as error:
        raise BadValue("model") from error
    own = model.state_dict()
    _try("model", lambda: _sure(all(own[name].dtype == tensor.dtype for name, tensor in state["model"].items())))
    shapes = [parameter.shape for parameter in model.parameters()]
    _try("optimizer", lambda: check_optimizer(experiment.optimizer, shapes, state["optimizer"]))


def _experiment(state: State) -> Experiment:
    try:
        return parse_experiment(state["experiment"])
    except ExperimentError as error:
        raise BadValue("experiment") from error


def _try(name: str, check: Callable[[], object]) -> None:
    try:
        check()
    except _MISFITS as error:
        raise BadValue(f"{name}: {error}"[:100]) from error


def _sure(holds: bool) -> None:
    if not holds:
        raise NotPlain("not as it must be")


def _number(value: Any) -> float:
    """`value` as a float, if it is a number, perhaps an infinite one."""
    number = as_number(value)
    _sure(not math.isnan(number))
    return number


def _model(state: State) -> None:
    _sure(finite(state["model"]))


def _optimizer(state: State) -> None:
    remembered, groups = state["optimizer"]["state"], state["optimizer"]["param_groups"]
    _sure(isinstance(remembered, dict) and isinstance(groups, list))
    entries = map(as_object, remembered.values())
    _sure(all(finite({key: item for key, item in each.items() if isinstance(item, Tensor)}) for each in entries))


def _recorder(state: State) -> None:
    recorder = state["recorder"]
    loss_sum, correct, count = recorder["sums"]
    _number(loss_sum)
    as_whole(correct, 0, as_whole(count))
    rest, losses, corrects = recorder["rest"], recorder["losses"], recorder["corrects"]
    for samples, lr, seconds in rest:
        as_whole(samples, 1)
        _sure(_number(lr) >= 0)
        _sure(0 <= _number(seconds) < math.inf)
    _sure(isinstance(rest, list) and (bool(rest) == (losses is not None) == (corrects is not None)))
    if rest:
        _sure(losses.shape == corrects.shape == (len(rest),))
        _sure(losses.dtype.is_floating_point and not losses.isnan().any() and corrects.dtype == torch.int64)
    first, largest = recorder.get("extremes", (0.0, 0.0))  # older states have none
    _number(first)
    _number(largest)


def _patience(state: State) -> None:
    patience = state["patience"]
    as_whole(patience["best_epoch"], 0, as_whole(patience["last"], 0, as_whole(state["epoch"])))
    _number(patience["best_loss"])


def _seconds(state: State) -> None:
    seconds, began, trained = state["seconds"]
    _sure(all(0 <= _number(each) < math.inf for each in (seconds, began, trained)))


def _data(state: State) -> None:
    """What older states do not have."""
    as_text(state.get("fingerprint", ""))
    as_whole(state.get("channels", 1), 1)


def _device_rng(state: State) -> None:
    numbers = state["device_rng"]
    _sure(numbers is None or (numbers.dtype == torch.uint8 and numbers.dim() == 1))


_CHECKS: dict[str, Callable[[State], object]] = {
    "epoch": lambda state: as_whole(state["epoch"]),
    "batch": lambda state: as_whole(state["batch"]),
    "model": _model,
    "optimizer": _optimizer,
    "recorder": _recorder,
    "patience": _patience,
    "statistics": lambda state: state["statistics"] is None or Statistics.read(state["statistics"]),
    "seconds": _seconds,
    "rng": lambda state: torch.Generator().set_state(state["rng"]),
    "device": lambda state: torch.device(as_text(state["device"])),
    "device_rng": _device_rng,
    "data": _data,
}
