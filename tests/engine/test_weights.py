"""Putting weights into a model: all of them or none, and every mismatch is listed (F12)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from desktop_trainer.engine.weights import ModelMismatch, load_weights
from desktop_trainer.experiment.choices import MODELS
from desktop_trainer.experiment.data import DataInfo

FASHION = DataInfo(1, 1, 1, 28, 28, tuple("0123456789"))
FIVE = DataInfo(1, 1, 1, 28, 28, tuple("01234"))


def model(name: str, info: DataInfo = FASHION) -> nn.Module:
    return MODELS.validate(name).build(info)


@pytest.fixture
def lenet() -> Iterator[nn.Module]:
    """A model that must be unchanged at the end of the test."""
    made = model("lenet")
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    yield made
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.state_dict().items())


@pytest.mark.parametrize("name", MODELS)
def test_fitting_weights_are_copied_into_the_model(name: str) -> None:
    source, target = model(name), model(name)
    load_weights(target, source.state_dict())
    given = source.state_dict()
    assert all(torch.equal(tensor, given[key]) for key, tensor in target.state_dict().items())
    assert all(tensor.data_ptr() != given[key].data_ptr() for key, tensor in target.state_dict().items())


def test_weights_of_another_class_count_name_the_layer_and_both_shapes(lenet: nn.Module) -> None:
    with pytest.raises(ModelMismatch) as caught:
        load_weights(lenet, model("lenet", FIVE).state_dict())
    assert str(caught.value).splitlines() == [
        "These weights do not fit the model.",
        "Of another shape: 11.weight (5, 84) != (10, 84), 11.bias (5,) != (10,)",
    ]


def test_weights_of_another_model_list_what_is_missing_and_unexpected(lenet: nn.Module) -> None:
    with pytest.raises(ModelMismatch) as caught:
        load_weights(lenet, model("softmax").state_dict())
    text = str(caught.value)
    assert "Missing: 0.weight, 0.bias, 3.weight, 3.bias, 7.weight, 7.bias, 9.weight, 9.bias, ... (10)" in text
    assert "Unexpected: linear.weight, linear.bias" in text
    assert "shape" not in text


def test_one_missing_weight_is_enough_to_change_nothing(lenet: nn.Module) -> None:
    weights: dict[str, Tensor] = {name: torch.zeros_like(tensor) for name, tensor in lenet.state_dict().items()}
    del weights["11.bias"]
    with pytest.raises(ModelMismatch, match=r"Missing: 11\.bias$"):
        load_weights(lenet, weights)
