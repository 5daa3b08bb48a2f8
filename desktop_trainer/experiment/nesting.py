"""Says whether JSON is nested deeper than any of our files is."""

from __future__ import annotations

from typing import Any

MOST_DEPTH = 50
"""Whoever walks through the values later, or shows them, must not run out of stack."""


def too_deep(values: Any) -> bool:
    """Whether `values`, as read from JSON, hold lists and objects more than `MOST_DEPTH` deep."""
    level = [values]
    for _ in range(MOST_DEPTH):
        level = [group for item in level for group in _members(item) if isinstance(group, dict | list)]
        if not level:
            return False
    return True


def _members(group: Any) -> Any:
    return group.values() if isinstance(group, dict) else group if isinstance(group, list) else ()
