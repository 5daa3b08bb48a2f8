"""Settings: declared once, checked everywhere, written and read without loss."""

import json
import math
from typing import Any, get_args, get_origin

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from desktop_trainer.experiment.fields import (
    Setting,
    get_value,
    merged,
    settings_of,
    shared_values,
    to_values,
    with_local,
    with_value,
)
from desktop_trainer.experiment.problems import ExperimentError, parse_experiment, read_experiment
from desktop_trainer.experiment.settings import Experiment

_TEXTS = {
    "device.name": st.sampled_from(["auto", "cpu", "mps", "cuda", "cuda:3"]),
    "data.data_root": st.text("ab /ü文", max_size=20),
    "data.dataset.folder": st.text("ab /~ü文", max_size=20),
}


def values_of(item: Setting) -> st.SearchStrategy[Any]:
    """Valid values of one setting."""
    low, high = item.bounds.get("ge", item.bounds.get("gt")), item.bounds.get("le", item.bounds.get("lt"))
    if item.type is bool:
        return st.booleans()
    if item.type is int:
        return st.integers(None if low is None else int(low), None if high is None else int(high))
    if item.type is float:
        return st.floats(low, high, exclude_min="gt" in item.bounds, exclude_max="lt" in item.bounds, allow_nan=False)
    if get_origin(item.type) is tuple:
        return st.lists(st.integers(1, 65_536), max_size=5)
    return st.sampled_from(get_args(item.type)) if get_args(item.type) else _TEXTS[item.path]


@st.composite
def experiment_values(draw: st.DrawFn) -> dict[str, Any]:
    """Values whose every setting is valid alone; they need not fit together."""
    values = to_values(Experiment())
    for item in settings_of({}):
        if item.registry is not None:
            values = with_value(values, item.path, draw(st.sampled_from(list(item.registry))))
    for item in settings_of(values):
        if item.registry is None:
            values = with_value(values, item.path, draw(values_of(item)))
    return values


def every_setting() -> list[Setting]:
    """Each setting that there is under any choice, once."""
    found = {item.path: item for item in settings_of({})}
    for choice in list(found.values()):
        for name in choice.registry or ():
            options = settings_of(with_value({}, choice.path, name))
            found |= {f"{name}: {item.path}": item for item in options if item.path.startswith(choice.path + ".")}
    return list(found.values())


def beyond(item: Setting) -> list[tuple[Any, float]]:
    """Values just outside the bounds of `item`, each with the bound that it breaks."""
    step = 1 if item.type is int else None
    wrong: list[tuple[Any, float]] = []
    for key, bound in item.bounds.items():
        away = -math.inf if key in ("ge", "gt") else math.inf
        outside = bound if key in ("gt", "lt") else math.nextafter(bound, away)
        value = outside if step is None else int(bound) + (step if away > 0 else -step)
        wrong.append((value, bound))
    return wrong


EVERY_SETTING = every_setting()


@pytest.mark.parametrize("item", EVERY_SETTING, ids=lambda item: item.path)
def test_every_setting_has_a_label_an_explanation_and_a_valid_default(item: Setting) -> None:
    assert item.label
    assert item.explanation.endswith(".")
    assert item.registry is not None or item.type in (int, float, bool, str) or get_args(item.type)


@pytest.mark.parametrize(
    "item", [item for item in EVERY_SETTING if item.type in (int, float)], ids=lambda item: item.path
)
def test_every_number_is_bounded_on_both_sides(item: Setting) -> None:
    """A form needs an end of the scale, and no number may exhaust the machine."""
    assert len(item.bounds) == 2


BEYOND = [(item, value, bound) for item in EVERY_SETTING for value, bound in beyond(item)]


@pytest.mark.parametrize(("item", "value", "bound"), BEYOND)
def test_a_value_beyond_a_bound_is_blamed_by_path_value_and_bound(item: Setting, value: Any, bound: float) -> None:
    with pytest.raises(ExperimentError) as caught:
        parse_experiment(with_value(_choosing(item), item.path, value))
    (problem,) = caught.value.problems
    assert problem.path == item.path
    assert str(value) in problem.message
    assert str(bound) in problem.message or str(float(bound)) in problem.message


def _choosing(item: Setting) -> dict[str, Any]:
    """Values under which `item` exists."""
    for choice in (choice for choice in settings_of({}) if choice.registry is not None):
        for name in choice.registry or ():
            values = with_value(to_values(Experiment()), choice.path, name)
            if any(each == item for each in settings_of(values)):
                return values
    raise AssertionError(item.path)


def test_the_defaults_are_an_experiment() -> None:
    assert parse_experiment({}) == Experiment()


def test_an_experiment_cannot_be_changed() -> None:
    experiment = Experiment()
    for section, name in ((experiment, "model"), (experiment.data, "batch_size"), (experiment.optimizer, "lr")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(section, name, 1)


@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(experiment_values())
def test_an_experiment_survives_its_json(values: dict[str, Any]) -> None:
    try:
        experiment = parse_experiment(values)
    except ExperimentError as error:
        # Each setting is valid alone, so that only what does not fit together may be blamed.
        assume(
            not {problem.path for problem in error.problems}
            <= {"data.batch_size", "data.normalization", "model", "optimizer"}
        )
        raise
    assert read_experiment(json.dumps(to_values(experiment))) == experiment
    assert read_experiment(experiment.model_dump_json()) == experiment


def test_shared_values_leave_out_what_belongs_to_this_machine() -> None:
    experiment = parse_experiment({"data": {"data_root": "/mine", "batch_size": 3}, "device": {"threads": 2}})
    shared = shared_values(experiment)
    assert "data_root" not in shared["data"]
    assert "threads" not in shared["device"]
    assert "saving" not in shared, "a section of which nothing is shared"
    assert parse_experiment(shared).data.batch_size == 3


def test_what_belongs_to_this_machine_is_kept_for_what_comes_from_another() -> None:
    """Only those settings; a value that is not there leaves what is said."""
    here = {"data": {"data_root": "/mine", "batch_size": 3}, "device": {"threads": 2, "precision": "bf16"}}
    there = to_values(parse_experiment({"data": {"data_root": "/theirs", "workers": 5}}))
    kept = parse_experiment(with_local(there, here))
    assert (kept.data.data_root, kept.device.threads, kept.data.workers) == ("/mine", 2, 5)
    assert (kept.data.batch_size, kept.device.precision) == (parse_experiment({}).data.batch_size, "default")


def test_options_follow_their_choice() -> None:
    paths = [item.path for item in settings_of({"optimizer": {"name": "sgd"}})]
    assert paths[paths.index("optimizer") + 1] == "optimizer.lr"
    assert "optimizer.momentum" in paths
    assert "optimizer.momentum" not in [item.path for item in settings_of({"optimizer": "adam"})]
    assert "optimizer.lr" not in [item.path for item in settings_of({"optimizer": "no such"})]


def test_with_value_leaves_the_original_and_the_rest_alone() -> None:
    values = to_values(Experiment())
    before = json.dumps(values)
    changed = with_value(values, "data.batch_size", 7)
    assert json.dumps(values) == before
    assert get_value(changed, "data.batch_size") == 7
    assert with_value(changed, "data.batch_size", 256) == values


def test_a_new_choice_takes_its_own_default_options() -> None:
    values = with_value(to_values(Experiment()), "optimizer", "sgd")
    assert parse_experiment(values).optimizer.lr == 0.1
    assert get_value(values, "optimizer") == "sgd"


def test_merged_keeps_the_options_of_the_same_choice_only() -> None:
    base = {"optimizer": {"name": "sgd", "lr": 0.9, "momentum": 0.5}, "training": {"epochs": 3, "seed": 4}}
    assert merged(base, {"optimizer": {"name": "sgd", "lr": 0.1}})["optimizer"] == {
        "name": "sgd",
        "lr": 0.1,
        "momentum": 0.5,
    }
    assert merged(base, {"optimizer": {"lr": 0.1}})["optimizer"] == {"name": "sgd", "lr": 0.1, "momentum": 0.5}
    assert merged(base, {"optimizer": "adam"})["optimizer"] == {"name": "adam"}
    assert merged(base, {"training": {"epochs": 9}})["training"] == {"epochs": 9, "seed": 4}


def test_merged_keeps_garbage_for_the_validation_to_name() -> None:
    with pytest.raises(ExperimentError, match="data: 5 is not a group of settings"):
        parse_experiment(with_value(merged({}, {"data": 5}), "data.batch_size", 3))


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"data": {"batch_size": 1501, "drop_last": True}}, "data.batch_size"),
        ({"model": "lenet"}, "model"),
        ({"data": {"normalization": "imagenet"}}, "data.normalization"),
        ({"optimizer": {"name": "sgd", "nesterov": True}}, "optimizer"),
    ],
)
def test_what_does_not_fit_together_is_blamed_on_one_setting(values: dict[str, Any], path: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        parse_experiment(values)
    assert [problem.path for problem in caught.value.problems] == [path]
