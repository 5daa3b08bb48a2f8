"""Puts given parameters into a model, all or none, and copies what a model or an optimizer holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from desktop_trainer.experiment.choices import ModelChoice
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.i18n import titled, tr


class ModelMismatch(Exception):
    """A ``state_dict`` is not this model's; the text lists what is missing, unexpected and of another shape."""


class StateMismatch(Exception):
    """A state to go on from is not one of this training; the text says why, and what to do."""

    def __init__(self, why: object) -> None:
        text = tr(
            "The run cannot go on from here: its saved state does not fit it ({why}). Go back to an "
            "earlier checkpoint, or start anew.",
            why=why,
        )
        super().__init__(text)


def outlined(choice: ModelChoice, info: DataInfo) -> nn.Module | None:
    """The model with the shapes of its parameters alone, which takes no memory and draws nothing.

    None where it cannot be built so: a model of others may look at numbers that it computes, as
        ``linspace(...).tolist()``.
    """
    try:
        with torch.device("meta"), torch.random.fork_rng(devices=[]):
            return choice.build(info)
    except RuntimeError:
        return None


def load_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy `weights` into `model`.

    Raises:
        ModelMismatch: if names or shapes differ; the model is then unchanged.
    """
    check_weights(model, weights)
    model.load_state_dict(weights)


def has_batch_norm(model: nn.Module) -> bool:
    """Whether a sample's answer, in training, depends on the others that are computed with it."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules())


def copied(value: Any) -> Any:
    """`value`, a ``state_dict``, with a copy of every tensor in it, on the CPU and bit for bit."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {key: copied(item) for key, item in value.items()}
    return type(value)(map(copied, value)) if isinstance(value, list | tuple) else value


def check_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """See whether `weights` are parameters of such a model.

    Raises:
        ModelMismatch: if names or shapes differ.
    """
    own = model.state_dict()
    missing = [name for name in own if name not in weights]
    unexpected = [name for name in weights if name not in own]
    shapes = [
        f"{name} {tuple(weights[name].shape)} != {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    if missing or unexpected or shapes:
        lines = [
            tr("These weights do not fit the model."),
            *_line(tr("Missing"), missing),
            *_line(tr("Unexpected"), unexpected),
            *_line(tr("Of another shape"), shapes),
        ]
        raise ModelMismatch("\n".join(lines))


def _line(title: str, names: list[str]) -> list[str]:
    more = f", ... ({len(names)})" if len(names) > 8 else ""
    return [titled(title, ", ".join(names[:8]) + more)] if names else []
