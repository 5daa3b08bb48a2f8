"""Sees whether a saved state is one that an optimizer can go on from."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from desktop_trainer.experiment.choices import OptimizerChoice

_TINY = 2
"""Every side of a parameter that stands for a larger one."""


def completed(optimizer: Optimizer, given: Mapping[str, Any]) -> dict[str, Any]:
    """`given`, a ``state_dict``, with those options of the groups that another PyTorch did not have yet, as
    `optimizer` has them.
    """
    own = optimizer.state_dict()["param_groups"]
    groups = [{**mine, **group} for mine, group in zip(own, given["param_groups"], strict=True)]
    return {**given, "param_groups": groups}


def check_optimizer(choice: OptimizerChoice, shapes: Sequence[Sequence[int]], given: Mapping[str, Any]) -> None:
    """See whether `given` is a ``state_dict`` of this optimizer over parameters of such shapes.

    As torch's own ``load_state_dict`` it takes options and memories that this PyTorch does not have, or others do not
    have yet; but torch looks at little more than lengths, and a wrong value would fail only in the next step.

    Raises:
        ValueError: if it is not; the text is where. Other errors, if it is nothing like one.
    """
    tiny = choice.build([Parameter(torch.zeros([min(side, _TINY) for side in shape])) for shape in shapes])
    _check_groups(tiny.state_dict()["param_groups"], given["param_groups"])
    memories = _rehearsed(tiny)
    entries = {index: dict(entry) for index, entry in given["state"].items()}
    if not entries.keys() <= set(range(len(shapes))):
        raise ValueError("state")
    known = {name for entry in entries.values() for name in entry}
    total = sum(map(math.prod, shapes))
    for index, entry in entries.items():
        lost = (memories[index].keys() & known) - entry.keys()
        wrong = (
            name for name, value in entry.items() if not _fits(value, memories[index].get(name), shapes[index], total)
        )
        for name in (*lost, *wrong):
            raise ValueError(f"state.{index}.{name}")


def _check_groups(own: Sequence[Mapping[str, Any]], given: Sequence[Mapping[str, Any]]) -> None:
    for number, (mine, group) in enumerate(zip(own, given, strict=True)):
        if group["params"] != mine["params"]:
            raise ValueError(f"param_groups.{number}.params")
        # Of all options the learning rate is the one that a training itself changes: only the state knows it.
        wrong = (name for name in mine if not _stands_for(group.get(name, mine[name]), mine[name]))
        for name in (*({"lr"} - group.keys()), *wrong):
            raise ValueError(f"param_groups.{number}.{name}")


def _stands_for(value: Any, mine: Any) -> bool:
    """Whether `value` can be that of an option which is `mine` here."""
    if isinstance(mine, list | tuple):
        pairs = zip(value, mine, strict=True) if isinstance(value, list | tuple) else [(None, 0)]
        return all(_stands_for(*pair) for pair in pairs)
    if mine is None or isinstance(mine, bool):  # a switch, which may be left to PyTorch
        return value is None or isinstance(value, bool) or (mine is None and _is_number(value))
    if isinstance(mine, int | float | Tensor):
        return _is_number(value) and bool(value >= 0 or mine < 0)
    return type(value) is type(mine)


def _is_number(value: Any) -> bool:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain or (isinstance(value, Tensor) and value.numel() == 1)


def _rehearsed(optimizer: Optimizer) -> list[dict[str, Any]]:
    """What the optimizer remembers of each parameter after a step."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step(lambda: 0.0)
    return [optimizer.state.get(parameter, {}) for parameter in parameters]


def _fits(value: Any, like: Any, shape: Sequence[int], total: int) -> bool:
    """Whether `value` can be remembered of a parameter of this `shape`.

    Args:
        like: what is remembered of a tiny one; None if that is not known yet.
        total: how many numbers all parameters are.
    """
    if like is None:
        return _is_memory(value, {1, math.prod(shape), total})
    if not isinstance(like, Tensor):
        return _stands_for(value, like)
    if not isinstance(value, Tensor) or value.dtype.is_floating_point != like.dtype.is_floating_point:
        return False
    return list(value.shape) == [
        side if tiny == min(side, _TINY) else tiny for tiny, side in zip(like.shape, shape, strict=False)
    ]


def _is_memory(value: Any, sizes: Collection[int]) -> bool:
    """Whether `value` is of a kind that optimizers remember, and its tensors have one of these `sizes`."""
    if isinstance(value, list | tuple):
        return all(_is_memory(item, sizes) for item in value)
    if isinstance(value, Tensor):
        return value.numel() in sizes
    return value is None or isinstance(value, bool | int | float)
