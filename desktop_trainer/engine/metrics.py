"""Collects the numbers of each batch on the device and reads them in blocks. Knows no model."""

from __future__ import annotations

import math
from functools import reduce
from operator import add
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from desktop_trainer.engine.events import Records

_NONE_YET = (-math.inf, -math.inf)
_MOST = 1_000
"""Batches in a block, so that what waits is bounded however long a block may last."""


class Recorder:
    """The loss and the right answers of every training batch, left on the device until a block is due.

    Reading a number from a device waits for all work on it, so it is done about `1 / block_seconds` times a second; the
    answers are compared with the labels then, too, all at once.

    Args:
        block_seconds: at least this time lies between two blocks; 0 makes every batch a block.

    Attributes:
        extremes: the loss of the run's first batch, and the largest so far, of the batches whose blocks were taken.
    """

    def __init__(self, block_seconds: float) -> None:
        self.block_seconds = block_seconds
        self.loss_sum, self.correct, self.count = 0.0, 0, 0
        self.extremes = _NONE_YET
        self._last = 0.0
        self._clear()

    def _clear(self) -> None:
        self._losses: list[Tensor] = []
        self._logits: list[Tensor] = []
        self._labels: list[Tensor] = []
        self._corrects = np.zeros(0, np.int32)
        self._rest: list[tuple[int, float, float]] = []

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor, lr: float, seconds: float) -> None:
        """Remember a batch: its mean loss (a scalar), logits ``(n, classes)``, labels ``(n,)``. Waits for no device."""
        self._losses.append(loss.detach())
        self._logits.append(logits.detach())
        self._labels.append(labels)
        self._rest.append((len(labels), lr, seconds))

    def due(self, epoch: int, batch: int) -> Records | None:
        """The block that ends with `batch` of `epoch` (both from 1) if it is time for one, else None."""
        due = perf_counter() - self._last >= self.block_seconds or len(self._rest) >= _MOST
        return self.take(epoch, batch) if due else None

    def take(self, epoch: int, batch: int) -> Records | None:
        """All batches since the last block, the last of them `batch` of `epoch`; None if there are none."""
        if not self._rest:
            return None
        self._compare()
        count, lr, seconds = zip(*self._rest, strict=True)
        records = Records(
            epoch,
            batch - len(count) + 1,
            torch.stack(self._losses).float().cpu().numpy(),
            self._corrects,
            np.array(count, np.int32),
            np.array(lr, np.float32),
            np.array(seconds, np.float64),
        )
        self._clear()
        self._last = perf_counter()
        self._add_up(records)
        return records

    def _compare(self) -> None:
        """Count the right answers of the batches whose logits are still there."""
        if self._logits:
            hits = (torch.cat(self._logits).argmax(1) == torch.cat(self._labels)).cpu().numpy()
            starts = np.cumsum([0, *(len(labels) for labels in self._labels[:-1])])
            counted = np.add.reduceat(hits, starts, dtype=np.int32)
            self._corrects = np.concatenate([self._corrects, counted])
            self._logits, self._labels = [], []

    def _add_up(self, records: Records) -> None:
        first, largest = self.extremes
        first = float(records.loss[0]) if self.extremes == _NONE_YET else first
        self.extremes = first, max(largest, float(records.loss.max()))
        # One after the other, so that an epoch's mean does not depend on where its blocks were cut.
        self.loss_sum = reduce(add, (records.loss.astype(np.float64) * records.count).tolist(), self.loss_sum)
        self.correct += int(records.correct.sum())
        self.count += int(records.count.sum())

    def new_epoch(self) -> None:
        """Forget the epoch's sums."""
        self.loss_sum, self.correct, self.count = 0.0, 0, 0

    def means(self) -> tuple[float, float]:
        """Mean loss and accuracy over the epoch's samples whose blocks were taken."""
        return self.loss_sum / self.count, self.correct / self.count

    def state(self) -> dict[str, Any]:
        """The epoch's sums and the batches not yet taken, as plain values and tensors on the CPU."""
        self._compare()
        return {
            "extremes": self.extremes,
            "sums": (self.loss_sum, self.correct, self.count),
            "losses": torch.stack(self._losses).cpu() if self._losses else None,
            "corrects": torch.from_numpy(self._corrects.astype(np.int64)) if len(self._corrects) else None,
            "rest": list(self._rest),
        }

    def load_state(self, state: dict[str, Any], device: torch.device) -> None:
        """Take over what `state` returned, for batches to come from `device`."""
        loss_sum, correct, count = state["sums"]
        self.loss_sum, self.correct, self.count = float(loss_sum), int(correct), int(count)
        first, largest = state.get("extremes", _NONE_YET)  # older states have none
        self.extremes = float(first), float(largest)
        losses, corrects = state["losses"], state["corrects"]
        self._losses = [] if losses is None else list(losses.to(device).unbind())
        self._corrects = np.zeros(0, np.int32) if corrects is None else corrects.cpu().numpy().astype(np.int32)
        self._logits, self._labels = [], []
        self._rest = list(state["rest"])
