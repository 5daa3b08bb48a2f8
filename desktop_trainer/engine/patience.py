"""Tells when a run has stopped getting better."""

from __future__ import annotations

import math
from typing import Any


class Patience:
    """Waits `epochs` epochs for a smaller test loss than the best so far; 0 waits forever.

    Attributes:
        epochs: as given; may be changed.
        best_epoch, best_loss: where the test loss was least; 0 and infinity before the first epoch.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.best_epoch, self.best_loss, self._last = 0, math.inf, 0

    def add(self, epoch: int, loss: float) -> None:
        """Take the test loss after `epoch` (from 1)."""
        self._last = epoch
        if loss < self.best_loss:
            self.best_epoch, self.best_loss = epoch, loss

    @property
    def over(self) -> bool:
        """Whether it has waited long enough."""
        return 0 < self.epochs <= self._last - self.best_epoch

    def over_with(self, epoch: int, loss: float) -> bool:
        """Whether it will have waited long enough once this test loss is added."""
        return 0 < self.epochs <= epoch - self.best_epoch and not loss < self.best_loss

    def state(self) -> dict[str, Any]:
        """What `load_state` needs, as plain values."""
        return {"best_epoch": self.best_epoch, "best_loss": self.best_loss, "last": self._last}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        self.best_epoch, self.best_loss, self._last = (
            int(state["best_epoch"]),
            float(state["best_loss"]),
            int(state["last"]),
        )
