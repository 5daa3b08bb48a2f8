"""Which settings a run keeps for as long as it goes on, and which may change even in its pauses: as they are
declared.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic.fields import FieldInfo

from desktop_trainer.experiment.registry import Registry
from desktop_trainer.experiment.section import Section
from desktop_trainer.experiment.settings import Experiment


def is_fixed(path: str) -> bool:
    """Whether a run that goes on keeps the setting: with another value it would be another run.

    The folder of its images is not, as long as these are the same. Which optimizer it has is fixed, because of what
    that remembers; the optimizer's options are not.
    """
    return _declared(path, "fixed")


def changes_at_once(path: str) -> bool:
    """Whether the setting may be changed while a run is paused, without anything being loaded or built again."""
    return _declared(path, "at_once") and not is_fixed(path)


def _declared(path: str, flag: Literal["fixed", "at_once"]) -> bool:
    """What the declaration says, whatever is chosen; an option that no choice declares is as the others of its
    choice.
    """
    sections: list[type[Section]] = [Experiment]
    said = False
    for key in path.split("."):
        if not sections:  # an entry of a list is as the list
            break
        infos = [section.model_fields[key] for section in sections if key in section.model_fields]
        own = [value for info in infos if (value := _extra(info).get(flag)) is not None]
        said = any(own) if own else any(getattr(section, flag) for section in sections)
        sections = [section for info in infos for section in _inside(info)]
    return said


def _extra(info: FieldInfo) -> dict[str, Any]:
    return dict(info.json_schema_extra) if isinstance(info.json_schema_extra, dict) else {}


def _inside(info: FieldInfo) -> list[type[Section]]:
    """The sections that can stand there: every choice, or the one."""
    registry = next((item for item in info.metadata if isinstance(item, Registry)), None)
    if registry is not None:
        return list(registry.values())
    return [info.annotation] if isinstance(info.annotation, type) and issubclass(info.annotation, Section) else []
