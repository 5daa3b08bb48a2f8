"""The losses, against their definition."""

import math

import pytest
import torch

from desktop_trainer.experiment.choices import LOSSES


def test_cross_entropy_is_the_mean_surprise_at_the_right_class() -> None:
    logits, labels = torch.randn(5, 4, dtype=torch.float64), torch.tensor([0, 3, 1, 1, 2])
    surprise = [-math.log(row.softmax(0)[label]) for row, label in zip(logits, labels.tolist(), strict=True)]
    loss = LOSSES.validate("cross_entropy").build()(logits, labels)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(sum(surprise) / 5)


def test_guessing_costs_the_logarithm_of_the_number_of_classes() -> None:
    loss = LOSSES.validate("cross_entropy").build()(torch.zeros(3, 10), torch.tensor([1, 2, 3]))
    assert loss.item() == pytest.approx(math.log(10))


def test_label_smoothing_mixes_the_right_class_with_all_classes() -> None:
    """Szegedy et al., 2015, arXiv:1512.00567, section 7: targets (1 - s) on the class plus s / classes on each."""
    logits, labels = torch.randn(5, 4, dtype=torch.float64), torch.tensor([0, 3, 1, 1, 2])
    target = 0.8 * torch.nn.functional.one_hot(labels, 4) + 0.2 / 4
    loss = LOSSES["cross_entropy"].model_validate({"label_smoothing": 0.2}).build()(logits, labels)
    assert loss.item() == pytest.approx(-(target * logits.log_softmax(1)).sum(1).mean().item())
