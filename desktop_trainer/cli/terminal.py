"""What the command line writes on, whoever writes: no character of a text is obeyed by the terminal."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TextIO, cast

from desktop_trainer.printable import printable


class Escaping:
    """A stream whose texts are made printable; all else is that of the stream below.

    Attributes:
        below: the stream itself, for what the program tells the terminal to do.
    """

    def __init__(self, below: TextIO) -> None:
        self.below = below

    def write(self, text: str) -> int:
        """Write `text`; returns how long it was."""
        self.below.write(printable(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write each of `lines`."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)


@contextmanager
def escaping() -> Iterator[None]:
    """In its block the standard streams are `Escaping`, also for argparse, warnings and libraries."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_escaping, before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _escaping(stream: TextIO | None) -> TextIO:
    """`stream`, made to escape; a character that it does not know is escaped as well. A closed one stays away."""
    if stream is None:
        return cast("TextIO", None)
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return cast("TextIO", Escaping(stream))


def below(stream: TextIO) -> TextIO:
    """The stream that obeys: what the program itself tells the terminal to do goes there."""
    return stream.below if isinstance(stream, Escaping) else stream


def show_traceback(_kind: type[BaseException], error: BaseException, _place: TracebackType | None) -> None:
    """For ``sys.excepthook``: a fault of the program, whose text can name what was in a file."""
    print(printable("".join(traceback.format_exception(error))), end="", file=sys.stderr)
