"""The columns of the table of runs: what each shows of a run, and by what it sorts. Knows a run's summary, no widget."""

from __future__ import annotations

import re
from collections.abc import Callable
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
    """A column: its name, heading and hint, the text of a run's cell, its place when sorted, and its usual width in characters.

    `key` gives None where there is nothing to sort by: such runs come last either way.
    """

    name: str
    heading: str
    hint: str
    text: Callable[[RunSummary], str]
    key: Callable[[RunSummary], Any]
    width: int
    number: bool = False


def choice_text(registry: Registry[Any], values: Values, path: str) -> str:
    """The label of the choice at `path`; one that is not known here is called as its file says."""
    name = get_value(values, path)
    return tr(registry[name].label) if isinstance(name, str) and name in registry else str(name or "")


def value_text(value: Any, zero: str = "") -> str:
    """A setting's value as people write it; nothing for None. `zero`, in English, is the word for 0, if there is one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return tr("on") if value else tr("off")
    if zero and value == 0:
        return tr(zero)
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(value_text, value)) if isinstance(value, list | tuple) else str(value)


def _figure(name: str, *, best: bool) -> Callable[[RunSummary], float | None]:
    def figure(run: RunSummary) -> float | None:
        ended = run.best if best else run.last
        value = None if ended is None else float(getattr(ended, name))
        return None if value is None or value != value else value

    return figure


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
    name: str, heading: str, hint: str, key: Callable[[RunSummary], Any], form: Callable[[Any], str], width: int
) -> RunColumn:
    def text(run: RunSummary) -> str:
        value = key(run)
        return "" if value is None else form(value)

    return RunColumn(name, heading, hint, text, key, width, number=True)


def short_name(run: RunSummary) -> str:
    """The run's name, without the model and the dataset that a new run has in it: they have columns of their own."""
    model, dataset = (get_value(run.values, path) for path in ("model", "data.dataset"))
    named = re.fullmatch(r"(\d{4}-\d\d-\d\d \d{4})( .+?)( \d+)?", run.name)
    if named is None or named[2] != f" {model} {dataset}":
        return run.name
    return named[1] + (named[3] or "")


def _epochs(run: RunSummary) -> str:
    return f"{run.epoch} / {run.epochs}" if run.epochs else str(run.epoch)


@cache
def _recipe_titles() -> dict[str, str]:
    return {name: item.title for name, item in recipes().items()}


def recipe_text(run: RunSummary) -> str:
    """The title of the run's recipe; one that is not known here is called as its file says."""
    title = _recipe_titles().get(run.recipe)
    return tr(title) if title is not None else run.recipe


def _tags(run: RunSummary) -> str:
    return ", ".join(run.tags)


COLUMNS = (
    RunColumn("name", mark("Name"), mark("The name of the run; of a new one the time of its start. F2 changes it, and with it the name of its folder."),
              short_name, lambda run: run.name.casefold(), 14),
    RunColumn("outcome", mark("State"), mark("What became of the run."),
              lambda run: state_text(run.outcome, run.save_failed), lambda run: list(OUTCOMES).index(run.outcome) if run.outcome in OUTCOMES else None, 14),
    _number("best", mark("Best acc"), mark("The highest test accuracy after any epoch."), _figure("test_accuracy", best=True), "{:.4f}".format, 7),
    RunColumn("epochs", mark("Epochs"), mark("Whole epochs done, of those planned."), _epochs, lambda run: run.epoch, 7, number=True),
    _number("lr", mark("lr"), mark("The learning rate."), _setting("optimizer.lr"), value_text, 5),
    _number("batch_size", mark("Batch size"), mark("Samples in a batch."), _setting("data.batch_size"), str, 10),
    _choice("model", mark("Model"), mark("What learned."), MODELS, "model", 7),
    _choice("dataset", mark("Dataset"), mark("What it learned from."), DATASETS, "data.dataset", 9),
    _choice("optimizer", mark("Optimizer"), mark("The rule by which the parameters moved."), OPTIMIZERS, "optimizer", 11),
    _number("accuracy", mark("Test acc"), mark("The test accuracy after the last epoch."), _figure("test_accuracy", best=False), "{:.4f}".format, 9),
    _number("loss", mark("Test loss"), mark("The test loss after the last epoch."), _figure("test_loss", best=False), figure, 9),
    _number("seconds", mark("Duration"), mark("The time of training, without loading and pauses."), lambda run: run.seconds or None, duration, 9),
    RunColumn("created", mark("When"), mark("When it was started."),
              lambda run: f"{run.created.astimezone():%Y-%m-%d %H:%M}", lambda run: run.created, 17),
    RunColumn("recipe", mark("Recipe"), mark("The ready-made experiment that it is, if it is one."),
              recipe_text, lambda run: recipe_text(run).casefold() or None, 24),
    RunColumn("tags", mark("Tags"), mark("Your own words for it, with commas between them. F2 changes them."),
              _tags, lambda run: _tags(run).casefold() or None, 20),
    RunColumn("folder", mark("Folder"), mark("The folder that holds the run."), lambda run: run.folder.name, lambda run: run.folder.name.casefold(), 34),
)  # fmt: skip
PLACES = {column.name: place for place, column in enumerate(COLUMNS)}
"""The number of each column by its name."""
EDITABLE = ("name", "tags")


def words_of(run: RunSummary) -> str:
    """What a search looks through: name, tags, note, recipe, and each setting as ``path=value``."""
    settings = " ".join(_flat(run.values))
    return "\n".join((run.name, _tags(run), run.note, run.recipe, settings)).casefold()


def _flat(values: Values, prefix: str = "") -> list[str]:
    words: list[str] = []
    for key, value in values.items():
        if isinstance(value, dict):
            words += _flat(value, f"{prefix}{key}.")
        elif value is not None:
            words.append(f"{prefix}{key}={value_text(value)}")
    return words
