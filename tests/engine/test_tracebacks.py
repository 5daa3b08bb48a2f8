"""An error that is shown keeps its lines, and not what its functions had in hand."""

from __future__ import annotations

import traceback
import weakref

from desktop_trainer.engine.tracebacks import forget_locals


class Heavy:
    """Something that can be seen to be let go."""


def test_what_an_error_and_its_cause_held_is_let_go_and_their_lines_stay() -> None:
    held: list[weakref.ref[Heavy]] = []

    def fail() -> None:
        heavy = Heavy()
        held.append(weakref.ref(heavy))
        raise ValueError("inner")

    def fail_outside() -> None:
        heavy = Heavy()
        held.append(weakref.ref(heavy))
        try:
            fail()
        except ValueError as error:
            raise RuntimeError("outer") from error

    kept: RuntimeError | None = None
    try:
        fail_outside()
    except RuntimeError as error:
        kept = error
    assert kept is not None
    assert all(each() is not None for each in held)
    assert [str(each) for each in forget_locals(kept)] == ["outer", "inner"]
    assert [each() for each in held] == [None, None]
    lines = "".join(traceback.format_exception(kept))
    assert "fail_outside()" in lines
    assert 'raise ValueError("inner")' in lines
