"""Rows of texts as columns of a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

_JOINERS = "\u200c\u200d"
"""Invisible, but part of emoji and of some scripts."""

_PART = re.compile(r"(\s*)([“（]*(?:[\u2e80-\u9fff]|[^\s\u2e80-\u9fff，。；：？！、（）“”…]+)?[，。；：？！、）”…]*)")
"""What is not cut: a Chinese character or a word, with the marks that belong to it."""


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> Iterator[str]:
    """The lines of `rows`, whose first is the heading; the columns with the numbers `right` end at the right."""
    cleaned = [[clean(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*cleaned, strict=True)]
    for row in cleaned:
        cells = []
        for number, (cell, room) in enumerate(zip(row, widths, strict=True)):
            gap = " " * (room - width(cell))
            cells.append(gap + cell if number in right else cell + gap)
        yield "  ".join(cells).rstrip()


def width(text: str) -> int:
    """How many places of a terminal `text` takes: a Chinese character or an emoji two, an accent of its own none."""
    return sum(_width(character) for character in text)


def wrapped(text: str, room: int) -> Iterator[str]:
    """The lines of `text`, none wider than `room` if its words are not: between Chinese characters it can end
    anywhere.
    """
    line = ""
    for space, part in _PART.findall(text.rstrip()):
        if line and width(line + space + part) > room:
            yield line
            line = part
        else:
            line += (space and line and " ") + part
    yield line


def clean(text: str) -> str:
    """`text` without what a terminal would obey, such as escape sequences and line ends: a file may say anything."""
    return "".join(character if character.isprintable() or character in _JOINERS else " " for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
