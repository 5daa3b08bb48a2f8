"""Gives widgets the names by which tests and accessibility tools find them."""

from typing import TypeVar

from PySide6.QtCore import QObject

T = TypeVar("T", bound=QObject)


def named(thing: T, name: str) -> T:
    """`thing`, its ``objectName`` set to `name`."""
    thing.setObjectName(name)
    return thing
