"""Makes a flag of every setting: its name, its help, its value."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from desktop_trainer import folders
from desktop_trainer.cli.parser import Parser, flag_name
from desktop_trainer.experiment.fields import (
    Setting,
    Values,
    get_value,
    merged,
    sections,
    settings_of,
    to_values,
    with_dataset,
    with_value,
)
from desktop_trainer.experiment.problems import ExperimentError, Problem, load_values, parse_experiment
from desktop_trainer.experiment.recipes import recipe
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import joined, titled, tr

_RESERVED = {"help", "version", "language", "recipe", "config", "weights", "save", "json"}
_SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def source_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """What ``--recipe`` and, over it, ``--config`` set; unchecked.

    Raises:
        ExperimentError: if there is no such recipe, or the file cannot be read.
    """
    values = dict(recipe(given["recipe"]).experiment) if "recipe" in given else {}
    if "config" not in given:
        return values
    config = _config(given["config"])
    if (dataset := get_value(config, "data.dataset")) is not None:  # the recipe's image size is for its own dataset
        values = with_dataset(values, dataset)
    return merged(values, config)


def _config(file: str) -> dict[str, Any]:
    try:
        return load_values(Path(file))
    except (OSError, ValueError) as error:
        why = error if isinstance(error, ExperimentError) else getattr(error, "strerror", None) or error
        text = tr("{file} cannot be read: {error}", file=file, error=why)
        raise ExperimentError([Problem("config", text)]) from None


def chosen(argv: list[str], items: list[Setting]) -> list[tuple[str, Any]]:
    """The choices, such as the model, that `argv` names: they decide which other flags there are.

    Raises:
        ExperimentError: if one does not exist; it lists the known ones.
    """
    parser = Parser(add_help=False)
    choices = [item for item in items if item.registry is not None]
    add_flags(parser, choices, {})
    given = changes(vars(parser.parse_known_args(argv)[0]), choices)
    wrong = [item.path for item in choices if dict(given).get(item.path, item.default) not in (item.registry or ())]
    for path in wrong:
        parse_experiment(with_value({}, path, dict(given)[path]))
    return given


def with_choices(argv: list[str], values: Values, *, keep_size: bool = False) -> dict[str, Any]:
    """All settings, with the defaults, then `values`, then the choices that `argv` names: the flags follow from them.

    Args:
        keep_size: images keep their size also with another dataset, as weights want that are given.
    """
    complete = merged(to_values(Experiment()), values)
    given = chosen(argv, settings_of(complete))
    if (dataset := dict(given).get("data.dataset")) is not None and not keep_size:
        complete = with_dataset(complete, dataset)
    return changed(complete, given)


def add_flags(
    parser: argparse.ArgumentParser, items: list[Setting], values: Values | None, *, whole: bool = False
) -> None:
    """A flag for each setting, in a group for each section.

    Args:
        values: shown as the defaults; None shows none.
        whole: the help says all that there is to say, else one line of each setting.
    """
    groups: dict[str, Any] = {}
    for name, (title, explanation) in sections().items():
        if any(item.section == name for item in items):
            groups[name] = parser.add_argument_group(tr(title), (whole and tr(explanation)) or None)
    for item, names in zip(items, flag_names(items), strict=True):
        text = (_whole_help if whole else _brief_help)(item, values)
        groups[item.section].add_argument(*names, dest=item.path, help=text.replace("%", "%%"), **_kind(item))


def flag_names(items: list[Setting]) -> Iterator[list[str]]:
    """The flags of each of the settings: the last part of its path, where no other one of them ends so, and the
    whole path.
    """
    count = Counter(_last(item) for item in items)
    for item in items:
        short = [_last(item)] if count[_last(item)] == 1 and _last(item) not in _RESERVED else []
        yield [f"--{name}" for name in dict.fromkeys([*short, flag_name(item.path)])]


def changes(given: Mapping[str, Any], items: list[Setting]) -> list[tuple[str, Any]]:
    """The settings that flags gave: dotted path and value, in declared order, so that a choice precedes its options."""
    for item in items:
        if item.type is str and item.path in given:
            folders.name_computer(given[item.path])
    return [(item.path, _value(given[item.path])) for item in items if item.path in given]


def changed(values: Values, flags: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """`values` with what the flags say. To name the choice that there is already keeps its options."""
    result = dict(values)
    for path, value in flags:
        if get_value(result, path) != value:
            result = with_value(result, path, value)
    return result


def _last(item: Setting) -> str:
    return flag_name(item.path.removesuffix(".name").rpartition(".")[2])


def _value(given: Any) -> Any:
    if not isinstance(given, list):
        return given
    return [part for word in given for part in word.split(",") if part]


def _kind(item: Setting) -> dict[str, Any]:
    if item.type is bool:
        return {"action": argparse.BooleanOptionalAction}
    if get_origin(item.type) is tuple:
        return {"nargs": "*", "metavar": "N"}
    if item.registry is not None:
        return {"metavar": "NAME"}
    words = {int: "N", float: "X"}.get(item.type, "TEXT")
    return {"metavar": "|".join(map(str, _literals(item))) or words}


def _brief_help(item: Setting, values: Values | None) -> str:
    facts = default_fact(item, values)
    return " ".join([tr(item.label), *(f"[{fact}]" for fact in facts)])


def _whole_help(item: Setting, values: Values | None) -> str:
    facts = [*default_fact(item, values), *known_fact(item), *bound_facts(item)]
    return titled(tr(item.label), joined(tr(item.explanation), f"[{tr('; ').join(facts)}]" if facts else ""))


def default_fact(item: Setting, values: Values | None) -> list[str]:
    """What the setting is if nothing is said, with its unit; nothing if that is not known."""
    if values is None:
        return []
    value = get_value(values, item.path)
    value = item.default if value is None else value
    unit = f"= {tr(item.zero)}" if item.zero and value == 0 else tr(item.unit)
    return [tr("default {value}", value=f"{_shown(value)} {unit}".strip())]


def known_fact(item: Setting) -> list[str]:
    """What can be chosen, if the setting is a choice."""
    names = list(item.registry) if item.registry is not None else list(map(str, _literals(item)))
    return [tr("known: {names}", names=", ".join(names))] if names else []


def bound_facts(item: Setting) -> list[str]:
    """The bounds of the setting: ``>= 1``."""
    return [f"{_SIGNS[key]} {bound:{'d' if isinstance(bound, int) else 'g'}}" for key, bound in item.bounds.items()]


def _literals(item: Setting) -> tuple[Any, ...]:
    return get_args(item.type) if get_origin(item.type) is Literal else ()


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return tr("on") if value else tr("off")
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value) or tr("empty")
