"""The best model of a run stays the best, however the run goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop_trainer.engine.events import EpochEnded
from desktop_trainer.runs.kept_models import KeptModels
from desktop_trainer.runs.model_file import SavedModel, load_model
from desktop_trainer.runs.run_folder import BEST


def end(models: KeptModels, saved: SavedModel, epoch: int, accuracy: float) -> None:
    """Let an epoch end and write what is to be kept of it."""
    ended = EpochEnded(epoch, 1.0, 0.5, 1.0, accuracy, 1.0, 1.0)
    models.end_epoch(ended, lambda: replace(saved, metrics=dict(models.figures)))
    models.write()


@pytest.mark.parametrize(("accuracy", "kept"), [(0.10, 4), (0.65, 4), (0.70, 1)])
def test_a_better_model_is_never_replaced_by_a_worse_one_when_the_run_went_back(
    tmp_path: Path, saved: Any, accuracy: float, kept: int
) -> None:
    """Behind the best epoch, as after a divergence, the next epoch begins with almost nothing."""
    models = KeptModels(tmp_path)
    end(models, saved, 4, 0.65)
    again = KeptModels(tmp_path)
    again.recall(None)
    end(again, saved, 1, accuracy)
    assert load_model(tmp_path / BEST).metrics["epoch"] == kept
