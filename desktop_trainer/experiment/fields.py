"""Lists the settings of an experiment for whoever shows, flags or documents them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic.fields import FieldInfo

from desktop_trainer.experiment.choices import DATASETS
from desktop_trainer.experiment.registry import Choice, Registry
from desktop_trainer.experiment.section import Section
from desktop_trainer.experiment.settings import Experiment

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """One declared setting.

    Attributes:
        path: its dotted name, for example ``data.batch_size``; for a choice without ``.name``: ``model``.
        label: in English, to be translated where it is shown; so are `explanation` and `unit`.
        type: its annotation: ``int``, ``float``, ``bool``, ``str``, a ``Literal`` or ``tuple[int, ...]``.
        default: its value when nothing is said; for a choice the name.
        registry: for a choice, what can be chosen; else None.
        bounds: the declared ``ge``, ``gt``, ``le``, ``lt``.
        advanced: shown under "More". local: belongs to this machine. zero: the word for 0, where that is no number.
        editor: the name of its editor, where the type does not say enough.
    """

    path: str
    label: str
    explanation: str
    type: Any
    default: Any
    registry: Registry[Any] | None = None
    bounds: Mapping[str, float] = field(default_factory=dict)
    unit: str = ""
    advanced: bool = False
    local: bool = False
    zero: str = ""
    editor: str = ""

    @property
    def section(self) -> str:
        """The first part of the path."""
        return self.path.partition(".")[0]


class SectionWords(NamedTuple):
    """What a section is called, and what is true of all its settings; in English, to be translated where it is
    shown.
    """

    title: str
    explanation: str = ""


def sections() -> dict[str, SectionWords]:
    """The words of each section, in declared order, by the first part of a path; a choice explains itself."""
    return {name: _section_words(info) for name, info in Experiment.model_fields.items()}


def every_choice() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each thing that can be chosen: path of the choice, its name, and values of an experiment that has chosen it."""
    for item in settings_of({}):
        for name in item.registry or ():
            yield item.path, name, with_value({}, item.path, name)


def settings_of(values: Values) -> list[Setting]:
    """Every setting of the experiment that `values` describe, in declared order; a choice is followed by its options.

    `values` need not be valid: only the names of the choices are read, and an unknown name has no options.
    """
    return list(_walk(Experiment, values, ""))


def to_values(experiment: Experiment) -> dict[str, Any]:
    """`experiment` as the nested plain values that its JSON holds."""
    return experiment.model_dump(mode="json")


def shared_values(experiment: Experiment) -> dict[str, Any]:
    """As `to_values`, without the settings that belong to this machine: what goes into files for others."""
    values = to_values(experiment)
    for item in settings_of(values):
        if item.local:
            parent, _, key = item.path.rpartition(".")
            _at(values, parent).pop(key, None)
    return {key: value for key, value in values.items() if value != {}}


def with_local(values: Values, here: Values) -> dict[str, Any]:
    """A copy of `values` with those settings of `here` that belong to this machine."""
    result = dict(values)
    for item in settings_of(values):
        if item.local and (value := get_value(here, item.path)) is not None:
            result = with_value(result, item.path, value)
    return result


def get_value(values: Values, path: str) -> Any:
    """The value at a dotted `path`; for a choice its name; None if there is none."""
    found: Any = values
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found.get("name") if isinstance(found, Mapping) else found


def with_value(values: Values, path: str, value: Any) -> dict[str, Any]:
    """A copy of `values` with `path` set. A choice set by its name takes that name's default options.

    To set an option the choice must be there. Where something else stands in place of a group of settings it stays,
    for the validation to name it.
    """
    head, _, rest = path.partition(".")
    if not rest:
        return {**values, head: value}
    inner = values.get(head, {})
    inner = {"name": inner} if isinstance(inner, str) else inner
    return {**values, head: with_value(inner, rest, value) if isinstance(inner, Mapping) else inner}


def with_dataset(values: Values, dataset: Any) -> dict[str, Any]:
    """A copy of `values` with `dataset`: a name, or a mapping of name and options.

    If it is another one, images get the size that is usual with it: that of the one before says nothing about it.
    """
    before = get_value(values, "data.dataset")
    values = with_value(values, "data.dataset", dataset)
    name = get_value(values, "data.dataset")
    if name == before or not isinstance(name, str) or name not in DATASETS:
        return values
    return with_value(values, "data.image_size", DATASETS[name].usual_size)


def merged(values: Values, over: Values) -> dict[str, Any]:
    """A copy of `values` in which everything that `over` says is so. A choice keeps its options only under the same
    name.
    """
    choices = {item.path for item in settings_of({}) if item.registry is not None}
    return _merged(values, over, choices, "")


def _merged(values: Values, over: Values, choices: set[str], prefix: str) -> dict[str, Any]:
    result = dict(values)
    for key, new in over.items():
        old, path = result.get(key), prefix + key
        if path in choices:
            old, new = ({"name": item} if isinstance(item, str) else item for item in (old, new))
            if get_value(over, key) not in (None, get_value(values, key)):
                old = None
        groups = isinstance(old, Mapping) and isinstance(new, Mapping)
        result[key] = _merged(old or {}, new, choices, path + ".") if groups else new
    return result


def _section_words(info: FieldInfo) -> SectionWords:
    section = info.annotation
    if info.title is None and isinstance(section, type) and issubclass(section, Section):
        return SectionWords(section.title, section.explanation)
    return SectionWords(info.title or "")


def _at(values: dict[str, Any], path: str) -> dict[str, Any]:
    for key in path.split(".") if path else ():
        values = values[key]
    return values


def _walk(section: type[Section], values: Any, prefix: str) -> Iterator[Setting]:
    for name, info in section.model_fields.items():
        value = values.get(name) if isinstance(values, Mapping) else None
        registry = next((item for item in info.metadata if isinstance(item, Registry)), None)
        if registry is not None:
            yield from _walk_choice(registry, info, value, prefix + name)
        elif isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            yield from _walk(info.annotation, value, f"{prefix}{name}.")
        elif not (issubclass(section, Choice) and name == "name") and not _is_retired(info, value):
            yield _setting(prefix + name, info, info.annotation, None)


def _walk_choice(registry: Registry[Any], info: FieldInfo, value: Any, path: str) -> Iterator[Setting]:
    chosen = value.get("name") if isinstance(value, Mapping) else value
    yield _setting(path, info, str, registry)
    choice = registry.get(chosen or info.default) if isinstance(chosen or info.default, str) else None
    if choice is not None:
        yield from _walk(choice, value, path + ".")


def _is_retired(info: FieldInfo, value: Any) -> bool:
    """Whether this is a setting of earlier versions, and says nothing here."""
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    return bool(extra.get("retired")) and value in (None, info.default)


def _setting(path: str, info: FieldInfo, kind: Any, registry: Registry[Any] | None) -> Setting:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    bounds = {
        key: getattr(item, key) for item in info.metadata for key in ("ge", "gt", "le", "lt") if hasattr(item, key)
    }
    return Setting(
        path,
        info.title or "",
        info.description or "",
        kind,
        info.default,
        registry,
        bounds,
        str(extra.get("unit", "")),
        bool(extra.get("advanced")),
        bool(extra.get("local")),
        str(extra.get("zero", "")),
        str(extra.get("editor", "")),
    )
