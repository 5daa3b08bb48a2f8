"""Paths on other computers, in files from elsewhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from desktop_trainer import folders
from desktop_trainer.i18n import tr


def _asked(path: str) -> str:
    """`path`, unless it lies on a computer that the user has never named: to look at it would log on there."""
    computer = folders.unasked_computer(path)
    if not computer:
        return path
    text = tr(
        "{folder} lies on the computer {computer}, which would learn your account when the "
        "folder is opened. If you trust it, choose the folder yourself.",
        folder=path,
        computer=computer,
    )
    raise PydanticCustomError("unasked_computer", "{message}", {"message": text})


FolderPath = Annotated[str, AfterValidator(_asked)]
"""The path of a folder that is opened; see `_asked`."""
