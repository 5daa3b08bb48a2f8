"""What a recorded run says beside the training's own events. Knows nothing of who listens."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias

from desktop_trainer.engine.events import Event, Notice


@dataclass(frozen=True, slots=True)
class SaveProblem:
    """A save failed, also when it was tried again for some seconds; `reason` says why and what to do. Nothing is lost, and what was saved before is still there.

    Whoever pulls should hold here: to ask for the next event is to try again.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class FilesMended(Notice):
    """Files of the run were deleted while it went on; they have been written again, as far as they were known."""


RunEvent: TypeAlias = Event | SaveProblem
RunEvents: TypeAlias = Generator[RunEvent, None, None]
