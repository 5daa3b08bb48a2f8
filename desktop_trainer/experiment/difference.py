"""What differs between the settings of two experiments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desktop_trainer.experiment.fields import Setting, Values, get_value, settings_of
from desktop_trainer.i18n import tr

_MOST_SHOWN = 80
"""Characters of a value that are told."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that differs.

    Attributes:
        path: its dotted name. label: its name for people, in English, to be translated where it is shown.
        before, after: its plain values; None where the setting does not exist, as an option of another choice.
        zero: the word that stands for 0, in English, if there is one.
    """

    path: str
    label: str
    before: Any
    after: Any
    zero: str = ""


def difference_text(difference: Difference) -> str:
    """``Learning rate 0.1 → 0.01``, in the current language."""
    before, after = (_shown(value, difference.zero) for value in (difference.before, difference.after))
    return f"{tr(difference.label)} {before} → {after}"


def _shown(value: Any, zero: str) -> str:
    if isinstance(value, bool):
        return tr("on") if value else tr("off")
    if zero and value == 0:
        return tr(zero)
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def differences(a: Values, b: Values) -> list[Difference]:
    """What is not the same in `a` and `b`, from `a` to `b`, in declared order, each choice followed by its options.

    A setting that one does not mention has its default there; one that belongs to the machine is compared only if both
    mention it.
    """
    before, after = ({item.path: item for item in settings_of(values)} for values in (a, b))
    found = []
    for path in _merged(list(before), list(after)):
        item = before.get(path) or after[path]
        old, new = _value(a, before.get(path)), _value(b, after.get(path))
        if old != new and not (item.local and None in (get_value(a, path), get_value(b, path))):
            found.append(Difference(path, item.label, old, new, item.zero))
    return found


def _merged(paths: list[str], others: list[str]) -> list[str]:
    """All paths; one that is only among the `others` stands behind the one that precedes it there."""
    known, where = set(paths), 0
    for path in others:
        if path in known:
            where = paths.index(path) + 1
        else:
            paths.insert(_behind_options(paths, where, path), path)
            where = paths.index(path) + 1
    return paths


def _behind_options(paths: list[str], where: int, path: str) -> int:
    """Behind the options that the same choice has under its other name."""
    prefix = path.rpartition(".")[0] + "."
    while where < len(paths) and paths[where].startswith(prefix):
        where += 1
    return where


def _value(values: Values, item: Setting | None) -> Any:
    if item is None:
        return None
    value = get_value(values, item.path)
    value = item.default if value is None else value
    return list(value) if isinstance(value, tuple) else value
