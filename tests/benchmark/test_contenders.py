"""The contenders do the same work: what is compared is how, not what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from desktop_trainer.benchmark.headless import EventClock, measured_engine
from desktop_trainer.benchmark.limits import FixedBatch, measured_fixed_batch
from desktop_trainer.benchmark.measure import BenchmarkFailed
from desktop_trainer.benchmark.plain_loop import PlainLoop, tutorial_dataset
from desktop_trainer.benchmark.report import table
from desktop_trainer.benchmark.results import ENGINE, WAYS
from desktop_trainer.benchmark.suite import Plan, Suite
from desktop_trainer.benchmark.workloads import Workload
from desktop_trainer.engine import compiling
from desktop_trainer.engine.data import order_of_epoch
from desktop_trainer.engine.events import BatchEnded, EpochEnded
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment

GREY = {"name": "synthetic", "train_samples": 100, "test_samples": 30, "size": 16}
COLOUR = {**GREY, "channels": 3, "size": 8}


def experiment(dataset: dict[str, Any], model: str, epochs: int = 1) -> Experiment:
    return parse_experiment(
        {
            "data": {"dataset": dataset, "batch_size": 32},
            "model": model,
            "training": {"epochs": epochs, "seed": 3},
            "device": {"name": "cpu"},
        }
    )


@pytest.mark.parametrize(("dataset", "model"), [(GREY, "lenet"), (COLOUR, "softmax")])
def test_the_plain_loop_computes_what_the_engine_computes(dataset: dict[str, Any], model: str) -> None:
    """Over the same order: every batch's loss, and the means on the test set."""
    asked = experiment(dataset, model)
    plain = PlainLoop(asked, order=order_of_epoch(100, 3, 0).tolist()).epoch()
    events = list(Training(asked).events())
    losses = np.concatenate([each.records.loss for each in events if isinstance(each, BatchEnded) and each.records])
    (ended,) = (each for each in events if isinstance(each, EpochEnded))
    assert len(losses) == 4
    np.testing.assert_array_equal(np.array(plain.losses, np.float32), losses)
    assert plain.test_loss == pytest.approx(ended.test_loss, rel=1e-6)
    assert plain.test_accuracy == ended.test_accuracy


def test_the_plain_loop_decodes_real_images_as_torchvision_does(real_data: Any) -> None:
    """The same numbers that the engine sees, from PIL images."""
    data = parse_experiment({"data": {"dataset": "fashion_mnist", "data_root": str(real_data)}}).data
    image, label = tutorial_dataset(data, train=False)[7]
    images, labels = data.dataset.load(real_data, train=False)
    assert type(tutorial_dataset(data, train=False)).__name__ == "FashionMNIST"
    assert torch.equal(image, images[7] / 255)
    assert label == labels[7]


def test_the_limit_makes_as_many_steps_as_the_epochs_have_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    whole = FixedBatch.step

    def counted(batch: FixedBatch, *parts: Any) -> torch.Tensor:
        steps.append(len(batch.labels))
        return whole(batch, *parts)

    monkeypatch.setattr(FixedBatch, "step", counted)
    run = measured_fixed_batch(Workload("T", "", experiment(GREY, "softmax"), epochs=3))
    assert set(run()) == {"training"}
    assert steps == 3 * 4 * [32]


def test_the_limit_begins_with_a_fresh_model_each_time() -> None:
    """A fitted one would compute with denormal numbers."""
    batch = FixedBatch(experiment(GREY, "softmax"))
    first = batch.step(*batch.build())
    assert batch.step(*batch.build()).item() == first.item()


def test_the_engine_trains_all_epochs_of_a_repetition() -> None:
    measured = measured_engine(Workload("T", "", experiment(GREY, "softmax"), epochs=3))()
    assert 0 < measured["training"] < measured["epoch"]
    assert measured["rate"] == pytest.approx(4 / measured["training"])


def test_a_run_without_a_whole_epoch_is_no_measurement() -> None:
    with pytest.raises(BenchmarkFailed, match="before its first epoch"):
        EventClock().measured()


def test_every_way_of_computing_a_step_can_be_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each against the plain engine, in one repetition of tiny work; what only CUDA has is not offered elsewhere."""
    monkeypatch.setattr(compiling, "BACKEND", "eager")
    results = Suite(Plan(tmp_path, "cpu", 1, ("step",), quick=True), lambda _: None).run()
    assert set(results.training) == {"T1/step", "ResNet/step"}
    for taken in results.training.values():
        assert set(taken) == {ENGINE, *WAYS} - {"engine, tf32"}
        assert all(times["epoch"][0] > 0 for times in taken.values())
    assert "engine, compiled" in table(results)
