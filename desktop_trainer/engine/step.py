"""One training step, phase by phase. Knows a model and an optimizer; knows neither epochs nor where batches come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.optim import Optimizer

from desktop_trainer.engine.arithmetic import Forward

LossFunction: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""From logits and labels to the mean loss over the samples."""


class Step:
    """What is done with every batch: forward, loss, zero_grad, backward, step. Waits for no device.

    Args:
        parts: into how many parts a batch is cut. Their gradients add up to that of the mean loss over the batch, so
            that only one part's activations are in memory at a time. One part is the plain step, bit for bit.
        replayed: whether CUDA graphs make the gradients, each in memory over which the next replay writes.
    """

    def __init__(
        self, forward: Forward, loss_fn: LossFunction, optimizer: Optimizer, parts: int = 1, *, replayed: bool = False
    ) -> None:
        self.forward, self.loss_fn, self.optimizer, self.parts = forward, loss_fn, optimizer, parts
        self._replayed = replayed

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Train on a batch; returns its mean loss and its logits."""
        if self.parts > 1:
            return self._in_parts(images, labels)
        logits = self.forward(images)
        loss = self.loss_fn(logits, labels)
        zero_grad(self.optimizer)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss, logits

    def _in_parts(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        losses, answers = [], []
        sums: dict[Tensor, Tensor] = {}
        zero_grad(self.optimizer)
        sizes = part_sizes(len(labels), self.parts)
        for some, right in zip(torch.split(images, sizes), torch.split(labels, sizes), strict=True):
            logits = self.forward(some)
            loss = self.loss_fn(logits, right) * (len(right) / len(labels))
            loss.backward()  # type: ignore[no-untyped-call]
            if self._replayed:
                _set_aside(self.optimizer, sums)
            losses.append(loss.detach())
            answers.append(logits.detach())
        for parameter, gradient in sums.items():
            parameter.grad = gradient
        self.optimizer.step()
        return torch.stack(losses).sum(), torch.cat(answers)


def zero_grad(optimizer: Optimizer) -> None:
    """As ``optimizer.zero_grad()``, without its entries for a profiler: they take longer than a small model's backward pass needs for a layer."""
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
