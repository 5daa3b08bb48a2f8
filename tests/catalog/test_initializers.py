"""The initializers: what they fill, with which spread, and what they leave alone."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from desktop_trainer.experiment.choices import INITIALIZERS


def model() -> Any:
    return nn.Sequential(nn.Conv2d(3, 50, 5), nn.BatchNorm2d(50), nn.Flatten(), nn.Linear(200, 300))


def initialised(name: str, **options: Any) -> tuple[Any, Any]:
    """A model before and after."""
    torch.manual_seed(1)
    before, after = model(), model()
    after.load_state_dict(before.state_dict())
    INITIALIZERS[name].model_validate(options).apply(after)
    return before, after


def test_the_default_draws_nothing_and_changes_nothing() -> None:
    part = model()
    state, weights = torch.get_rng_state(), {name: tensor.clone() for name, tensor in part.state_dict().items()}
    INITIALIZERS.validate("default").apply(part)
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(tensor, weights[name]) for name, tensor in part.state_dict().items())


@pytest.mark.parametrize("layer", [0, 3])
def test_xavier_uniform_fills_its_bounds(layer: int) -> None:
    """Glorot and Bengio 2010, equation 16: U(-a, a), a = sqrt(6 / (fan in + fan out))."""
    weight = initialised("xavier_uniform")[1][layer].weight
    receptive = weight[0][0].numel() if weight.ndim == 4 else 1
    bound = math.sqrt(6 / ((weight.shape[0] + weight.shape[1]) * receptive))
    assert 0.95 * bound < weight.abs().max().item() <= bound
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize("layer", [0, 3])
def test_kaiming_uniform_fills_its_bounds(layer: int) -> None:
    """He et al. 2015, equation 10: variance 2 / fan in, so a = sqrt(6 / fan in)."""
    weight = initialised("kaiming_uniform")[1][layer].weight
    bound = math.sqrt(6 / weight[0].numel())
    assert 0.95 * bound < weight.abs().max().item() <= bound


@pytest.mark.parametrize("std", [0.01, 0.5])
def test_normal_has_its_standard_deviation(std: float) -> None:
    weight = initialised("normal", std=std)[1][3].weight
    assert weight.std().item() == pytest.approx(std, rel=0.05)
    assert weight.mean().item() == pytest.approx(0, abs=std / 20)
    assert weight.abs().max().item() > 3 * std


@pytest.mark.parametrize("name", ["normal", "xavier_uniform", "kaiming_uniform"])
@pytest.mark.parametrize("zero_bias", [True, False])
def test_biases_are_zero_only_if_asked_and_batch_norm_is_left_alone(name: str, zero_bias: bool) -> None:
    before, after = initialised(name, zero_bias=zero_bias)
    for layer in (0, 3):
        assert not torch.equal(before[layer].weight, after[layer].weight)
        expected = torch.zeros_like(before[layer].bias) if zero_bias else before[layer].bias
        assert torch.equal(after[layer].bias, expected)
    assert all(torch.equal(tensor, before[1].state_dict()[key]) for key, tensor in after[1].state_dict().items())


def test_the_tutorials_start_is_small_weights_and_zero_biases() -> None:
    after = initialised("normal")[1]
    assert after[3].weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert not after[3].bias.any()


@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_same_seed_gives_the_same_start(name: str) -> None:
    one, other = initialised(name)[1], initialised(name)[1]
    assert all(torch.equal(tensor, other.state_dict()[key]) for key, tensor in one.state_dict().items())
