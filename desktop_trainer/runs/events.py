"""What a recorded run says beside the training's own events. Knows nothing of who listens."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias

from desktop_trainer.engine.events import Event


@dataclass(frozen=True, slots=True)
class SaveProblem:
    """A save failed; `reason` says why and what to do. Nothing is lost, and what was saved before is still there.

    Whoever pulls should hold here: to ask for the next event is to try again.
    """

    reason: str


RunEvent: TypeAlias = Event | SaveProblem
RunEvents: TypeAlias = Generator[RunEvent, None, None]
