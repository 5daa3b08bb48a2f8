"""The lines of a run's journal: events as JSON and back. Knows their form and bounds, no file.

Each line is a JSON object whose ``kind`` says what it is. Numbers that are not finite are the texts ``nan``, ``inf``
and ``-inf``. What is read is checked as if somebody else had written it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from desktop_trainer.engine.events import EpochEnded, Records, RunEnded, RunStarted
from desktop_trainer.runs.plain_json import NotPlain, as_number, as_object, as_text, as_texts, as_time, as_whole, now

Column = Literal["loss", "correct", "count", "lr", "seconds"]
COLUMNS: dict[Column, tuple[str, str]] = {
    "loss": ("f4", "%.9g"),
    "correct": ("i4", "%d"),
    "count": ("i4", "%d"),
    "lr": ("f4", "%.9g"),
    "seconds": ("f8", "%.6f"),
}
"""The columns of `Records`: as what they are kept, and how they are written. Nine digits are a float32's all."""
_SCALARS = ("count", "lr")
"""Columns that are usually constant: then they are one number."""
FORMAT = 1
"""Of the journal; every start says it."""
MOST_BATCHES = 8192
"""In one line, so that none grows long."""
OUTCOMES = ("completed", "stopped", "early_stopped", "diverged", "failed")
"""How a run ends. A reader adds ``interrupted``: it started, did not end, and nobody holds its lock."""
_MOST = 2**31 - 1
_WORDS = frozenset({"nan", "inf", "-inf"})
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Start:
    """A beginning of a run, or of its continuation, or a change of its settings in between.

    Attributes:
        time: in UTC; None if the line does not say. epoch, batch: what was done before.
        started: what the run said of itself; None if the line does not say, as that of a change.
        versions: of the program and of what computes. threads: of one operation on the CPU.
        experiment: its settings, unchecked. changes: dotted paths of the settings changed since the last start.
        inexact: why the continuation may differ from a run without a break: sentences.
        format: of the lines from here on.
    """

    time: datetime | None
    epoch: int
    batch: int
    started: RunStarted | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    threads: int = 0
    experiment: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    inexact: tuple[str, ...] = ()
    format: int = FORMAT


def started_line(
    started: RunStarted,
    experiment: Mapping[str, Any],
    *,
    versions: Mapping[str, str],
    threads: int,
    changes: Sequence[str] = (),
    inexact: Sequence[str] = (),
) -> dict[str, Any]:
    """The line of a beginning or a continuation; see `Start`."""
    return {
        "kind": "started",
        "format": FORMAT,
        "time": now(),
        "epoch": started.epoch,
        "batch": started.batch,
        "started": _plain(started),
        "versions": dict(versions),
        "threads": threads,
        "experiment": dict(experiment),
        "changes": list(changes),
        "inexact": list(inexact),
    }


def changed_line(epoch: int, batch: int, experiment: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """The line of a change of settings in a pause: where, all settings as they are then, and the paths of the
    changed ones.
    """
    return {
        "kind": "changed",
        "time": now(),
        "epoch": epoch,
        "batch": batch,
        "experiment": dict(experiment),
        "changes": list(changes),
    }


def saved_line(epoch: int, batch: int, checkpoint: str, seconds: float) -> dict[str, Any]:
    """The line of a checkpoint: its position, its folder's name, and how long saving it took."""
    return {
        "kind": "saved",
        "time": now(),
        "epoch": epoch,
        "batch": batch,
        "checkpoint": checkpoint,
        "seconds": seconds,
    }


def save_failed_line(reason: str) -> dict[str, Any]:
    """The line of a checkpoint that could not be written."""
    return {"kind": "save_failed", "time": now(), "reason": reason}


def epoch_line(event: EpochEnded) -> dict[str, Any]:
    """The line of an epoch's end."""
    return {"kind": "epoch", **_plain(event)}


def ended_line(event: RunEnded) -> dict[str, Any]:
    """The line of the run's end; the paths are left out, because a folder can be moved."""
    return {"kind": "ended", "time": now(), **_plain(event)}


def records_lines(blocks: Sequence[Records]) -> Iterator[str]:
    """The lines of `blocks`, successive batches of one epoch."""
    columns = {name: np.concatenate([getattr(block, name) for block in blocks]) for name in COLUMNS}
    for start in range(0, len(columns["loss"]), MOST_BATCHES):
        part = slice(start, start + MOST_BATCHES)
        texts = (f'"{name}":{_column_text(name, values[part])}' for name, values in columns.items())
        yield f'{{"kind":"batches","epoch":{blocks[0].epoch},"first":{blocks[0].first + start},{",".join(texts)}}}'


def _column_text(name: Column, values: NDArray[Any]) -> str:
    form = COLUMNS[name][1]
    if name in _SCALARS and (values == values[0]).all() and np.isfinite(values[0]):
        return str(form % values[0])
    items = values.tolist()
    if np.isfinite(values).all():
        return f"[{','.join([form] * len(items)) % tuple(items)}]"
    return f"[{','.join(form % item if math.isfinite(item) else json.dumps(str(item)) for item in items)}]"


def _plain(event: Any) -> dict[str, Any]:
    values = {item.name: getattr(event, item.name) for item in fields(event)}
    values.pop("paths", None)
    return {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }


def read_records(line: Mapping[str, Any]) -> Records:
    """The records that a ``batches`` line holds.

    Raises:
        NotPlain: if it is not such a line.
    """
    losses = line.get("loss")
    length = len(losses) if isinstance(losses, list) else 0
    first = as_whole(line.get("first"), 1, _MOST - length)
    if length == 0:
        raise NotPlain("no batches")
    columns = {name: _column(name, line.get(name), length) for name in COLUMNS}
    if not (columns["count"] > 0).all():
        raise NotPlain("a batch of no samples")
    return Records(as_whole(line.get("epoch"), 1, _MOST), first, **columns)


def _column(name: Column, items: Any, length: int) -> NDArray[Any]:
    items = items if isinstance(items, list) else [items] * length
    kinds = set(map(type, items))
    whole = COLUMNS[name][0] == "i4"
    if len(items) != length or not kinds <= ({int} if whole else {int, float, str}):
        raise NotPlain("a column of something else")
    if str in kinds and not {item for item in items if type(item) is str} <= _WORDS:
        raise NotPlain("a text among numbers")
    try:
        if whole and not 0 <= min(items) <= max(items) <= _MOST:
            raise NotPlain("a number out of its bounds")
        with np.errstate(over="ignore"):
            return np.array(items, np.float64).astype(COLUMNS[name][0])
    except OverflowError as error:
        raise NotPlain("a number out of all bounds") from error


def read_event(kind: type[E], line: Mapping[str, Any]) -> E:
    """The event of the dataclass `kind` whose fields `line` holds: whole numbers, numbers and texts.

    Raises:
        NotPlain: if one that is needed is missing, or one has the wrong kind.
    """
    values = {}
    for item in fields(kind):  # type: ignore[arg-type]  # a type variable cannot be bound to "some dataclass"
        check = _CHECKS.get(str(item.type))
        if check is not None and (item.name in line or item.default is MISSING):
            values[item.name] = check(line.get(item.name))
    return kind(**values)


def read_epoch(line: Mapping[str, Any]) -> EpochEnded:
    """What an ``epoch`` line holds.

    Raises:
        NotPlain: if it is not such a line.
    """
    event = read_event(EpochEnded, line)
    as_whole(event.epoch, 1, _MOST)
    if not event.examples_per_second > 0:
        raise NotPlain("a rate of nothing")
    return event


def read_ended(line: Mapping[str, Any]) -> RunEnded:
    """What an ``ended`` line holds.

    Raises:
        NotPlain: if it is not such a line, or of an outcome that is not known.
    """
    position_of(line)
    event = read_event(RunEnded, line)
    if event.outcome not in OUTCOMES:
        raise NotPlain("an unknown outcome")
    return event


def read_start(line: Mapping[str, Any]) -> Start:
    """What a ``started`` line holds, or a ``changed`` line.

    Raises:
        NotPlain: if it is not such a line.
    """
    started = read_event(RunStarted, as_object(line["started"])) if "started" in line else None
    if started is not None:
        for count in (started.train_samples, started.epochs, started.batches_per_epoch, started.test_batches):
            as_whole(count, 1, _MOST)
    versions = {key: as_text(value, 100) for key, value in as_object(line.get("versions", {})).items()}
    return Start(
        time_of(line),
        *position_of(line),
        started,
        versions,
        as_whole(line.get("threads", 0), 0, _MOST),
        as_object(line.get("experiment", {})),
        as_texts(line.get("changes", [])),
        as_texts(line.get("inexact", [])),
        as_whole(line.get("format", FORMAT), 1, _MOST),
    )


def position_of(line: Mapping[str, Any]) -> tuple[int, int]:
    """Whole epochs, and batches of the next one, that were done.

    Raises:
        NotPlain: if the line does not say.
    """
    return _count(line.get("epoch")), _count(line.get("batch"))


def time_of(line: Mapping[str, Any]) -> datetime | None:
    """When the line was written, in UTC; None if it does not say."""
    return as_time(line["time"]) if "time" in line else None


def _count(value: Any) -> int:
    return as_whole(value, 0, _MOST)


_CHECKS: Mapping[str, Callable[[Any], Any]] = {"int": as_whole, "float": as_number, "str": as_text}
