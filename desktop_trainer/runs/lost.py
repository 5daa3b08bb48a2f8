"""What a run's small files said, also when one was lost, as far as its other files know. Writes nothing, loads no
torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from desktop_trainer.experiment.errors import ExperimentError
from desktop_trainer.experiment.formats import of_today
from desktop_trainer.runs.checkpoint_folders import checkpoints
from desktop_trainer.runs.history import History, JournalReader
from desktop_trainer.runs.journal_lines import FORMAT as JOURNAL_FORMAT
from desktop_trainer.runs.plain_json import NotPlain, as_object, read_object
from desktop_trainer.runs.run_folder import (
    CHECKPOINTS,
    EXPERIMENT,
    STATE,
    NewerRun,
    NotARun,
    RunFacts,
    newer,
    read_facts,
    read_settings,
)

_MOST_BYTES = 16 * 2**20


def known_facts(folder: Path) -> RunFacts:
    """What ``run.json`` says; without one, facts with an empty ``id``, for a run whose settings are there.

    Raises:
        NotARun: if they are not, or if the run is of a newer version.
    """
    try:
        return read_facts(folder)
    except NewerRun:
        raise
    except NotARun as error:
        try:
            made = (folder / EXPERIMENT).lstat().st_mtime
        except OSError:
            raise error from None
        return RunFacts("", datetime.fromtimestamp(made, UTC), "")


def known_settings(folder: Path, said: History | None = None) -> Mapping[str, Any]:
    """What ``experiment.json`` says, else what the journal's last start does, else the newest checkpoint that says it.

    As today's version would write it.

    Args:
        said: the journal, if it has been read.

    Raises:
        NotARun: if nothing says it, or if the run is of a newer version.
    """
    values: Mapping[str, Any]
    if said is not None and any(start.format > JOURNAL_FORMAT for start in said.starts):
        raise newer(folder)
    try:
        values = read_settings(folder)
    except NewerRun:
        raise
    except NotARun:
        said = said or JournalReader(folder, records=False).read()
        found = said.starts[-1].experiment if said.starts else {}
        if not (values := found or _saved_settings(folder)):
            raise
    try:
        return of_today(values)
    except ExperimentError as error:
        raise NewerRun(str(error)) from error


def _saved_settings(folder: Path) -> Mapping[str, Any]:
    for name in reversed(checkpoints(folder)):
        with suppress(OSError, NotPlain):
            return as_object(read_object(folder / CHECKPOINTS / name / STATE, _MOST_BYTES).get("experiment"))
    return {}
