"""The models: shapes, parameter counts, and that each learns on every size that it says it takes."""

from __future__ import annotations

import json
from typing import Any, Literal, get_args, get_origin

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic.fields import FieldInfo
from torch import nn

from desktop_trainer.experiment.choices import MODELS, REGISTRIES, ModelChoice
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.registry import Choice

FASHION = DataInfo(60_000, 10_000, 1, 28, 28, tuple("0123456789"))
SIZES = {"fashion": (1, 28, 28), "colour": (3, 32, 32), "smallest": (1, 0, 0), "wide": (2, 0, 40)}


def info_for(model: type[ModelChoice], shape: tuple[int, int, int]) -> DataInfo:
    channels, height, width = shape
    return DataInfo(10, 10, channels, height or model.minimum_size, width or model.minimum_size, tuple("abcdefg"))


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("shape", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("name", MODELS)
def test_a_model_takes_every_size_it_promises_and_a_step_moves_it(name: str, shape: tuple[int, int, int]) -> None:
    """Also with a batch of one sample, which the last batch of an epoch can be."""
    torch.manual_seed(0)
    info = info_for(MODELS[name], shape)
    model = MODELS.validate(name).build(info).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for count in (3, 1):
        before = [parameter.detach().clone() for parameter in model.parameters()]
        logits = model(torch.rand(count, info.channels, info.height, info.width))
        assert logits.shape == (count, 7)
        optimizer.zero_grad()
        nn.functional.cross_entropy(logits, torch.arange(count)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        assert all(parameter.isfinite().all() for parameter in model.parameters())
        assert any(not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


def test_softmax_regression_has_a_weight_for_each_pixel_and_class() -> None:
    assert parameters(MODELS.validate("softmax").build(FASHION)) == 7850


@pytest.mark.parametrize(("activation", "layer"), [("sigmoid", nn.Sigmoid), ("relu", nn.ReLU)])
def test_lenet_is_the_tutorials_network_layer_by_layer(activation: str, layer: type[nn.Module]) -> None:
    tutorial = nn.Sequential(
        nn.Conv2d(1, 6, 5),
        layer(),
        nn.MaxPool2d(2, 2),
        nn.Conv2d(6, 16, 5),
        layer(),
        nn.MaxPool2d(2, 2),
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, 120),
        layer(),
        nn.Linear(120, 84),
        layer(),
        nn.Linear(84, 10),
    )
    model = MODELS["lenet"].model_validate({"activation": activation}).build(FASHION)
    assert parameters(model) == 44_426
    model.load_state_dict(tutorial.state_dict())
    images = torch.rand(2, 1, 28, 28)
    assert torch.equal(model(images), tutorial(images))


@pytest.mark.parametrize(
    ("activation", "layer"), [("relu", nn.ReLU), ("sigmoid", nn.Sigmoid), ("tanh", nn.Tanh), ("gelu", nn.GELU)]
)
def test_an_mlp_has_the_layers_that_its_options_ask_for(activation: str, layer: type[nn.Module]) -> None:
    choice = MODELS["mlp"].model_validate({"hidden_sizes": [30, 20], "activation": activation, "dropout": 0.25})
    kinds = [type(part) for part in choice.build(FASHION).children()]
    assert kinds == [nn.Flatten, nn.Linear, layer, nn.Dropout, nn.Linear, layer, nn.Dropout, nn.Linear]
    widths = [part.out_features for part in choice.build(FASHION).modules() if isinstance(part, nn.Linear)]
    assert widths == [30, 20, 10]
    assert {part.p for part in choice.build(FASHION).modules() if isinstance(part, nn.Dropout)} == {0.25}


def test_an_mlp_without_hidden_layers_is_softmax_regression() -> None:
    assert parameters(MODELS["mlp"].model_validate({"hidden_sizes": []}).build(FASHION)) == 7850


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
@pytest.mark.parametrize("size", [8, 16, 28, 32, 63, 64, 224])
def test_large_models_keep_more_than_one_pixel_to_the_end(name: str, size: int) -> None:
    with torch.device("meta"):
        model = MODELS.validate(name).build(DataInfo(1, 1, 3, size, size, ("a", "b")))
        seen: list[torch.Size] = []
        pool = [part for part in model.modules() if isinstance(part, nn.AdaptiveAvgPool2d)][-1]
        pool.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].shape))
        model.eval()(torch.empty(1, 3, size, size))
    assert min(seen[0][2:]) >= 2


def test_photographs_get_torchvisions_own_resnet() -> None:
    """From 64 pixels on nothing but the channels and the classes is ours."""
    from torchvision.models import mobilenet_v3_small, resnet18

    info = DataInfo(1, 1, 3, 224, 224, tuple(map(str, range(1000))))
    for name, original in {"resnet18": resnet18, "mobilenet_v3_small": mobilenet_v3_small}.items():
        with torch.device("meta"):
            ours, theirs = MODELS.validate(name).build(info), original(weights=None)
        assert str(ours) == str(theirs)


CHOICES = [choice for registry in REGISTRIES.values() for choice in registry.values()]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.__name__)
def test_every_choice_says_what_it_is_under_one_name(choice: type[Choice]) -> None:
    name = choice.model_fields["name"].default
    registry = next(registry for registry in REGISTRIES.values() if choice in registry.values())
    assert choice.label
    assert choice.explanation.endswith(".")
    assert registry[name] is choice
    with pytest.raises(ValueError, match="name"):
        choice.model_validate({"name": name + "x"})
    for field, declared in choice.model_fields.items():
        assert field == "name" or (declared.title and declared.description)


def values_of(field: FieldInfo) -> st.SearchStrategy[Any]:
    """What the declaration of an option allows."""
    bounds = {
        key: getattr(item, key) for item in field.metadata for key in ("ge", "gt", "le", "lt") if hasattr(item, key)
    }
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    if get_origin(field.annotation) is Literal:
        return st.sampled_from(get_args(field.annotation))
    if field.annotation is str:
        return st.text("ab /~ü文", max_size=20).map("/".__add__)  # a relative path would become absolute
    if field.annotation is bool:
        return st.booleans()
    if field.annotation is int:
        return st.integers(low, high)
    if field.annotation is float:
        return st.floats(low, high, exclude_min="gt" in bounds, exclude_max="lt" in bounds)
    return st.lists(st.integers(1, 1000), max_size=4).map(tuple)


@given(st.data(), st.sampled_from(CHOICES))
def test_options_survive_json(data: st.DataObject, choice: type[Choice]) -> None:
    """What a choice accepts is what a file gives back, to the last bit."""
    values = {name: data.draw(values_of(field), name) for name, field in choice.model_fields.items()}
    assume(not (values.get("nesterov") and values["momentum"] == 0))
    made = choice.model_validate(values)
    registry = next(registry for registry in REGISTRIES.values() if choice in registry.values())
    assert registry.validate(json.loads(made.model_dump_json())) == made
    assert {name: getattr(made, name) for name in values} == values
