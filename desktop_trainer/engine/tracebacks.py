"""What the traceback of an error holds: all that its functions had in hand."""

from __future__ import annotations

import traceback


def forget_locals(error: BaseException) -> list[BaseException]:
    """Let it go, so that the memory is free; the lines can still be shown. Returns `error` and those that led to it."""
    chain: list[BaseException] = []
    seen: BaseException | None = error
    while seen is not None and seen not in chain:
        traceback.clear_frames(seen.__traceback__)
        chain.append(seen)
        seen = seen.__cause__ or seen.__context__
    return chain
