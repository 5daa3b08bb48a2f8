"""``desktop-trainer explain``: all that there is to say of a setting, found by any name that it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import NamedTuple

from desktop_trainer.cli.flags import bound_facts, default_fact, flag_names, known_fact
from desktop_trainer.cli.parser import choosing
from desktop_trainer.cli.refusal import Refused
from desktop_trainer.cli.text_table import clean, wrapped
from desktop_trainer.experiment.fields import Setting, every_choice, sections, settings_of
from desktop_trainer.i18n import in_every_language, joined, titled, tr

_ROOM = 96


class _Entry(NamedTuple):
    """A setting, its flags, and what must be chosen for it to be there."""

    setting: Setting
    flags: list[str]
    owners: list[str]

    @property
    def names(self) -> set[str]:
        """All that it is called, in lower case."""
        words = {self.setting.path, *self.flags, *(flag.removeprefix("--") for flag in self.flags)}
        return {word.casefold() for word in (*words, *in_every_language(self.setting.label))}


def explain(asked: str) -> int:
    """Print what there is to say of the setting called `asked`; of each, if several are.

    Raises:
        Refused: if none is; it names those that are called nearly so.
    """
    for number, entry in enumerate(_found(asked)):
        print(("\n" if number else "") + "\n".join(_lines(entry)))
    return 0


def _found(asked: str) -> list[_Entry]:
    word, every = asked.casefold().strip(), list(_entries())
    exact = [entry for entry in every if word in entry.names]
    found = exact or [entry for entry in every if word.strip("-") and any(word in name for name in entry.names)]
    if not found:
        raise Refused(joined(tr("No setting is called {name}.", name=f"“{clean(asked)}”"), _near(word, every)), 2)
    return found


def _near(word: str, every: Iterable[_Entry]) -> str:
    names = {name: entry.flags[0] for entry in every for name in entry.names}
    near = dict.fromkeys(names[name] for name in get_close_matches(word, names, n=5))
    return (
        tr("Near it: {options}.", options=", ".join(near))
        if near
        else tr("See {command}.", command="desktop-trainer train --help")
    )


def _entries() -> Iterator[_Entry]:
    """Every setting once; an option that several choices declare alike has all of them as owners."""
    options: list[_Entry] = []
    for path, choice, values in every_choice():
        items = settings_of(values)
        for item, names in zip(items, flag_names(items), strict=True):
            if item.path.startswith(f"{path}."):
                entry = next((each for each in options if each.setting == item), _Entry(item, names, []))
                entry.owners.append(choosing(path, choice))
                options += [] if len(entry.owners) > 1 else [entry]
    items = settings_of({})
    yield from (
        _Entry(item, names, [])
        for item, names in zip(items, flag_names(items), strict=True)
        if item not in (each.setting for each in options)
    )
    yield from options


def _lines(entry: _Entry) -> Iterator[str]:
    item, section = entry.setting, sections()[entry.setting.section]
    yield tr(item.label)
    yield from _indented(tr(item.explanation))
    yield from _indented(tr(section.explanation))
    yield from _indented(titled(tr("Flag"), ", ".join(entry.flags)))
    yield from _indented(titled(tr("In files"), item.path))
    yield from _indented(titled(tr("Section"), tr(section.title)))
    if entry.owners:
        yield from _indented(titled(tr("Only with"), " / ".join(entry.owners)))
    for fact in (*default_fact(item, {}), *known_fact(item)):
        yield from _indented(fact[:1].upper() + fact[1:])
    if bounds := bound_facts(item):
        yield from _indented(titled(tr("Bounds"), f"{tr('; ').join(bounds)} {tr(item.unit)}".strip()))


def _indented(text: str) -> Iterator[str]:
    yield from (f"  {line}" for line in wrapped(text, _ROOM) if line)
