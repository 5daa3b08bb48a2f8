"""Tells a training that exploded and stayed finite from one whose loss is merely large."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from desktop_trainer.engine.data import Split, Transform
from desktop_trainer.engine.events import Evaluating
from desktop_trainer.engine.setup import ModelSetup
from desktop_trainer.engine.step import LossFunction

FACTOR = 10_000.0
"""How many times larger than the loss of a model that has learned nothing a loss is that has exploded."""
_SHARE = 0.1
"""Of what there is to be learned beyond guessing, a model that knows less than this knows nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to.

    A loss is large only in comparison: that of a regression on large numbers is large from the beginning and for any
    answer, a linear model with a large step has large losses and finds the right classes, and many a network jumps once
    and recovers. So a training has exploded only if its loss grew out of all proportion, and nothing was left
    afterwards.

    Attributes:
        first_loss, peak_loss: of the first batch, and the largest of all batches.
        test_loss, test_accuracy: of the model at the end.
    """

    first_loss: float
    peak_loss: float
    test_loss: float
    test_accuracy: float

    @property
    def suspicious(self) -> bool:
        """Whether the loss grew out of all proportion."""
        return self.peak_loss > FACTOR * self.first_loss > 0

    def exploded(self, guess_loss: float, guess_accuracy: float) -> bool:
        """Whether it did, also beside that of a model that always answers the same, and the model is no better than
        that one.

        Args:
            guess_loss, guess_accuracy: of that other model, see `guessing`.
        """
        grew = self.suspicious and self.peak_loss > FACTOR * guess_loss > 0
        better = self.test_accuracy - guess_accuracy >= _SHARE * (1 - guess_accuracy)
        return grew and self.test_loss > guess_loss and not better


def guessing(
    split: Split, transform: Transform, loss_fn: LossFunction, classes: int
) -> Generator[int, None, tuple[float, float]]:
    """What a model gets on `split` that answers zeros, and always the most frequent class; yields the batches done.

    Returns:
        The mean loss, and the accuracy.
    """
    total, counts = 0.0, torch.zeros(classes, dtype=torch.int64)
    for done, (_, labels) in enumerate(split.batches(transform), 1):
        answers: Tensor = torch.zeros(len(labels), classes, device=labels.device)
        total += float(loss_fn(answers, labels)) * len(labels)
        counts += torch.bincount(labels.cpu(), minlength=classes)
        yield done
    samples = int(counts.sum())
    return total / samples, int(counts.max()) / samples


def exploded(setup: ModelSetup, epoch: int, outcome: Outcome) -> Generator[Evaluating, None, bool]:
    """Whether nothing is left of the model of `setup` after `epoch` (from 1), although its numbers are finite; see
    `Outcome`.
    """
    if not outcome.suspicious:
        return False
    steps = guessing(setup.test, setup.transforms.plain, setup.loss_fn, setup.info.classes)
    while True:
        try:
            yield Evaluating(epoch, next(steps), setup.test.plan.batches)
        except StopIteration as end:
            return outcome.exploded(*end.value)
