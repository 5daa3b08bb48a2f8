"""Standard streams that are always there, and whose failure ends no training."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any


@contextmanager
def standard_streams() -> Iterator[_Trouble]:
    """In its block one can print, wherever that goes: what was closed is as if it led nowhere.

    What cannot be written is lost, and the value says why; only a closed pipe raises `BrokenPipeError` from stdout. A
    character that a stream does not know is escaped.
    """
    before, trouble = (sys.stdin, sys.stdout, sys.stderr), _Trouble()
    _open_closed()
    sys.stdout, sys.stderr = _forgiving(sys.stdout, trouble), _forgiving(sys.stderr, None)
    try:
        yield trouble
    finally:
        with suppress(BrokenPipeError):
            sys.stdout.flush()
        sys.stdin, sys.stdout, sys.stderr = before


class _Trouble:
    """What became of stdout.

    Attributes:
        reason: why something could not be written, in the system's words; empty if all was, up to the last flush.
    """

    def __init__(self) -> None:
        self.reason = ""


class _Forgiving(io.FileIO):
    """A file that takes what it cannot write.

    Args:
        trouble: learns of it; None forgives even that nobody reads.
    """

    def __init__(self, number: int, trouble: _Trouble | None) -> None:
        super().__init__(number, "w", closefd=False)
        self._trouble = trouble

    def write(self, data: Any) -> int:
        """Write, or not; always all of it."""
        try:
            return super().write(data)
        except OSError as error:
            if self._trouble is not None:
                if isinstance(error, BrokenPipeError):
                    raise
                self._trouble.reason = error.strerror or str(error)
        return len(data)


def _forgiving(stream: IO[str], trouble: _Trouble | None) -> Any:
    """`stream`, with `_Forgiving` below it if it is a file of the system."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.reconfigure(errors="backslashreplace")
    raw = getattr(stream.buffer, "raw", stream.buffer)  # with PYTHONUNBUFFERED there is no buffer
    if type(raw) is not io.FileIO:  # as a console of Windows is none
        return stream
    stream.flush()
    forgiving: Any = _Forgiving(stream.fileno(), trouble)
    return io.TextIOWrapper(
        forgiving if raw is stream.buffer else io.BufferedWriter(forgiving),
        stream.encoding,
        "backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _open_closed() -> None:
    """Let those of the three streams that are closed lead nowhere: else the next file to be opened gets their
    number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)  # or it would be the processes of the data workers that miss it
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  for the process's life
