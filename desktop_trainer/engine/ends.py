"""Why a run ends, and what to do next, in sentences for people."""

from __future__ import annotations

import numpy as np

from desktop_trainer.engine.events import Records
from desktop_trainer.engine.patience import Patience
from desktop_trainer.i18n import tr, trn
from desktop_trainer.quantities import figure


def diverged_at(records: Records) -> tuple[str, str]:
    """Of a run in whose `records` a loss is not a finite number."""
    entry = int(np.argmin(np.isfinite(records.loss)))
    reason = tr(
        "The loss of batch {batch} in epoch {epoch} is {loss}: the training diverged.",
        batch=records.first + entry,
        epoch=records.epoch,
        loss=records.loss[entry],
    )
    return reason, _smaller(float(records.lr[entry]))


def diverged_after(epoch: int, test_loss: float, lr: float) -> tuple[str, str]:
    """Of a run whose last step in `epoch` (from 1), with `lr`, spoiled the model."""
    reason = tr(
        "The loss on the test set after epoch {epoch} is {loss}: the training diverged.",
        epoch=epoch,
        loss=test_loss,
    )
    return reason, _smaller(lr)


def exploded_after(epoch: int, peak: float, lr: float) -> tuple[str, str]:
    """Of a run whose loss grew to `peak`, and whose model after its last `epoch` (from 1) is no better than
    guessing.
    """
    reason = tr(
        "The loss grew to {peak:.3g}, and after epoch {epoch} the model is no better than "
        "guessing: the training diverged.",
        epoch=epoch,
        peak=peak,
    )
    return reason, _smaller(lr)


def early_stopped(epoch: int, patience: Patience) -> tuple[str, str]:
    """Of a run that has stopped getting better, after `epoch` whole epochs."""
    reason = trn(
        "The test loss was best after epoch {best}, with {loss}, and has not improved for {n} epoch.",
        "The test loss was best after epoch {best}, with {loss}, and has not improved for {n} epochs.",
        epoch - patience.best_epoch,
        best=patience.best_epoch,
        loss=figure(patience.best_loss),
    )
    return reason, tr("To train longer, set the patience higher, or to 0.")


def _smaller(lr: float) -> str:
    return tr("Go back or start again with a smaller learning rate than {lr:g}.", lr=lr)
