"""The loop that learners write: a DataLoader over PIL images, and the loss read after every batch. Knows no engine.

It is what the others are measured against, so it does just what the tutorials do, and none of it better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from desktop_trainer import folders
from desktop_trainer.engine.devices import choose_device
from desktop_trainer.experiment.data_settings import DataSettings
from desktop_trainer.experiment.settings import Experiment


class PilImages(Dataset[tuple[Any, int]]):
    """Images in memory, each made a PIL image when asked for, as ``torchvision.datasets.MNIST`` and ``CIFAR10`` do."""

    def __init__(self, images: Tensor, labels: Tensor, transform: Callable[[Any], Any]) -> None:
        self._images = [
            image.squeeze(0).numpy() if len(image) == 1 else image.permute(1, 2, 0).numpy() for image in images
        ]
        self._labels, self._transform = labels.tolist(), transform

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        from PIL import Image

        return self._transform(Image.fromarray(self._images[index])), self._labels[index]


def tutorial_dataset(settings: DataSettings, *, train: bool) -> Any:
    """One split as tutorials load it: torchvision's Fashion-MNIST with ``ToTensor``, or `PilImages` of other data.

    Raises:
        DataMissing, DataDamaged: see `DatasetChoice.load`.
    """
    from torchvision import datasets, transforms

    root, to_tensor = folders.data_root(settings.data_root), transforms.ToTensor()
    if settings.dataset.name == "fashion_mnist":
        return datasets.FashionMNIST(root=root, train=train, transform=to_tensor)
    images, labels = settings.dataset.load(root, train=train)
    return PilImages(images.contiguous(), labels, to_tensor)


@dataclass(frozen=True, slots=True)
class PlainEpoch:
    """What an epoch of the plain loop took, in seconds, and what it computed."""

    seconds: float
    training_seconds: float
    test_loss: float
    test_accuracy: float
    losses: list[float] = field(default_factory=list)


class PlainLoop:
    """The tutorials' program for `experiment`: a fresh model, then an epoch at a time.

    Args:
        order: in which the training samples come; None shuffles them.
    """

    def __init__(self, experiment: Experiment, order: Sequence[int] | None = None) -> None:
        data, self.device = experiment.data, choose_device(experiment.device.name)
        train, test = (tutorial_dataset(data, train=part) for part in (True, False))
        self.train_iter = DataLoader(
            train, data.batch_size, shuffle=order is None, sampler=order, drop_last=data.drop_last
        )
        self.test_iter = DataLoader(test, data.batch_size)
        torch.manual_seed(experiment.training.seed)
        self.net = experiment.model.build(data.info)
        experiment.initializer.apply(self.net)
        self.net.to(self.device)
        self.loss = experiment.loss.build()
        self.trainer: Optimizer = experiment.optimizer.build(self.net.parameters())

    def epoch(self) -> PlainEpoch:
        """Train one epoch and examine the model on the test set."""
        began = perf_counter()
        losses = self._train()
        trained = perf_counter()
        test_loss, test_accuracy = self._test()
        return PlainEpoch(perf_counter() - began, trained - began, test_loss, test_accuracy, losses)

    def _train(self) -> list[float]:
        losses, correct, count = [], 0.0, 0
        self.net.train()
        for images, labels in self.train_iter:
            images, labels = images.to(self.device), labels.to(self.device)
            logits = self.net(images)
            loss = self.loss(logits, labels)
            self.trainer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.trainer.step()
            losses.append(loss.item())
            correct += (logits.argmax(1) == labels).sum().item()
            count += len(labels)
        return losses

    @torch.no_grad()
    def _test(self) -> tuple[float, float]:
        loss, correct, count = 0.0, 0.0, 0
        self.net.eval()
        for images, labels in self.test_iter:
            images, labels = images.to(self.device), labels.to(self.device)
            logits = self.net(images)
            loss += self.loss(logits, labels).item() * len(labels)
            correct += (logits.argmax(1) == labels).sum().item()
            count += len(labels)
        return loss / count, correct / count


def measured_plain_loop(experiment: Experiment) -> Callable[[], dict[str, float]]:
    """A contender: an epoch each time it is called, of one program that goes on; the data are read before."""
    loop = PlainLoop(experiment)

    def run() -> dict[str, float]:
        epoch = loop.epoch()
        return {"epoch": epoch.seconds, "training": epoch.training_seconds}

    return run
