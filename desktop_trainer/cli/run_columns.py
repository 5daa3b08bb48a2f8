"""What the command line tells of a run: columns, figures, values of settings. Knows summaries, no command."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from desktop_trainer.cli.text_table import clean
from desktop_trainer.experiment.fields import get_value
from desktop_trainer.i18n import mark, tr

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary

NOTHING = "-"
"""Where a run has no such thing."""
_MOST = 60


class Column(NamedTuple):
    """A column of the list: its heading, the text of a run, and what it is sorted by, None for runs that come last."""

    heading: str
    text: Callable[[RunSummary], str]
    key: Callable[[RunSummary], Any]
    descending: bool = False
    number: bool = False


def figure(run: RunSummary, name: str, *, best: bool = False) -> float | None:
    """A figure of the run's last or best epoch; None if there is none, or it is not a number."""
    ended = run.best if best else run.last
    value = None if ended is None else float(getattr(ended, name))
    return None if value is None or math.isnan(value) else value


def figure_text(value: float | None) -> str:
    """A figure as people write it."""
    from desktop_trainer.quantities import figure

    return NOTHING if value is None else figure(value)


def duration_text(run: RunSummary) -> str:
    """How long the run trained."""
    from desktop_trainer.quantities import duration

    return duration(run.seconds) if math.isfinite(run.seconds) and 0 < run.seconds < 1e10 else NOTHING


def state_text(run: RunSummary) -> str:
    """What became of the run, and whether its end was not saved, in a word or two."""
    from desktop_trainer.runs import outcomes

    return outcomes.state_text(run.outcome, run.save_failed)


def epochs_text(run: RunSummary) -> str:
    """Whole epochs done, of those planned."""
    return f"{run.epoch}/{run.epochs}" if run.epochs else str(run.epoch)


def value_text(value: Any) -> str:
    """A setting's value as people write it, of bounded length."""
    if isinstance(value, bool):
        return tr("on") if value else tr("off")
    if isinstance(value, list | tuple):
        text = " ".join(map(value_text, value[:_MOST])) or tr("empty")
    else:
        text = NOTHING if value is None else clean(str(value)) or tr("empty")
    return text if len(text) <= _MOST else text[: _MOST - 3] + "..."


def _dataset(run: RunSummary) -> str:
    return value_text(get_value(run.values, "data.dataset"))


def _model(run: RunSummary) -> str:
    return value_text(get_value(run.values, "model"))


def _accuracy(run: RunSummary) -> float | None:
    return figure(run, "test_accuracy", best=True)


def _loss(run: RunSummary) -> float | None:
    return figure(run, "train_loss")


COLUMNS = {
    "name": Column(mark("Name"), lambda run: run.name, lambda run: run.name.casefold()),
    "state": Column(mark("State"), state_text, lambda run: run.outcome),
    "dataset": Column(mark("Dataset"), _dataset, lambda run: _dataset(run).casefold()),
    "model": Column(mark("Model"), _model, lambda run: _model(run).casefold()),
    "epochs": Column(mark("Epochs"), epochs_text, lambda run: run.epoch, True, True),
    "accuracy": Column(mark("Best test acc"), lambda run: figure_text(_accuracy(run)), _accuracy, True, True),
    "loss": Column(mark("Last loss"), lambda run: figure_text(_loss(run)), _loss, False, True),
    "duration": Column(mark("Duration"), duration_text, lambda run: run.seconds or None, True, True),
}  # fmt: skip


def sorted_by(runs: list[RunSummary], name: str) -> list[RunSummary]:
    """The runs by this column, the best, longest or alphabetically first one first; those without a value last."""
    column = COLUMNS[name]
    keyed = [(column.key(run), run) for run in runs]
    there = sorted((item for item in keyed if item[0] is not None), key=lambda item: item[0], reverse=column.descending)
    return [run for _, run in (*there, *(item for item in keyed if item[0] is None))]


def matches(run: RunSummary, words: list[str]) -> bool:
    """Whether each of `words` is somewhere in what the run is called, is, was asked for, or is said of it."""
    said = (run.name, state_text(run), run.outcome, run.recipe, run.note, *run.tags)
    text = "\n".join((*said, *_settings(run.values, ""))).casefold()
    return all(word.casefold() in text for word in words)


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


def _settings(values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _settings(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}={value_text(value)}"
