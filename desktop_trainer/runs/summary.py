"""What a list of runs shows of each: read from its folder, numbers of batches left out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from desktop_trainer.engine.events import EpochEnded
from desktop_trainer.experiment.fields import get_value
from desktop_trainer.regular_files import is_link
from desktop_trainer.runs.history import History, JournalReader
from desktop_trainer.runs.lock import is_running
from desktop_trainer.runs.lost import known_facts, known_settings
from desktop_trainer.runs.run_folder import CHECKPOINTS, MANIFEST, read_notes


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run at a glance.

    Attributes:
        folder: where it lies; its `name` is the folder's. id: empty for a run without ``run.json``.
        created: in UTC. recipe: the name of the recipe it was started from, or empty.
        outcome: ``new`` before it has trained, ``running``, ``interrupted``, or how it ended. reason, next_step:
            sentences.
        ended_at: when it ended, in UTC. values: its settings, without those of the machine, unchecked.
        epoch, batch: how far it came; epochs, batches_per_epoch: of how many, 0 if that is not known.
        last, best: its last epoch, and the first of those with the highest test accuracy.
        seconds: the time it trained. tags, note: the user's. checkpoint: whether it can go on.
        save_failed: why its last save failed, or empty.
    """

    folder: Path
    name: str
    id: str
    created: datetime
    outcome: str
    reason: str
    values: Mapping[str, Any]
    recipe: str
    epoch: int
    batch: int
    epochs: int
    batches_per_epoch: int
    last: EpochEnded | None
    best: EpochEnded | None
    seconds: float
    tags: tuple[str, ...]
    note: str
    checkpoint: bool
    next_step: str = ""
    ended_at: datetime | None = None
    save_failed: str = ""


def read_summary(folder: Path, journal: JournalReader | None = None) -> RunSummary:
    """The run in `folder`. A `journal` that was read before reads only what is new.

    Raises:
        NotARun: if there is none, or it was made by a newer version of this program.
    """
    running = is_running(folder)  # asked first: a run that ends meanwhile is seen to end
    said = (journal or JournalReader(folder, records=False)).read()
    facts, values, notes = known_facts(folder), known_settings(folder, said), read_notes(folder)
    epochs = get_value(values, "training.epochs")
    started = said.started
    return RunSummary(
        folder=folder,
        name=folder.name,
        id=facts.id,
        created=facts.created,
        recipe=facts.recipe,
        values=values,
        outcome=_outcome(said, running=running),
        reason=said.ended.reason if said.ended else "",
        next_step=said.ended.next_step if said.ended else "",
        ended_at=said.ended_at,
        epoch=said.position[0],
        batch=said.position[1],
        epochs=epochs if type(epochs) is int else 0,
        batches_per_epoch=started.batches_per_epoch if started else 0,
        last=said.epochs[-1] if said.epochs else None,
        best=best_epoch(said.epochs),
        seconds=said.seconds,
        tags=notes.tags,
        note=notes.note,
        checkpoint=has_checkpoint(folder),
        save_failed=said.save_failed,
    )


def best_epoch(epochs: list[EpochEnded]) -> EpochEnded | None:
    """The epoch with the highest test accuracy, of several the first; None if there is none."""
    known = [event for event in epochs if event.test_accuracy == event.test_accuracy]  # NaN differs from itself
    return max(known, key=lambda event: event.test_accuracy, default=None)


def has_checkpoint(folder: Path) -> bool:
    """Whether a checkpoint was written to its end; its content is not examined."""
    if is_link(folder / CHECKPOINTS):
        return False
    try:
        with os.scandir(folder / CHECKPOINTS) as entries:
            return any((Path(entry) / MANIFEST).is_file() for entry in entries if not entry.is_symlink())
    except OSError:
        return False


def _outcome(said: History, *, running: bool) -> str:
    if running:
        return "running"
    if said.ended is not None:
        return said.ended.outcome
    return "interrupted" if said.starts or said.position != (0, 0) else "new"
