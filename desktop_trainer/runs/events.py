"""What a recorded run says beside the training's own events."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias

from desktop_trainer.engine.events import Event, Notice
from desktop_trainer.experiment.difference import Difference, difference_text
from desktop_trainer.i18n import tr


@dataclass(frozen=True, slots=True)
class SaveProblem:
    """A save failed, also when it was tried again for some seconds; `reason` says why and what to do. Nothing is
    lost, and what was saved before is still there.

    Whoever pulls should hold here: to ask for the next event is to try again.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class FilesMended(Notice):
    """Files of the run were deleted while it went on; they have been written again, as far as they were known."""


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """From here on the run trains with other settings: after `epoch` whole epochs and `batch` batches of the next
    one.
    """

    epoch: int
    batch: int
    changes: tuple[Difference, ...]

    @property
    def text(self) -> str:
        """What changed from what to what, in the current language."""
        return ", ".join(map(difference_text, self.changes))

    @property
    def line(self) -> str:
        """The same as a line for people, with the place."""
        return tr(
            "Changed in epoch {epoch} after batch {batch}: {changes}",
            epoch=self.epoch + 1,
            batch=self.batch,
            changes=self.text,
        )


RunEvent: TypeAlias = Event | SaveProblem | SettingsChanged
RunEvents: TypeAlias = Generator[RunEvent, None, None]
