"""Reads JSON that somebody else may have written: bounded, strict, without surprises. Knows no file's meaning."""

from __future__ import annotations

import errno
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from desktop_trainer.experiment.nesting import MOST_DEPTH, too_deep
from desktop_trainer.regular_files import Unfit, read_regular

MOST_BYTES = 1 << 20
"""More than any small file of a run needs."""


class NotPlain(ValueError):
    """This is no JSON object, is too large, or holds a value of the wrong kind."""


def parse_object(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`, UTF-8.

    Raises:
        NotPlain: if it is none: cut short, nested too deep, with NaN, or with text that could not be written again.
    """
    try:
        values = json.loads(data.decode(), parse_constant=_refuse)
        if b"\\u" in data:
            json.dumps(values, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise NotPlain(str(error)) from error
    if not isinstance(values, dict):
        raise NotPlain("no object")
    if data.count(b"[") + data.count(b"{") > MOST_DEPTH and too_deep(values):  # a quick look spares most
        raise NotPlain("nested too deep")
    return values


def read_object(path: Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """The JSON object in the file `path` of at most `most` bytes, which must be a regular one and no link.

    Raises:
        NotPlain: see `parse_object`; also if the file is larger.
        OSError: if it cannot be read.
    """
    try:
        return parse_object(read_regular(path, most))
    except Unfit as error:
        if error.errno == errno.EFBIG:
            raise NotPlain(error.strerror) from error
        raise


def as_text(value: Any, most: int = 10_000) -> str:
    """`value` if it is a text, cut after `most` characters.

    Raises:
        NotPlain: if not.
    """
    if not isinstance(value, str):
        raise NotPlain("no text")
    return value[:most]


def as_whole(value: Any, least: int = 0, most: int = 2**53) -> int:
    """`value` if it is a whole number within these bounds.

    Raises:
        NotPlain: if not.
    """
    if type(value) is not int or not least <= value <= most:
        raise NotPlain("no whole number within its bounds")
    return value


def as_number(value: Any) -> float:
    """`value` as a float; ``"nan"``, ``"inf"`` and ``"-inf"`` stand for the numbers that JSON does not have.

    Raises:
        NotPlain: if it is none.
    """
    if value in ("nan", "inf", "-inf") or type(value) in (int, float):
        try:
            return float(value)
        except OverflowError:
            pass
    raise NotPlain("no number")


def as_object(value: Any) -> dict[str, Any]:
    """`value` if it is an object.

    Raises:
        NotPlain: if not.
    """
    if not isinstance(value, dict):
        raise NotPlain("no object")
    return value


def as_texts(value: Any, most: int = 1000) -> tuple[str, ...]:
    """`value` if it is a list of texts, cut after `most`.

    Raises:
        NotPlain: if not.
    """
    if not isinstance(value, list):
        raise NotPlain("no list")
    return tuple(as_text(item) for item in value[:most])


def as_time(value: Any) -> datetime:
    """`value`, ISO 8601, as a time in UTC.

    Raises:
        NotPlain: if it is none.
    """
    try:
        time = datetime.fromisoformat(as_text(value))
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise NotPlain("no time") from error


def now() -> str:
    """This moment as files hold it: ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _refuse(name: str) -> NoReturn:
    raise NotPlain(f"{name} is not JSON")
