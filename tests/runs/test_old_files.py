"""What an earlier version of this program wrote still opens: its runs are listed, go on and end as they would have."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from desktop_trainer.engine.events import Evaluated, RunEnded
from desktop_trainer.engine.examination import examine
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.problems import read_experiment
from desktop_trainer.runs.journal import read_journal
from desktop_trainer.runs.model_file import load_model
from desktop_trainer.runs.recording import Recording
from desktop_trainer.runs.resume import reopen
from desktop_trainer.runs.run_folder import BEST, EXPERIMENT, MODEL
from desktop_trainer.runs.summary import read_summary

OLD = Path(__file__).parents[1] / "old_files"
STOPPED = "stopped run, format 1"
DIVERGED = "diverged run in Chinese, format 1"


def copy(name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD / name, tmp_path / name))


def losses(folder: Path) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Of every batch, in order."""
    return np.concatenate([block.loss for block in read_journal(folder).records])


def test_a_run_that_an_earlier_version_stopped_in_the_middle_of_an_epoch_ends_as_one_of_today(tmp_path: Path) -> None:
    """To rounding: the processor may be another."""
    folder = copy(STOPPED, tmp_path)
    experiment = read_experiment((folder / EXPERIMENT).read_text(encoding="utf-8"))
    *_, ended = reopen(folder).events()
    assert isinstance(ended, RunEnded)
    assert ended.epoch == experiment.training.epochs
    (tmp_path / "today").mkdir()
    list(Recording(Training(experiment), tmp_path / "today").events())
    np.testing.assert_allclose(losses(folder), losses(tmp_path / "today"), rtol=1e-4)


@pytest.mark.parametrize("name", [MODEL, BEST])
def test_a_model_of_an_earlier_version_is_examined(name: str) -> None:
    model = load_model(OLD / STOPPED / name)
    assert model.experiment is not None
    *_, result = examine(model.experiment, model.weights, model.statistics)
    assert isinstance(result, Evaluated)
    assert result.samples == 297


@pytest.mark.parametrize(
    ("name", "outcome", "position"), [(STOPPED, "stopped", (1, 3)), (DIVERGED, "diverged", (0, 3))]
)
def test_a_run_of_an_earlier_version_is_listed(name: str, outcome: str, position: tuple[int, int]) -> None:
    run = read_summary(OLD / name)
    assert (run.outcome, run.epoch, run.batch) == (outcome, *position)


def test_the_sentence_that_an_earlier_version_kept_is_shown_as_it_is() -> None:
    """It was written in the language of that moment."""
    assert "第 1 轮第 3 批的损失为 nan" in str(read_summary(OLD / DIVERGED).reason)


def test_a_run_that_an_earlier_version_saw_diverge_goes_on_with_a_smaller_learning_rate(tmp_path: Path) -> None:
    *_, ended = reopen(copy(DIVERGED, tmp_path), {"optimizer.lr": 0.01, "training.epochs": 2}).events()
    assert isinstance(ended, RunEnded)
    assert (ended.outcome, ended.epoch) == ("completed", 2)
