"""What is trained in a benchmark: two tutorials' programs and a small ResNet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from desktop_trainer.experiment.choices import DATASETS
from desktop_trainer.experiment.fields import to_values, with_value
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import mark

FASHION = "fashion_mnist"
_FASHION_LIKE = {"name": "synthetic", "train_samples": 60_000, "test_samples": 10_000, "size": 28, "channels": 1}
_CIFAR_LIKE = {"name": "synthetic", "train_samples": 160, "test_samples": 64, "size": 32, "channels": 3}
_SMALL = {"train_samples": 256, "test_samples": 64}


@dataclass(frozen=True, slots=True)
class Workload:
    """An experiment to train for `epochs` epochs a repetition: so many that it takes long enough to be measured."""

    name: str
    title: str
    experiment: Experiment
    epochs: int = 1

    def with_batch_size(self, batch_size: int) -> Workload:
        """The same in batches of another size."""
        return replace(self.with_setting("data.batch_size", batch_size), name=f"{self.name}/{batch_size}")

    def with_setting(self, path: str, value: Any) -> Workload:
        """The same with one other setting."""
        values = with_value(to_values(self.experiment), path, value)
        return replace(self, experiment=parse_experiment(values))


def has_fashion_mnist(root: Path) -> bool:
    """Whether the real Fashion-MNIST is below `root`."""
    return DATASETS.validate(FASHION).present(root)


def workloads(root: Path, device: str, *, quick: bool = False) -> dict[str, Workload]:
    """By the name of their group: T1, T3 and the ResNet, on the real data if they are below `root`, else synthetic
    ones.

    With `quick` everything is tiny, to try out the benchmark itself.
    """
    real = has_fashion_mnist(root) and not quick
    fashion = {"name": FASHION} if real else _FASHION_LIKE
    small = _SMALL if quick else {}
    lenet = {"model": {"name": "lenet"}, "optimizer": {"name": "adam", "lr": 0.001}}
    softmax = {
        "model": {"name": "softmax"},
        "initializer": {"name": "normal", "std": 0.01},
        "optimizer": {"name": "sgd", "lr": 0.1},
    }
    resnet = {"model": {"name": "resnet18"}, "optimizer": {"name": "sgd", "lr": 0.01, "momentum": 0.9}}
    tiny = {**_CIFAR_LIKE, **({"train_samples": 8, "test_samples": 4, "size": 8} if quick else {})}

    def make(dataset: dict[str, Any], batch_size: int, rest: dict[str, Any]) -> Experiment:
        data = {"dataset": dataset, "batch_size": batch_size, "data_root": str(root)}
        return parse_experiment({"data": data, "device": {"name": device}, **rest})

    return {
        "t1": Workload("T1", mark("LeNet, Adam, batches of 256"), make({**fashion, **small}, 256, lenet)),
        "t3": Workload(
            "T3",
            mark("Softmax regression, SGD, batches of 256"),
            make({**fashion, **small}, 256, softmax),
            1 if quick else 10,
        ),
        "resnet": Workload(
            "ResNet",
            mark("ResNet-18, SGD, colour images of 32 x 32 pixels, batches of 32"),
            make(tiny, 4 if quick else 32, resnet),
        ),
    }
