"""What the command line tells of a run: its columns by the names that ``--sort`` takes, figures, values of settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_trainer.cli.text_table import clean
from desktop_trainer.experiment.fields import get_value
from desktop_trainer.i18n import tr
from desktop_trainer.quantities import figure
from desktop_trainer.report import run_columns

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary

NOTHING = "-"
"""Where a run has no such thing."""
_MOST = 60


def _as_typed(name: str, path: str) -> run_columns.RunColumn:
    """The column of a choice, which shows the name that its flag takes."""

    def text(run: RunSummary) -> str:
        return str(get_value(run.values, path) or "")

    return run_columns.COLUMNS[name]._replace(text=text, key=lambda run: text(run).casefold() or None)


COLUMNS = {
    "name": run_columns.COLUMNS["name"],
    "state": run_columns.COLUMNS["outcome"],
    "dataset": _as_typed("dataset", "data.dataset"),
    "model": _as_typed("model", "model"),
    "epochs": run_columns.COLUMNS["epochs"],
    "accuracy": run_columns.COLUMNS["best"],
    "loss": run_columns.COLUMNS["train_loss"],
    "duration": run_columns.COLUMNS["seconds"],
}
"""The columns of the list, by the names that ``--sort`` takes."""


def cell(run: RunSummary, name: str) -> str:
    """What the column `name` says of the run."""
    return clean(COLUMNS[name].text(run)) or NOTHING


def figure_text(value: float | None) -> str:
    """A figure as people write it."""
    return NOTHING if value is None else figure(value)


def value_text(value: Any) -> str:
    """A setting's value as people write it, of bounded length."""
    value = value[:_MOST] if isinstance(value, list | tuple) else value
    text = NOTHING if value is None else clean(run_columns.value_text(value)) or tr("empty")
    return text if len(text) <= _MOST else text[: _MOST - 3] + "..."


def plain(value: Any) -> Any:
    """`value` as JSON has it; a number that is not finite is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value
