"""Which columns the table of runs has, and in which order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from desktop_trainer.experiment.fields import get_value
from desktop_trainer.report import run_columns

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary


def short_name(run: RunSummary) -> str:
    """The run's name, without the model and the dataset that a new run has in it: they have columns of their own."""
    model, dataset = (get_value(run.values, path) for path in ("model", "data.dataset"))
    named = re.fullmatch(r"(\d{4}-\d\d-\d\d \d{4})( .+?)( \d+)?", run.name)
    if named is None or named[2] != f" {model} {dataset}":
        return run.name
    return named[1] + (named[3] or "")


_SHOWN = (
    "name",
    "outcome",
    "best",
    "epochs",
    "lr",
    "batch_size",
    "model",
    "dataset",
    "optimizer",
    "accuracy",
    "loss",
    "seconds",
    "created",
    "recipe",
    "tags",
    "folder",
)
COLUMNS = tuple(
    column._replace(text=short_name) if column.name == "name" else column
    for column in map(run_columns.COLUMNS.__getitem__, _SHOWN)
)
PLACES = {column.name: place for place, column in enumerate(COLUMNS)}
"""The number of each column by its name."""
EDITABLE = ("name", "tags")
