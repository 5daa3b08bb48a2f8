"""Turns what is wrong with an experiment into sentences: which field, which value, which bound."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from desktop_trainer.experiment.data import DataInfo, DataUnknown
from desktop_trainer.experiment.errors import ExperimentError as ExperimentError
from desktop_trainer.experiment.errors import Problem as Problem
from desktop_trainer.experiment.formats import of_today
from desktop_trainer.experiment.nesting import too_deep
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import mark, tr
from desktop_trainer.regular_files import read_regular

_MOST_BYTES = 1_000_000
"""A larger file is no experiment."""
_SENTENCES = {
    "greater_than": mark("{value} is too small; it must be greater than {gt}."),
    "greater_than_equal": mark("{value} is too small; the least is {ge}."),
    "less_than": mark("{value} is too large; it must be less than {lt}."),
    "less_than_equal": mark("{value} is too large; the most is {le}."),
    "finite_number": mark("{value} is not a finite number."),
    "int_type": mark("{value} is not a whole number."),
    "int_parsing": mark("{value} is not a whole number."),
    "int_from_float": mark("{value} is not a whole number."),
    "int_parsing_size": mark("{value} is too large."),
    "float_type": mark("{value} is not a number."),
    "float_parsing": mark("{value} is not a number."),
    "bool_type": mark("{value} is neither true nor false."),
    "bool_parsing": mark("{value} is neither true nor false."),
    "string_type": mark("{value} is not a text."),
    "string_pattern_mismatch": mark("{value} does not have the form {pattern}."),
    "string_too_long": mark("This is too long; the most is {max_length} characters."),
    "string_unicode": mark("{value} has characters that are not text."),
    "tuple_type": mark("{value} is not a list."),
    "model_type": mark("{value} is not a group of settings."),
    "model_attributes_type": mark("{value} is not a group of settings."),
    "literal_error": mark("{value} is not among {expected}."),
    "extra_forbidden": mark("There is no such setting."),
    "too_short": mark("{value} has too few entries; the least is {min_length}."),
    "too_long": mark("{value} has too many entries; the most is {max_length}."),
}
_BOUNDS = ("gt", "ge", "lt", "le")


def parse_experiment(values: Any) -> Experiment:
    """The experiment that `values`, as read from JSON, describe.

    Raises:
        ExperimentError: with every problem found.
    """
    try:
        return Experiment.model_validate(of_today(values) if isinstance(values, Mapping) else values)
    except ValidationError as error:
        raise ExperimentError([_problem(details) for details in error.errors(include_url=False)]) from None


def check_data(experiment: Experiment, info: DataInfo | None = None) -> None:
    """See whether the data are there to be counted, and fit the settings; `info` is what was counted, if it was.

    `parse_experiment` has checked what can be known without files. This may take as long as `DatasetChoice.info`.

    Raises:
        ExperimentError: if not.
    """
    try:
        experiment.check_fit(info or experiment.data.dataset.info())
    except DataUnknown as error:
        raise ExperimentError([Problem(f"data.dataset.{error.option}", str(error))]) from None
    except ValidationError as error:
        raise ExperimentError([_problem(details) for details in error.errors(include_url=False)]) from None


def read_experiment(text: str) -> Experiment:
    """The experiment in the JSON `text`.

    Raises:
        ExperimentError: if it is not JSON, or not an experiment.
    """
    return parse_experiment(_read_object(text))


def load_values(path: Path) -> dict[str, Any]:
    """The settings in the JSON file `path`, which a user chose; in today's form, unchecked, for `parse_experiment`.

    Raises:
        ExperimentError: if it is not a JSON object, is larger than an experiment can be, or of a newer version.
        OSError: if it cannot be read.
    """
    return of_today(load_object(path))


def load_object(path: Path) -> dict[str, Any]:
    """What the JSON file `path` holds, as it stands there.

    Raises:
        ExperimentError: if it is not a JSON object, or is larger than an experiment can be.
        OSError: if it cannot be read.
    """
    try:
        return _read_object(read_regular(path, _MOST_BYTES, links=True).decode())
    except UnicodeDecodeError as error:
        raise ExperimentError([Problem("", tr("This is not JSON: {error}.", error=error))]) from None


def _read_object(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
        if too_deep(values):
            raise RecursionError("nested too deep")
        json.dumps(values, ensure_ascii=False).encode()  # half a surrogate pair could be neither shown nor written
    except (ValueError, RecursionError) as error:
        raise ExperimentError([Problem("", tr("This is not JSON: {error}.", error=error))]) from None
    if not isinstance(values, dict):
        raise ExperimentError([Problem("", tr("An experiment is a JSON object of settings."))])
    return values


def _problem(details: ErrorDetails) -> Problem:
    path = ".".join(map(str, details["loc"]))
    context = details.get("ctx", {})
    sentence = _SENTENCES.get(details["type"])
    if sentence is None:
        return Problem(path, details["msg"])
    told = {key: _bound(value) if key in _BOUNDS else value for key, value in context.items()}
    return Problem(
        path, _explained(details["type"], details["input"]) or tr(sentence, value=_shown(details["input"]), **told)
    )


def _bound(value: float) -> str:
    """As it can be typed: a space between thousands would be no number."""
    return str(int(value)) if value == int(value) and abs(value) < 1e12 else f"{value:g}"


def _explained(kind: str, value: Any) -> str:
    """What to write instead, where a text should be a number and it is plain what was meant."""
    if kind not in ("int_parsing", "float_parsing") or not isinstance(value, str):
        return ""
    if not value.strip():
        return tr("Enter a number.")
    pointed = re.sub("[,，。．]", ".", value.strip())
    if kind == "float_parsing" and pointed != value.strip() and re.fullmatch(r"[+-]?\d*\.\d+([eE][+-]?\d+)?", pointed):
        return tr("{value} has a comma. Write the number with a point: {number}", value=_shown(value), number=pointed)
    return ""


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    return f"“{text}”" if isinstance(value, str) else text
