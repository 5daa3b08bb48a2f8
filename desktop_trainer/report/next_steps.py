"""What comes next for a run that has ended: whether it can go on, and with which changes of its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from desktop_trainer.experiment.fields import get_value
from desktop_trainer.runs.continuing import EPOCHS, more_epochs

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary

SMALLER = 0.1
"""What the learning rate is multiplied by after a divergence."""
UNFINISHED = ("stopped", "interrupted", "failed")
"""How a run ends that was not meant to end there: to let it go on is what comes next."""
_LR = "optimizer.lr"


def smaller_lr(values: Mapping[str, Any]) -> dict[str, float]:
    """The change without which a run with these settings that diverged would do so again; none where it has no
    learning rate.
    """
    lr = get_value(values, _LR)
    return {_LR: float(f"{lr * SMALLER:.3g}")} if isinstance(lr, int | float) else {}


def changes_for_more(run: RunSummary) -> dict[str, int]:
    """The settings with which `run` has something to do when it goes on: as many epochs again if it did all of them."""
    more = run.outcome == "completed" and run.epochs
    return {EPOCHS: more_epochs(run.epoch, run.epochs)} if more else {}


def changes_to_go_on(run: RunSummary) -> dict[str, Any] | None:
    """The settings, by dotted path, that change where `run` goes on; None where it cannot.

    One that did all of its epochs gets as many again, one that diverged a smaller learning rate. A run that was never
    saved can begin again.
    """
    saved = run.checkpoint or (run.epoch, run.batch) == (0, 0)
    if run.outcome == "running" or not saved:
        return None
    if run.outcome == "completed":
        return dict(changes_for_more(run)) or None
    return dict(smaller_lr(run.values)) if run.outcome == "diverged" else {}
