"""How long the curves take to draw and paint a frame, and what a record costs in memory. Needs Qt; trains nothing."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import numpy as np

from desktop_trainer.benchmark.windowed import rest
from desktop_trainer.engine.events import Records
from desktop_trainer.ui.app import create_application
from desktop_trainer.ui.curves.panel import CurvesPanel

BATCHES_PER_EPOCH = 1000
SIZE = (900, 620)
"""Of the panel in pixels: what it has in the window as it opens."""

_BLOCK = 170
"""New records a frame: 5000 a second in 30 frames."""


def made_up_records(count: int) -> Iterator[Records]:
    """`count` records that look like a training's, in blocks of at most an epoch."""
    random = np.random.default_rng(0)
    for start in range(0, count, BATCHES_PER_EPOCH):
        size = min(BATCHES_PER_EPOCH, count - start)
        batches = np.arange(start, start + size)
        loss = (2.3 / (1 + batches / 2000) + random.normal(0, 0.05, size)).astype(np.float32)
        yield records_of(start, loss)


def records_of(start: int, loss: np.ndarray[tuple[int], np.dtype[np.float32]]) -> Records:
    """A block whose first batch is the one behind `start` batches."""
    size = len(loss)
    epoch, before = divmod(start, BATCHES_PER_EPOCH)
    correct = np.clip(256 * (1 - loss / 2.5), 0, 256).astype(np.int32)
    seconds = np.arange(start, start + size) / 5000
    full, rate = np.full(size, 256, np.int32), np.full(size, 0.1, np.float32)
    return Records(epoch + 1, before + 1, loss, correct, full, rate, seconds)


def measure_frames(count: int, frames: int) -> tuple[list[float], float]:
    """With `count` records: seconds of each of `frames` frames, each of which brings new records; bytes a record."""
    create_application()
    panel = CurvesPanel()
    panel.resize(*SIZE)
    panel.show()
    panel.begin(2 * count // BATCHES_PER_EPOCH + 1, BATCHES_PER_EPOCH)
    for records in made_up_records(count):
        panel.add_records(records, BATCHES_PER_EPOCH)
    rest(200)
    bytes_per_record = panel.series.nbytes / len(panel.series)
    taken = [_frame(panel, number) for number in range(frames + 2)][2:]
    panel.close()
    panel.deleteLater()
    rest(0)
    return taken, bytes_per_record


def _frame(panel: CurvesPanel, number: int) -> float:
    start = len(panel.series)
    loss = np.random.default_rng(number).normal(0.5, 0.05, min(_BLOCK, BATCHES_PER_EPOCH - start % BATCHES_PER_EPOCH))
    records = records_of(start, loss.astype(np.float32))
    began = perf_counter()
    panel.add_records(records, BATCHES_PER_EPOCH)
    panel.draw()
    for plot in panel.plots:
        plot.canvas.viewport().repaint()
    return perf_counter() - began
