"""The numbers of runs as CSV: of every batch or every epoch. One way to write a number, whoever asks for the file.

A number has as many digits as it needs to be read back exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_trainer.engine.events import EpochEnded
from desktop_trainer.runs.files import Disk, write_file

if TYPE_CHECKING:
    from desktop_trainer.report.series import Series
    from desktop_trainer.runs.history import History

NUMBERS = ("loss", "accuracy", "correct", "count", "lr", "seconds")
"""What there is of a batch, in the order of the columns."""
MEANS = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
_BATCHES = ("epoch", "batch", *NUMBERS)
_CURVES = ("batch", "epoch", "batch_in_epoch", *NUMBERS, *MEANS)
ROWS = 5000
"""Lines in a portion of the table of curves."""
_NO_MEANS = "," * (len(MEANS) - 1)


def export_batches(said: History, target: Path, disk: Disk | None = None) -> None:
    """Write the numbers of every batch into the CSV file `target`: a line each, below a line of headings.

    Its ``batch`` is counted in the epoch, from 1.

    Raises:
        SaveFailed: see `write_file`.
    """
    lines = (
        f"{block.epoch},{block.first + at},{numbers}\n"
        for block in said.records
        for at, numbers in enumerate(
            _lines(block.loss, block.accuracy, block.correct, block.count, block.lr, block.seconds)
        )
    )
    write_file(target, _whole(_BATCHES, lines), disk)


def export_epochs(said: History, target: Path, disk: Disk | None = None) -> None:
    """Write the figures of every epoch into the CSV file `target`: a line each, below a line of headings.

    Raises:
        SaveFailed: see `write_file`.
    """
    lines = (",".join(map(str, astuple(ended))) + "\n" for ended in said.epochs)
    write_file(target, _whole([item.name for item in fields(EpochEnded)], lines), disk)


def curves_table(series: Series, others: Sequence[tuple[str, Series]] = ()) -> Iterator[str]:
    """The records that are there now as CSV, some thousand lines at a time; an epoch's means stand beside its last
    batch.

    Its ``batch`` is counted over all epochs, from 1, and ``batch_in_epoch`` in the epoch. With `others`, each with its
    title, a first column names the run: it is empty for the run at hand.
    """
    header = ",".join(_CURVES)
    yield f"run,{header}\n" if others else f"{header}\n"
    yield from _rows_of(series, "," if others else "")
    for title, each in others:
        name = title.replace('"', '""')
        yield from _rows_of(each, f'"{name}",')


def _rows_of(series: Series, run: str) -> Iterator[str]:
    loss, correct, count, lr, seconds = (
        column.values for column in (series.loss, series.correct, series.count, series.lr, series.seconds)
    )
    per_epoch = series.batches_per_epoch
    means = {ended.epoch * per_epoch: ended for ended in series.epochs}
    for first in range(0, len(loss), ROWS):
        part = slice(first, first + ROWS)
        with np.errstate(divide="ignore", invalid="ignore"):
            accuracy = correct[part] / count[part]
        numbers = _lines(loss[part], accuracy, correct[part], count[part], lr[part], seconds[part])
        lines = (_line(series.origin + first + at, per_epoch, each, means) for at, each in enumerate(numbers))
        yield "".join(run + line for line in lines)
    recorded = range(series.origin, series.origin + len(series))
    yield "".join(
        f"{run}{batch},{ended.epoch},{per_epoch},{',' * len(NUMBERS)}{_means(ended)}\n"
        for batch, ended in means.items()
        if batch not in recorded
    )


def _line(batch: int, per_epoch: int, numbers: str, means: dict[int, EpochEnded]) -> str:
    epoch, before = divmod(batch - 1, per_epoch)
    ended = means.get(batch)
    return f"{batch},{epoch + 1},{before + 1},{numbers},{_NO_MEANS if ended is None else _means(ended)}\n"


def _means(ended: EpochEnded) -> str:
    return ",".join(str(getattr(ended, name)) for name in MEANS)


def _lines(*columns: Any) -> Iterator[str]:
    """The cells of each batch, of which `columns` are arrays of `NUMBERS`; an accuracy that is none is left empty."""
    texts = [np.asarray(column).astype(str).tolist() for column in columns]
    texts[1] = ["" if text == "nan" else text for text in texts[1]]
    return (",".join(cells) for cells in zip(*texts, strict=True))


def _whole(header: Sequence[str], lines: Iterable[str]) -> bytes:
    return "".join([",".join(header) + "\n", *lines]).encode()
