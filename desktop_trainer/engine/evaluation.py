"""Examines a model on a split, a batch at a time. Knows no training."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

import torch
from torch import Tensor, nn

from desktop_trainer.engine.arithmetic import Arithmetic
from desktop_trainer.engine.data import Split, Transform
from desktop_trainer.engine.events import Evaluating
from desktop_trainer.engine.setup import ModelSetup
from desktop_trainer.engine.step import LossFunction


class Evaluation:
    """Mean loss and accuracy of a model over a split, computed by `arithmetic`; iterate over `steps`, then read
    `means`.

    What it sees of each batch is what `transform` makes of it. `outputs`, int64 ``(classes,)``, says which of the
    model's outputs stands for each label, where that is not the label itself.

    Between two steps nothing is held open, and the model is in the mode that it was in before. The numbers stay on the
    device until `means`.
    """

    def __init__(
        self,
        model: nn.Module,
        loss_fn: LossFunction,
        split: Split,
        transform: Transform,
        arithmetic: Arithmetic,
        outputs: Tensor | None = None,
    ) -> None:
        self._model, self._loss_fn, self._split, self._transform = model, loss_fn, split, transform
        self._forward, self._products = arithmetic.forward_of(model), arithmetic.products
        self._outputs = outputs
        self._losses: list[Tensor] = []
        self._hits: list[Tensor] = []
        self._counts: list[int] = []

    def steps(self) -> Iterator[int]:
        """Examine one batch at each step; yields how many are done."""
        with closing(self._split.batches(self._transform)) as batches:
            for done, (images, labels) in enumerate(batches, 1):
                self._step(images, labels if self._outputs is None else self._outputs.to(labels.device)[labels])
                del images
                yield done

    def _step(self, images: Tensor, labels: Tensor) -> None:
        training = self._model.training
        self._model.eval()
        try:
            with torch.no_grad(), self._products:
                logits = self._forward(images)
                self._losses.append(self._loss_fn(logits, labels))
                self._hits.append(logits.argmax(1) == labels)
                self._counts.append(len(labels))
        finally:
            self._model.train(training)

    def means(self) -> tuple[float, float]:
        """Mean loss, added in double precision, and accuracy over all samples."""
        # Doubles on the CPU: Apple's graphics chip has none.
        losses, counts = torch.stack(self._losses).cpu().double(), torch.tensor(self._counts, dtype=torch.float64)
        correct = int(torch.cat(self._hits).sum())
        return float(losses @ counts) / sum(self._counts), correct / sum(self._counts)


def examined(
    setup: ModelSetup, epoch: int, outputs: Tensor | None = None
) -> Generator[Evaluating, None, tuple[float, float]]:
    """Examine the model of `setup` on its test set; yields how far it is, returns mean loss and accuracy.

    Args:
        epoch: from 1, to be told; 0 outside a training.
        outputs: see `Evaluation`.
    """
    evaluation = Evaluation(setup.model, setup.loss_fn, setup.test, setup.transforms.plain, setup.arithmetic, outputs)
    for done in evaluation.steps():
        yield Evaluating(epoch, done, setup.test.plan.batches)
    return evaluation.means()
