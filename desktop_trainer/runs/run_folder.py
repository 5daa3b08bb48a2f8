"""What lies in a run's folder, and its small files: the facts of the run, the user's notes."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from desktop_trainer import __version__
from desktop_trainer.experiment.fields import get_value, settings_of, shared_values, to_values
from desktop_trainer.experiment.formats import FORMAT as EXPERIMENT_FORMAT
from desktop_trainer.experiment.formats import numbered
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr
from desktop_trainer.regular_files import is_link
from desktop_trainer.runs.files import Disk, write_file
from desktop_trainer.runs.plain_json import (
    NotPlain,
    as_object,
    as_text,
    as_texts,
    as_time,
    as_whole,
    now,
    read_object,
)

FORMAT = 1
RUN, EXPERIMENT, NOTES, EVENTS = "run.json", "experiment.json", "notes.json", "events.jsonl"
CHECKPOINTS, BEST, MODEL, LOCK = "checkpoints", "best.safetensors", "model.safetensors", "lock"
LOG = "log.txt"
STATE = "state.json"
"""What of a checkpoint is no tensor."""
MANIFEST = "manifest.json"
"""Written last into a checkpoint: without it the checkpoint is not whole."""


class NotARun(Exception):
    """A folder that holds no run this program can read; the text says why, and what to do. Nothing was changed."""


class LeadsElsewhere(NotARun):
    """Something in the run's folder is a link: it could let the program write or delete anywhere."""


class NewerRun(NotARun):
    """The run was made by a newer version of this program."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of a run before it trains, and never changes.

    Attributes:
        id: tells a run from all others, whatever its folder is called. created: in UTC.
        program: the version that made it. local: the settings of this machine, by dotted path.
        recipe: the name of the recipe that it was started from, or empty.
    """

    id: str
    created: datetime
    program: str
    local: Mapping[str, Any] = field(default_factory=dict)
    recipe: str = ""


@dataclass(frozen=True, slots=True)
class Notes:
    """What the user says of a run."""

    tags: tuple[str, ...] = ()
    note: str = ""


def new_facts(experiment: Experiment, recipe: str = "") -> RunFacts:
    """The facts of a run of `experiment` that begins now."""
    return RunFacts(uuid4().hex, as_time(now()), __version__, local_values(experiment), recipe)


def local_values(experiment: Experiment) -> dict[str, Any]:
    """The settings that belong to the machine, by dotted path."""
    values = to_values(experiment)
    return {item.path: get_value(values, item.path) for item in settings_of(values) if item.local}


def write_facts(folder: Path, facts: RunFacts, disk: Disk | None = None) -> None:
    """Write ``run.json``.

    Raises:
        SaveFailed: see `write_file`.
    """
    values = {
        "format": FORMAT,
        "id": facts.id,
        "created": facts.created.isoformat(timespec="milliseconds"),
        "program": facts.program,
        "local": dict(facts.local),
        "recipe": facts.recipe,
    }
    _write(folder / RUN, values, disk)


def read_facts(folder: Path) -> RunFacts:
    """What ``run.json`` says.

    Raises:
        NotARun: if it is missing, damaged, or of a newer version of this program.
    """
    values = _read(folder, RUN)
    try:
        return RunFacts(
            as_text(values.get("id"), 64),
            as_time(values.get("created")),
            as_text(values.get("program"), 64),
            as_object(values.get("local")),
            as_text(values.get("recipe"), 256),
        )
    except NotPlain as error:
        raise _damaged(folder, RUN) from error


def write_experiment(folder: Path, experiment: Experiment, disk: Disk | None = None) -> None:
    """Write ``experiment.json``: the settings without those that belong to this machine.

    Raises:
        SaveFailed: see `write_file`.
    """
    _write(folder / EXPERIMENT, numbered(shared_values(experiment)), disk)


def read_settings(folder: Path) -> dict[str, Any]:
    """What ``experiment.json`` holds, unchecked, for `parse_experiment`.

    Raises:
        NotARun: if it is missing or damaged.
    """
    return _read(folder, EXPERIMENT)


def write_notes(folder: Path, notes: Notes, disk: Disk | None = None) -> None:
    """Write ``notes.json``.

    Raises:
        SaveFailed: see `write_file`.
    """
    _write(folder / NOTES, {"format": FORMAT, "tags": list(notes.tags), "note": notes.note}, disk)


def read_notes(folder: Path) -> Notes:
    """What ``notes.json`` says; nothing if there is none or it is damaged: a run is not hidden for its notes."""
    try:
        values = read_object(folder / NOTES)
        return Notes(as_texts(values.get("tags")), as_text(values.get("note"), 1_000_000))
    except (OSError, NotPlain):
        return Notes()


def refuse_links(folder: Path) -> None:
    """See that everything of the run lies in `folder`, which may itself be reached through a link.

    Raises:
        LeadsElsewhere: if not.
    """
    names = (RUN, EXPERIMENT, NOTES, EVENTS, CHECKPOINTS, BEST, MODEL, LOCK, LOG)
    places = itertools.chain((folder / name for name in names), _below(folder / CHECKPOINTS))
    link = next(filter(is_link, places), None)
    if link is not None:
        text = tr(
            "{file} in the run's folder {folder} is a link. A run from elsewhere could use one to "
            "change other files of yours, so it does not go on. Put the file or folder itself there, "
            "or remove the link.",
            file=link.relative_to(folder),
            folder=folder,
        )
        raise LeadsElsewhere(text)


def _below(folder: Path) -> Iterator[Path]:
    """What lies in `folder` and in its folders; it does not go through links, and tells each before what is below
    it.
    """
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield Path(entry)
                if entry.is_dir(follow_symlinks=False):
                    yield from _below(Path(entry))
    except OSError:
        return


def _write(path: Path, values: Mapping[str, Any], disk: Disk | None) -> None:
    write_file(path, json.dumps(values, indent=2, ensure_ascii=False).encode(), disk, links=False)


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        values = read_object(folder / name)
    except OSError as error:
        reason = error.strerror or error
        text = tr(
            "{folder} is not the folder of a run: its {file} cannot be read: {reason}. Choose a "
            "folder below the runs folder.",
            folder=folder,
            file=name,
            reason=reason,
        )
        raise NotARun(text) from error
    except NotPlain as error:
        raise _damaged(folder, name) from error
    _check_format(folder, name, values, EXPERIMENT_FORMAT if name == EXPERIMENT else FORMAT)
    return values


def _check_format(folder: Path, name: str, values: Mapping[str, Any], known: int) -> None:
    try:
        written = as_whole(values.get("format", 1), 1)
    except NotPlain as error:
        raise _damaged(folder, name) from error
    if written > known:
        raise newer(folder)


def newer(folder: Path) -> NewerRun:
    """The error for a run in a format that this version does not know."""
    text = tr(
        "The run in {folder} was made by a newer version of this program. It was left alone; "
        "update the program to open it.",
        folder=folder,
    )
    return NewerRun(text)


def _damaged(folder: Path, name: str) -> NotARun:
    return NotARun(
        tr(
            "{file} in {folder} is damaged. Copy it back from a copy of the run's folder, or write "
            "it again by hand: it is JSON.",
            file=name,
            folder=folder,
        )
    )
