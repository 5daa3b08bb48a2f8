"""Ready-made experiments, read from JSON files in the resources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desktop_trainer import folders
from desktop_trainer.experiment.problems import ExperimentError, Problem
from desktop_trainer.i18n import tr


@dataclass(frozen=True, slots=True)
class Recipe:
    """An experiment to start from.

    Attributes:
        name: the stem of its file.
        title: its name for people; `explanation`: what is seen in it and which figures to expect. Both in English, to
            be translated where they are shown.
        experiment: the values of the settings that it sets, for `parse_experiment`; the others keep their defaults.
    """

    name: str
    title: str
    explanation: str
    experiment: Mapping[str, Any]


def recipes() -> dict[str, Recipe]:
    """Every recipe by its name, in the order of the names."""
    files = sorted((folders.resources() / "recipes").glob("*.json"))
    return {file.stem: Recipe(file.stem, **json.loads(file.read_text(encoding="utf-8"))) for file in files}


def recipe(name: str) -> Recipe:
    """The recipe called `name`.

    Raises:
        ExperimentError: if there is none; it lists the known ones.
    """
    known = recipes()
    if name not in known:
        message = tr("There is no {name!r}. Known are: {known}.", name=name, known=", ".join(known))
        raise ExperimentError([Problem("recipe", message)])
    return known[name]


def texts() -> list[str]:
    """What is to be translated: every title and explanation."""
    return [text for item in recipes().values() for text in (item.title, item.explanation)]
