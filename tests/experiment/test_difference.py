"""What differs between two experiments: named, in declared order, with the options of the choices."""

from __future__ import annotations

from typing import Any

import pytest

from desktop_trainer.experiment.difference import Difference, difference_text, differences
from desktop_trainer.experiment.fields import settings_of, shared_values, to_values, with_value
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment

PLAIN = to_values(Experiment())


def test_the_same_experiment_differs_in_nothing() -> None:
    assert differences(PLAIN, to_values(parse_experiment(PLAIN))) == []


def test_each_setting_is_named_with_both_values_in_declared_order() -> None:
    other = with_value(with_value(PLAIN, "training.epochs", 3), "data.batch_size", 17)
    assert differences(PLAIN, other) == [
        Difference("data.batch_size", "Batch size", 256, 17),
        Difference("training.epochs", "Epochs", 10, 3),
    ]


def test_zero_is_told_as_the_word_that_the_form_shows_for_it() -> None:
    other = with_value(with_value(PLAIN, "training.patience", 3), "training.seed", 1)
    texts = [difference_text(item) for item in differences(PLAIN, other)]
    assert texts == ["Seed 0 → 1", "Patience off → 3"]


def test_an_option_of_the_same_choice_differs_by_itself() -> None:
    other = with_value(PLAIN, "optimizer.lr", 0.5)
    assert [(item.path, item.before, item.after) for item in differences(PLAIN, other)] == [
        ("optimizer.lr", 0.001, 0.5)
    ]


def test_another_choice_brings_its_options_behind_it() -> None:
    """Those that both have are compared; what only one has is None in the other."""
    before = to_values(parse_experiment({"optimizer": "adam"}))
    after = to_values(parse_experiment({"optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9}}))
    found = {item.path: (item.before, item.after) for item in differences(before, after)}
    assert next(iter(found)) == "optimizer"
    assert found["optimizer"] == ("adam", "sgd")
    assert found["optimizer.momentum"] == (None, 0.9)
    declared = [item.path for values in (before, after) for item in settings_of(values)]
    assert set(found) <= set(declared)
    backwards = {item.path: (item.after, item.before) for item in differences(after, before)}
    assert backwards == found


def test_every_path_stands_in_its_section() -> None:
    """However different the two are, what belongs together stays together."""
    before = to_values(parse_experiment({"model": "mlp", "data": {"dataset": "digits"}, "training": {"epochs": 1}}))
    after = to_values(
        parse_experiment({"model": "lenet", "data": {"dataset": "synthetic", "batch_size": 3}, "optimizer": "sgd"})
    )
    sections = [item.path.partition(".")[0] for item in differences(before, after)]
    assert list(dict.fromkeys(sections)) == ["data", "model", "optimizer", "training"]
    assert sections == sorted(sections, key=["data", "model", "optimizer", "training"].index)


def test_settings_of_the_machine_count_only_where_both_say_them() -> None:
    mine = with_value(PLAIN, "data.data_root", "/somewhere/of/mine")
    assert differences(shared_values(Experiment()), mine) == []
    assert [item.path for item in differences(PLAIN, mine)] == ["data.data_root"]


def test_what_an_older_file_does_not_mention_has_its_default() -> None:
    assert differences({}, PLAIN) == []


@pytest.mark.parametrize(
    "values",
    [
        {"model": 3},
        {"model": {"name": ["x"]}},
        {"data": None},
        {"data": {"batch_size": {"a": []}}},
        {"model": "none such"},
    ],
)
def test_values_that_make_no_experiment_differ_without_an_error(values: dict[str, Any]) -> None:
    assert all(item.label and item.before != item.after for item in differences(PLAIN, values))
