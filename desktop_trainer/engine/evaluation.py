"""Examines a model on a split, a batch at a time. Knows no training."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from desktop_trainer.engine.data import Split


class Evaluation:
    """Mean loss and accuracy of a model over a split; iterate over `steps`, then read `means`.

    Between two steps nothing is held open, and the model is in the mode that it was in before.
    """

    def __init__(self, model: nn.Module, loss_fn: Callable[[Tensor, Tensor], Tensor], split: Split) -> None:
        self._model, self._loss_fn, self._split = model, loss_fn, split
        self._sums: list[Tensor] = []

    def steps(self) -> Iterator[int]:
        """Examine one batch at each step; yields how many are done."""
        for number in range(self._split.plan.batches):
            self._step(number)
            yield number + 1

    def _step(self, number: int) -> None:
        training = self._model.training
        self._model.eval()
        try:
            with torch.no_grad():
                images, labels = self._split.batch(number)
                logits = self._model(images)
                loss = self._loss_fn(logits, labels).double() * len(labels)
                self._sums.append(torch.stack([loss, (logits.argmax(1) == labels).sum().double()]))
        finally:
            self._model.train(training)

    def means(self) -> tuple[float, float]:
        """Mean loss and accuracy over all samples."""
        loss, correct = torch.stack(self._sums).sum(0).tolist()
        return loss / self._split.plan.samples, correct / self._split.plan.samples
