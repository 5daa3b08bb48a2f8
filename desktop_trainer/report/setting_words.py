"""What is said of a setting: the tooltip that teaches, its bounds, its default."""

from __future__ import annotations

from html import escape
from typing import Any

from desktop_trainer.experiment.fields import Setting
from desktop_trainer.i18n import grouped, tr


def bounds_text(setting: Setting) -> str:
    """The bounds as mathematics writes them, ``1 ≤ Batch size ≤ 1000000``, or empty."""
    limits = {key: _limit(value) for key, value in setting.bounds.items()}
    if not limits:
        return ""
    least = f"{limits['ge']} ≤ " if "ge" in limits else f"{limits['gt']} < " if "gt" in limits else ""
    most = f" ≤ {limits['le']}" if "le" in limits else f" < {limits['lt']}" if "lt" in limits else ""
    return f"{least}{tr(setting.label)}{most}"


def _limit(value: float) -> str:
    return grouped(value) if value == int(value) and abs(value) < 1e9 else f"{value:.15g}"


def tooltip(setting: Setting) -> str:
    """Rich text: the label, what it does, its bounds and unit, and its default."""
    lines = [f"<b>{escape(tr(setting.label))}</b>", escape(tr(setting.explanation))]
    if bounds := bounds_text(setting):
        lines.append(escape(f"{bounds} {tr(setting.unit)}".strip()))
    if default := default_text(setting):
        lines.append(escape(tr("Default: {value}", value=default)))
    return "".join(f"<p>{line}</p>" for line in lines)


def default_text(setting: Setting) -> str:
    """The default for people; empty if it is an empty text."""
    value: Any = setting.default
    if setting.registry is not None:
        return tr(setting.registry[value].label) if value in setting.registry else ""
    if isinstance(value, bool):
        return tr("on") if value else tr("off")
    if setting.zero and value == 0:
        return tr(setting.zero)
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def short_label(path: str, label: str) -> str:
    """What the setting is called where there is little room: as in the tutorials, if they have a shorter word."""
    return {"optimizer.lr": "lr"}.get(path) or tr(label)
