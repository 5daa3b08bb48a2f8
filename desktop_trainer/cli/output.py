"""Tells a run's events: as lines for people, or as one JSON object each."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import fields
from time import monotonic
from typing import Any, Protocol

from desktop_trainer.cli.terminal import below
from desktop_trainer.engine.events import (
    BatchEnded,
    DataCounted,
    EpochEnded,
    Evaluated,
    Evaluating,
    Event,
    Loading,
    Notice,
    RunEnded,
    RunStarted,
)
from desktop_trainer.engine.lines import end_line, epoch_line, start_line
from desktop_trainer.experiment.difference import Difference
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import grouped, tr, trn
from desktop_trainer.printable import printable
from desktop_trainer.quantities import duration, figure
from desktop_trainer.report.pace import Pace
from desktop_trainer.runs.events import SettingsChanged

_FRAME = 0.1
"""Seconds between two looks of the progress line."""


class Output(Protocol):
    """Whoever tells events."""

    def show(self, event: Event | SettingsChanged) -> None:
        """Tell `event`."""


class JsonLines:
    """One JSON object a line on stdout: a batch each, even where the event brings a block of them."""

    def show(self, event: Event | SettingsChanged) -> None:
        """Write the objects of `event`."""
        for item in json_objects(event):
            print(json.dumps(item, ensure_ascii=False, allow_nan=False))
        sys.stdout.flush()


def json_objects(event: Event | SettingsChanged) -> Iterator[dict[str, Any]]:
    """The objects that tell `event`: its fields and ``event``, its name. Numbers that are not finite are null."""
    if isinstance(event, BatchEnded):
        yield from _batches(event)
        return
    if isinstance(event, SettingsChanged):
        yield {
            "event": "settings_changed",
            "epoch": event.epoch,
            "batch": event.batch,
            "changes": [_change(each) for each in event.changes],
        }
        return
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    yield {
        "event": name,
        **{key: _number(value) if isinstance(value, float) else value for key, value in values.items()},
    }


def _change(change: Difference) -> dict[str, Any]:
    return {"setting": change.path, "before": change.before, "after": change.after}


def _batches(event: BatchEnded) -> Iterator[dict[str, Any]]:
    records = event.records
    if records is None:
        return
    columns = zip(records.loss, records.accuracy, records.lr, records.seconds, strict=True)
    for batch, values in enumerate(columns, records.first):
        numbers = dict(zip(("loss", "accuracy", "lr", "seconds"), map(_number, values), strict=True))
        yield {"event": "batch_ended", "epoch": records.epoch, "batch": batch, **numbers}


def _number(value: Any) -> float | None:
    """A float with no more digits than the value has: 0.1 for a float32's 0.10000000149."""
    return float(str(value)) if math.isfinite(value) else None


class ProgressLine:
    """One line at the bottom of a terminal, on stderr, that is overwritten; nothing where there is no terminal."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._shown = 0.0

    def show(self, text: str) -> None:
        """Replace the line, at most ten times a second."""
        if self._live and monotonic() - self._shown >= _FRAME:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{printable(text)[:width]}", end="", file=below(sys.stderr), flush=True)
            self._shown = monotonic()

    def clear(self) -> None:
        """Make room for another line."""
        if self._live and self._shown:
            print("\r\033[K", end="", file=below(sys.stderr), flush=True)
            self._shown = 0.0


class HumanLines:
    """Lines on stdout: the start, each epoch as the tutorials print it, the end; the progress between them."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._progress = ProgressLine()
        self._started: RunStarted | None = None
        self._pace: Pace | None = None

    def show(self, event: Event | SettingsChanged) -> None:
        """Tell `event`."""
        line = self._line(event)
        if line:
            self._progress.clear()
            print(line, flush=True)
        else:
            self._progress.show(self._live(event))

    def _line(self, event: Event | SettingsChanged) -> str:
        match event:
            case RunStarted():
                self._started, self._pace = event, Pace(event)
                return start_line(self._experiment, event)
            case EpochEnded():
                if self._pace:
                    self._pace.end_epoch(event)
                return epoch_line(event, self._started.device if self._started else "")
            case RunEnded():
                return end_line(event)
            case Notice(text=text) | DataCounted(text=text):
                return text
            case SettingsChanged():
                return event.line
            case Evaluated():
                return trn(
                    "test loss {loss}, test acc {accuracy:.4f} over {samples} sample",
                    "test loss {loss}, test acc {accuracy:.4f} over {samples} samples",
                    event.samples,
                    loss=figure(event.loss),
                    accuracy=event.accuracy,
                    samples=grouped(event.samples),
                )
            case _:
                return ""

    def _live(self, event: Event | SettingsChanged) -> str:
        if isinstance(event, BatchEnded) and event.records is not None and self._pace and self._started:
            self._pace.add(event.records)
            left = self._pace.seconds_left
            return tr(
                "epoch {epoch}/{epochs}, batch {batch}/{batches}, loss {loss}, {left} left",
                epoch=event.epoch,
                epochs=self._started.epochs,
                batch=event.batch,
                batches=self._started.batches_per_epoch,
                loss=figure(float(event.records.loss[-1])),
                left="?" if left is None else duration(left),
            )
        if isinstance(event, Evaluating):
            return tr("examining, batch {done} of {total}", done=event.done, total=event.total)
        return event.what if isinstance(event, Loading) else ""


def output(experiment: Experiment, *, as_json: bool) -> Output:
    """What tells the events of `experiment`."""
    return JsonLines() if as_json else HumanLines(experiment)
