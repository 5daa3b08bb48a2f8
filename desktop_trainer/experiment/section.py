"""How a setting is declared: once, with type, default, bounds and words. Knows no particular setting."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A frozen group of settings that checks itself.

    Attributes:
        title: its heading, in English; marked for translation, as is `explanation`.
        explanation: what is true of all its settings, so that none of them says it again.
        fixed, at_once: of its settings that do not say otherwise; see `setting`.
    """

    title: ClassVar[str] = ""
    explanation: ClassVar[str] = ""
    fixed: ClassVar[bool] = False
    at_once: ClassVar[bool] = False

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


def setting(
    default: Any,
    label: str,
    explanation: str,
    *,
    unit: str = "",
    advanced: bool = False,
    local: bool = False,
    retired: bool = False,
    zero: str = "",
    fixed: bool | None = None,
    at_once: bool | None = None,
    editor: str = "",
    **bounds: Any,
) -> Any:
    """Declare a setting.

    Args:
        default: its value when nothing is said.
        label: its name for people, in English; marked for translation.
        explanation: one paragraph: what it is, what a larger or smaller value does, a usual value.
        unit: shown behind the value.
        advanced: shown under "More".
        local: belongs to this machine, so it is not written into files for others.
        retired: only experiments of earlier versions have another value than the default; else it is not shown.
        zero: what 0 means, where that is no number: ``off``; in English, marked for translation.
        fixed: a run that goes on keeps it, for with another value it would be another run. Of a choice this is
            which one it is; its options say so themselves. None: as its section.
        at_once: it may change while a run is paused, without anything being loaded or built again. None: as its
            section.
        editor: the name of the editor that the form has for it, where its type does not say enough.
        bounds: pydantic's ``ge``, ``gt``, ``le``, ``lt``, ``pattern``, ``max_length``.
    """
    extra: dict[str, Any] = {
        "unit": unit,
        "advanced": advanced,
        "local": local,
        "retired": retired,
        "zero": zero,
        "fixed": fixed,
        "at_once": at_once,
        "editor": editor,
    }
    return Field(default, title=label, description=explanation, json_schema_extra=extra, **bounds)
