"""The columns of the table of runs, and what a search of them looks through: for both front ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from desktop_trainer.experiment.choices import DATASETS, MODELS, OPTIMIZERS
from desktop_trainer.experiment.fields import Values, get_value
from desktop_trainer.experiment.recipes import recipes
from desktop_trainer.experiment.registry import Registry
from desktop_trainer.i18n import mark, tr
from desktop_trainer.quantities import duration, figure
from desktop_trainer.runs.outcomes import OUTCOMES, state_text

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary


class RunColumn(NamedTuple):
    """A column: its name, heading and hint, the text of a run's cell, its place when sorted, and its usual width in
    characters.

    `text` is empty where a run has no such thing. `key` gives None where there is nothing to sort by: such runs
        come last
    either way. `descending`: the best or most comes first where nothing else is asked.
    """

    name: str
    heading: str
    hint: str
    text: Callable[[RunSummary], str]
    key: Callable[[RunSummary], Any]
    width: int
    number: bool = False
    descending: bool = False


def choice_text(registry: Registry[Any], values: Values, path: str) -> str:
    """The label of the choice at `path`; one that is not known here is called as its file says."""
    name = get_value(values, path)
    return tr(registry[name].label) if isinstance(name, str) and name in registry else str(name or "")


def value_text(value: Any, zero: str = "") -> str:
    """A setting's value as people write it; nothing for None. `zero`, in English, is the word for 0, if there is
    one.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return tr("on") if value else tr("off")
    if zero and value == 0:
        return tr(zero)
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(value_text, value)) if isinstance(value, list | tuple) else str(value)


def figure_of(run: RunSummary, name: str, *, best: bool = False) -> float | None:
    """A figure of the run's last or best epoch; None if there is none, or it is not a number."""
    ended = run.best if best else run.last
    value = None if ended is None else float(getattr(ended, name))
    return None if value is None or math.isnan(value) else value


def _figure(name: str, *, best: bool) -> Callable[[RunSummary], float | None]:
    return lambda run: figure_of(run, name, best=best)


def _seconds(run: RunSummary) -> float | None:
    return run.seconds if math.isfinite(run.seconds) and 0 < run.seconds < 1e10 else None


def _setting(path: str) -> Callable[[RunSummary], Any]:
    def number(run: RunSummary) -> Any:
        value = get_value(run.values, path)
        return value if isinstance(value, int | float) else None

    return number


def _choice(name: str, heading: str, hint: str, registry: Registry[Any], path: str, width: int) -> RunColumn:
    def text(run: RunSummary) -> str:
        return choice_text(registry, run.values, path)

    return RunColumn(name, heading, hint, text, lambda run: text(run).casefold() or None, width)


def _number(
    name: str,
    heading: str,
    hint: str,
    key: Callable[[RunSummary], Any],
    form: Callable[[Any], str],
    width: int,
    *,
    descending: bool = False,
) -> RunColumn:
    def text(run: RunSummary) -> str:
        value = key(run)
        return "" if value is None else form(value)

    return RunColumn(name, heading, hint, text, key, width, number=True, descending=descending)


def _epochs(run: RunSummary) -> str:
    return f"{run.epoch}/{run.epochs}" if run.epochs else str(run.epoch)


@cache
def _recipe_titles() -> dict[str, str]:
    return {name: item.title for name, item in recipes().items()}


def recipe_text(run: RunSummary) -> str:
    """The title of the run's recipe; one that is not known here is called as its file says."""
    title = _recipe_titles().get(run.recipe)
    return tr(title) if title is not None else run.recipe


def _tags(run: RunSummary) -> str:
    return ", ".join(run.tags)


_ALL = (
    RunColumn(
        "name",
        mark("Name"),
        mark(
            "The name of the run; of a new one the time of its start. F2 changes it, and with it the "
            "name of its folder."
        ),
        lambda run: run.name,
        lambda run: run.name.casefold(),
        14,
    ),
    RunColumn(
        "outcome",
        mark("State"),
        mark("What became of the run."),
        lambda run: state_text(run.outcome, run.save_failed),
        lambda run: list(OUTCOMES).index(run.outcome) if run.outcome in OUTCOMES else None,
        14,
    ),
    _number(
        "best",
        mark("Best acc"),
        mark("The highest test accuracy after any epoch."),
        _figure("test_accuracy", best=True),
        "{:.4f}".format,
        7,
        descending=True,
    ),
    RunColumn(
        "epochs",
        mark("Epochs"),
        mark("Whole epochs done, of those planned."),
        _epochs,
        lambda run: run.epoch,
        7,
        number=True,
        descending=True,
    ),
    _number("lr", mark("lr"), mark("The learning rate."), _setting("optimizer.lr"), value_text, 5),
    _number("batch_size", mark("Batch size"), mark("Samples in a batch."), _setting("data.batch_size"), str, 10),
    _choice("model", mark("Model"), mark("What learned."), MODELS, "model", 7),
    _choice("dataset", mark("Dataset"), mark("What it learned from."), DATASETS, "data.dataset", 9),
    _choice(
        "optimizer", mark("Optimizer"), mark("The rule by which the parameters moved."), OPTIMIZERS, "optimizer", 11
    ),
    _number(
        "train_loss",
        mark("Train loss"),
        mark("The mean loss over the last epoch's training samples."),
        _figure("train_loss", best=False),
        figure,
        9,
    ),
    _number(
        "accuracy",
        mark("Test acc"),
        mark("The test accuracy after the last epoch."),
        _figure("test_accuracy", best=False),
        "{:.4f}".format,
        9,
    ),
    _number(
        "loss",
        mark("Test loss"),
        mark("The test loss after the last epoch."),
        _figure("test_loss", best=False),
        figure,
        9,
    ),
    _number(
        "seconds",
        mark("Duration"),
        mark("The time of training, without loading and pauses."),
        _seconds,
        duration,
        9,
        descending=True,
    ),
    RunColumn(
        "created",
        mark("When"),
        mark("When it was started."),
        lambda run: f"{run.created.astimezone():%Y-%m-%d %H:%M}",
        lambda run: run.created,
        17,
    ),
    RunColumn(
        "recipe",
        mark("Recipe"),
        mark("The ready-made experiment that it is, if it is one."),
        recipe_text,
        lambda run: recipe_text(run).casefold() or None,
        24,
    ),
    RunColumn(
        "tags",
        mark("Tags"),
        mark("Your own words for it, with commas between them. F2 changes them."),
        _tags,
        lambda run: _tags(run).casefold() or None,
        20,
    ),
    RunColumn(
        "folder",
        mark("Folder"),
        mark("The folder that holds the run."),
        lambda run: run.folder.name,
        lambda run: run.folder.name.casefold(),
        34,
    ),
)
COLUMNS = {column.name: column for column in _ALL}
"""All there are, by name; a front end shows those that it has room for."""


def words_of(run: RunSummary) -> str:
    """What a search looks through: name, state, tags, note, recipe, and each setting as ``path=value``; in lower
    case.
    """
    said = (run.name, state_text(run.outcome, run.save_failed), run.outcome, run.recipe, run.note, *run.tags)
    return "\n".join((*said, *_flat(run.values))).casefold()


def matches(words: str, asked: Sequence[str]) -> bool:
    """Whether each of the texts that are `asked` for is somewhere in `words`; see `words_of`."""
    return all(word.casefold() in words for word in asked)


def sorted_by(runs: Iterable[RunSummary], column: RunColumn) -> list[RunSummary]:
    """The runs by `column`, the best, longest or alphabetically first one first; those without a value last."""
    keyed = [(column.key(run), run) for run in runs]
    there = sorted((item for item in keyed if item[0] is not None), key=lambda item: item[0], reverse=column.descending)
    return [run for _, run in (*there, *(item for item in keyed if item[0] is None))]


def _flat(values: Values, prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}={value_text(value)}"
