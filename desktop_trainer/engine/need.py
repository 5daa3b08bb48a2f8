"""How much memory a training needs, found out before anything is allocated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from desktop_trainer.engine.failures import OutOfMemory
from desktop_trainer.engine.memory import most_memory
from desktop_trainer.engine.step import part_sizes
from desktop_trainer.engine.weights import outlined
from desktop_trainer.experiment.choices import OptimizerChoice
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr, trn

_META = torch.device("meta")
_KEPT_OF_EACH = 4
"""Tensors of a layer's output that a step may keep: of the layer itself, its norm, its activation, its dropout."""


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes that a training step needs at least; see `needed`.

    Attributes:
        parameters: with the model's buffers.
        gradients: as many as can be trained. optimizer: what it remembers from step to step.
        batch: the images of a batch, and what of a part of it is kept for the backward pass.
    """

    parameters: int
    gradients: int
    optimizer: int
    batch: int = 0

    @property
    def model(self) -> int:
        """All that does not depend on the batch."""
        return self.parameters + self.gradients + self.optimizer

    @property
    def total(self) -> int:
        """All of it."""
        return self.model + self.batch


def check_memory(experiment: Experiment, info: DataInfo, device: torch.device) -> None:
    """Find out whether the experiment can be trained in the memory that is free. Takes a moment, and no memory.

    Args:
        info: of the data as the model gets them.

    Raises:
        OutOfMemory: if it cannot; it says how much is needed and free, and which settings would help.
    """
    free = most_memory(device)
    need = needed(experiment, info, enough=free)
    if need.total > free:
        raise _refusal(experiment, info, need, free, str(device))
    cpu = torch.device("cpu")
    if device != cpu and need.parameters > (there := most_memory(cpu)):  # where the model is built
        raise _refusal(experiment, info, Need(need.parameters, 0, 0), there, "cpu")


def needed(experiment: Experiment, info: DataInfo, *, enough: int = 0) -> Need:
    """What a training step needs. A model whose shapes cannot be told without computing needs nothing, as far as is
    known.

    Args:
        info: of the data as the model gets them.
        enough: bytes with which a batch is not looked at more closely if a glance tells that it cannot need so many.
            To look closely takes more than a second the first time, in which PyTorch loads what knows all shapes.
    """
    model = outlined(experiment.model, info)
    if model is None:
        return Need(0, 0, 0)
    parameters = _nbytes([*model.parameters(), *model.buffers()])
    gradients = _nbytes(parameter for parameter in model.parameters() if parameter.requires_grad)
    need = Need(parameters, gradients, round(gradients * _remembered(experiment.optimizer)))
    samples = min(experiment.data.batch_size, info.train_samples)
    part = max(part_sizes(samples, experiment.training.batch_parts), default=0)
    image = info.channels * info.height * info.width
    images = samples * image * (1 + 4)  # as bytes, and as floats
    if need.model > enough > 0 or need.model + images + part * _at_a_glance(model, info) <= enough:
        return need
    return Need(need.parameters, need.gradients, need.optimizer, images + _activations(experiment, info, model, part))


def _nbytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)


def _remembered(optimizer: OptimizerChoice) -> float:
    """How many numbers the optimizer remembers for each parameter: seen from one step with a small matrix."""
    matrix = nn.Parameter(torch.zeros(32, 32))
    matrix.grad = torch.zeros(32, 32)
    built = optimizer.build([matrix])
    built.step(lambda: 0.0)
    kept = [value for state in built.state.values() for value in state.values() if isinstance(value, Tensor)]
    return sum(tensor.numel() for tensor in kept if tensor.numel() > 1) / matrix.numel()


def _at_a_glance(model: nn.Module, info: DataInfo) -> int:
    """Bytes for a sample that its activations hardly exceed: those of all layers as if none made the image smaller."""
    outputs = 0
    for parameter in model.parameters():
        if parameter.dim() > 1:
            outputs += parameter.shape[0] * (info.height * info.width if parameter.dim() > 2 else 1)
    return 4 * _KEPT_OF_EACH * outputs


def _activations(experiment: Experiment, info: DataInfo, model: nn.Module, samples: int) -> int:
    """Bytes that a forward pass of so many samples keeps for the backward pass, without parameters and images.

    Half of it with bfloat16; nothing is said of a compiled model, which keeps what its compiler decides.
    """
    if experiment.device.compile:
        return 0
    own = {_storage(tensor) for tensor in (*model.parameters(), *model.buffers())}
    images = torch.empty(samples, info.channels, info.height, info.width, device=_META)
    own.add(_storage(images))
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[_storage(tensor)] = tensor
        return tensor

    model.train()
    try:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            logits = model(images)
    except RuntimeError:  # a layer that the meta device does not know, or a model that looks at numbers
        return 0
    keep(logits)
    size = sum(tensor.untyped_storage().nbytes() for storage, tensor in kept.items() if storage not in own)
    return size // 2 if experiment.device.precision == "bf16" else size


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _refusal(experiment: Experiment, info: DataInfo, need: Need, free: int, device: str) -> OutOfMemory:
    samples = min(experiment.data.batch_size, info.train_samples)
    cause = tr(
        "This training needs about {needed} GB of memory, and {free} GB are free on {device}: {parameters} GB for the "
        "parameters, {rest} GB for their gradients and what the optimizer remembers.",
        needed=gigabytes(need.total),
        free=gigabytes(free),
        device=device,
        parameters=gigabytes(need.parameters),
        rest=gigabytes(need.gradients + need.optimizer),
    )
    if not need.batch:
        return OutOfMemory(cause, _smaller_model(need, free), f"{gigabytes(need.total)} GB", {})
    batch = trn(
        "A batch of {n} sample takes {size} GB of it.",
        "A batch of {n} samples takes {size} GB of it.",
        samples,
        size=gigabytes(need.batch),
    )
    fitting = samples * max(free - need.model, 0) // need.batch
    changes = {"data.batch_size": 1 << (fitting.bit_length() - 1)} if fitting else {}
    advice = _smaller_batch(changes["data.batch_size"]) if changes else tr("Choose smaller images or a smaller model.")
    return OutOfMemory(f"{cause} {batch}", advice, f"{gigabytes(need.total)} GB", changes)


def _smaller_model(need: Need, free: int) -> str:
    advice = tr("Choose smaller images or a smaller model.")
    least = need.parameters + need.gradients
    if not need.optimizer or least > free:
        return advice
    other = tr("SGD without momentum remembers nothing: with it, about {size} GB are enough.", size=gigabytes(least))
    return f"{advice} {other}"


def _smaller_batch(batch_size: int) -> str:
    return tr(
        "Set the batch size to {batch_size} or less, or choose smaller images or a smaller model.",
        batch_size=batch_size,
    )


def gigabytes(nbytes: int) -> str:
    """In words of 10^9 bytes; at least 0.1, because nothing is not in memory."""
    size = max(nbytes / 1e9, 0.1)
    return f"{size:,.{0 if size >= 9.95 else 1}f}".replace(",", " ")
