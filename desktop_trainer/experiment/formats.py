"""The format of an experiment in files: its number, and one small step from each number to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from desktop_trainer.experiment.choices import DATASETS
from desktop_trainer.experiment.errors import ExperimentError, Problem
from desktop_trainer.i18n import tr

Step: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


def numbered(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` of today with their format's number: what files hold."""
    return {"format": FORMAT, **values}


def of_today(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a file holds, as today's version would write them, without their number.

    They need not be valid. Values without a number are of format 1, or of today: each step leaves alone what is in the
    newer form already. Files keep what they say; this is for whoever reads them.

    Raises:
        ExperimentError: if they are of a newer version of this program, or the number is none.
    """
    found = values.get("format", 1)
    if type(found) is not int or found < 1:
        raise ExperimentError([Problem("format", tr("{found} is not the number of a format.", found=repr(found)[:60]))])
    if found > FORMAT:
        text = tr(
            "A newer version of Desktop Trainer wrote this (format {found}; this one reads up to {known}). It was left "
            "as it is; install the newer version to open it.",
            found=found,
            known=FORMAT,
        )
        raise ExperimentError([Problem("", text)])
    result = {key: value for key, value in values.items() if key != "format"}
    for step in _STEPS[found - 1 :]:
        result = step(result)
    return result


def _one_size_of_images(values: dict[str, Any]) -> dict[str, Any]:
    """1 to 2: a folder of images had a size of its own beside *Image size*, and always three channels."""
    data = values.get("data")
    dataset = data.get("dataset") if isinstance(data, Mapping) else None
    name = dataset.get("name") if isinstance(dataset, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(name, str) or name not in DATASETS:
        return values
    return {**values, "data": DATASETS[name].upgraded(dict(data))}


_STEPS: tuple[Step, ...] = (_one_size_of_images,)
FORMAT = 1 + len(_STEPS)
"""The number that this version writes."""
