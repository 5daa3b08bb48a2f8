"""One training step, phase by phase. Knows a model and an optimizer; knows neither epochs nor where batches come
from.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.optim import Optimizer

from desktop_trainer.engine.arithmetic import Forward

LossFunction: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""From logits and labels to the mean loss over the samples."""


@dataclass(frozen=True, slots=True, eq=False)
class Phase:
    """One phase of a step, just done.

    Attributes:
        name: ``forward``, ``loss``, ``zero_grad``, ``backward`` or ``step``, after PyTorch's own calls.
        part: which part of the batch it was about, from 0.
        logits, loss: of that part, as the backward pass gets them; None before they are computed.
    """

    name: str
    part: int
    logits: Tensor | None
    loss: Tensor | None


class Step:
    """What is done with every batch: forward, loss, zero_grad, backward, step. Waits for no device.

    Args:
        parts: into how many parts a batch is cut. Their gradients add up to that of the mean loss over the batch, so
            that only one part's activations are in memory at a time. One part is the plain step, bit for bit.
        replayed: whether CUDA graphs make the gradients, each in memory over which the next replay writes.

    Attributes:
        consistent: False from a batch's first phase to its last: weights, gradients and random numbers are then on
            their way to the next batch. It stays False if a phase fails.
    """

    def __init__(
        self, forward: Forward, loss_fn: LossFunction, optimizer: Optimizer, parts: int = 1, *, replayed: bool = False
    ) -> None:
        self.forward, self.loss_fn, self.optimizer, self.parts = forward, loss_fn, optimizer, parts
        self.replayed = replayed
        self.consistent = True

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Train on a batch; returns its mean loss and its logits."""
        batch = _Batch(self, images, labels) if self.parts == 1 else _Parts(self, images, labels)
        self.consistent = False
        for _, do in batch.sequence:
            do(batch)
        self.consistent = True
        return batch.result()

    def phases(self, images: Tensor, labels: Tensor) -> Generator[Phase, None, tuple[Tensor, Tensor]]:
        """The same step, stopping after each phase; returns what `__call__` returns.

        Of a batch in parts, all parts go through forward, loss and backward, between one zero_grad and one step.
        Closed in the middle, it does the rest of the batch; `consistent` says whether there is such a rest.
        """
        batch = _Batch(self, images, labels) if self.parts == 1 else _Parts(self, images, labels)
        self.consistent = False
        rest = iter(batch.sequence)
        for name, do in rest:
            do(batch)
            try:
                yield Phase(name, batch.part, batch.logits, batch.loss)
            except GeneratorExit:
                for _, undone in rest:
                    undone(batch)
                self.consistent = True
                raise
        self.consistent = True
        return batch.result()


class _Batch:
    """A batch in work, and the phases that it goes through, in their order: `sequence`."""

    part = 0
    logits: Tensor | None = None
    loss: Tensor | None = None

    def __init__(self, step: Step, images: Tensor, labels: Tensor) -> None:
        self.of, self.images, self.labels = step, images, labels
        self.sequence: _Sequence = _PLAIN

    def forward(self) -> None:
        self.logits = self.of.forward(self.images)

    def compare(self) -> None:
        assert self.logits is not None
        self.loss = self.of.loss_fn(self.logits, self.labels)

    def zero_grad(self) -> None:
        zero_grad(self.of.optimizer)

    def backward(self) -> None:
        assert self.loss is not None
        self.loss.backward()  # type: ignore[no-untyped-call]

    def step(self) -> None:
        self.of.optimizer.step()

    def result(self) -> tuple[Tensor, Tensor]:
        """Mean loss, and logits."""
        assert self.loss is not None
        assert self.logits is not None
        return self.loss, self.logits


class _Parts(_Batch):
    """A batch of which one part after the other goes through forward, loss and backward."""

    def __init__(self, step: Step, images: Tensor, labels: Tensor) -> None:
        super().__init__(step, images, labels)
        sizes = part_sizes(len(labels), step.parts)
        self._parts = list(zip(torch.split(images, sizes), torch.split(labels, sizes), strict=True))
        self._samples = len(labels)
        self._losses: list[Tensor] = []
        self._answers: list[Tensor] = []
        self._sums: dict[Tensor, Tensor] = {}
        self.sequence = (_ZERO_GRAD, *_OF_A_PART * len(sizes), _STEP)

    def forward(self) -> None:
        self.part = len(self._answers)
        self.images, self.labels = self._parts[self.part]
        super().forward()

    def compare(self) -> None:
        super().compare()
        assert self.loss is not None
        self.loss = self.loss * (len(self.labels) / self._samples)

    def backward(self) -> None:
        super().backward()
        if self.of.replayed:
            _set_aside(self.of.optimizer, self._sums)
        loss, logits = super().result()
        self._losses.append(loss.detach())
        self._answers.append(logits.detach())

    def step(self) -> None:
        for parameter, gradient in self._sums.items():
            parameter.grad = gradient
        super().step()

    def result(self) -> tuple[Tensor, Tensor]:
        return torch.stack(self._losses).sum(), torch.cat(self._answers)


_Sequence: TypeAlias = tuple[tuple[str, Callable[[Any], None]], ...]
_PLAIN: _Sequence = (
    ("forward", _Batch.forward),
    ("loss", _Batch.compare),
    ("zero_grad", _Batch.zero_grad),
    ("backward", _Batch.backward),
    ("step", _Batch.step),
)
_OF_A_PART: _Sequence = (("forward", _Parts.forward), ("loss", _Parts.compare), ("backward", _Parts.backward))
_ZERO_GRAD, _STEP = ("zero_grad", _Parts.zero_grad), ("step", _Parts.step)


def zero_grad(optimizer: Optimizer) -> None:
    """As ``optimizer.zero_grad()``, without its entries for a profiler: they take longer than a small model's
    backward pass needs for a layer.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


def _set_aside(optimizer: Optimizer, sums: dict[Tensor, Tensor]) -> None:
    """Add the gradients to `sums`, as autograd would add them to those that it finds, and let them go."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                sums[parameter] = sums[parameter].add_(parameter.grad) if parameter in sums else parameter.grad.clone()
                parameter.grad = None


def part_sizes(samples: int, parts: int) -> list[int]:
    """How many samples each part has: as equal as can be, none without any."""
    parts = min(parts, samples)
    return [samples // parts + (index < samples % parts) for index in range(parts)]
