"""Whatever a file holds, reading it gives an experiment or sentences that say why not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_trainer.experiment.fields import settings_of, to_values, with_value
from desktop_trainer.experiment.problems import ExperimentError, parse_experiment, read_experiment
from desktop_trainer.experiment.settings import Experiment

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
paths = st.sampled_from(
    [item.path for item in settings_of({})] + ["data", "training", "device", "model.name", "nothing"]
)


def check(text: str) -> None:
    """Reading `text` gives an experiment, or problems with messages that can be printed and written."""
    try:
        experiment: Experiment | ExperimentError = read_experiment(text)
    except ExperimentError as error:
        experiment = error
    if isinstance(experiment, ExperimentError):
        assert experiment.problems
        assert all(problem.message.encode() and problem.path.encode() is not None for problem in experiment.problems)
    else:
        assert read_experiment(experiment.model_dump_json()) == experiment


@given(st.text())
def test_any_text_is_an_experiment_or_explained(text: str) -> None:
    check(text)


@settings(deadline=None)
@given(anything)
def test_any_json_is_an_experiment_or_explained(value: Any) -> None:
    check(json.dumps(value))


@settings(deadline=None)
@given(paths, anything)
def test_any_value_of_any_setting_is_taken_or_explained(path: str, value: Any) -> None:
    check(json.dumps(with_value(to_values(Experiment()), path, value)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[]",
        "3",
        "null",
        '"x"',
        "[" * 100_000,
        '{"data": {"batch_size": ' + "9" * 5000 + "}}",
        '{"\\ud800": 1}',
        '{"model": {"name": "\\ud800"}}',
        '{"device": {"name": "\\ud800"}}',
        '{"data": {"batch_size": 1e999}}',
        '{"optimizer": {"name": "adam", "lr": NaN}}',
        '{"optimizer": {"name": "adam", "lr": ' + "9" * 400 + "}}",
    ],
)
def test_known_traps_are_explained(text: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        read_experiment(text)
    str(caught.value).encode()


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(ExperimentError) as caught:
        read_experiment('{"data": {"batch_size": 0}, "optimizer": {"name": "adam", "lr": "fast", "speed": 3}}')
    assert str(caught.value).splitlines() == [
        "data.batch_size: 0 is too small; the least is 1.",
        "optimizer.lr: “fast” is not a number.",
        "optimizer.speed: There is no such setting.",
    ]


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("data.batch_size", "", "Enter a number."),
        ("optimizer.lr", " ", "Enter a number."),
        ("optimizer.lr", "0,001", "“0,001” has a comma. Write the number with a point: 0.001"),
        ("optimizer.lr", "1，5e-3", "Write the number with a point: 1.5e-3"),
        ("optimizer.lr", "1,000,000", "is not a number"),
        ("data.batch_size", "1,5", "is not a whole number"),
    ],
)
def test_what_should_be_a_number_is_asked_for_and_a_comma_is_explained(path: str, text: str, words: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        parse_experiment(with_value(to_values(Experiment()), path, text))
    assert [problem.path for problem in caught.value.problems] == [path]
    assert words in caught.value.problems[0].message
