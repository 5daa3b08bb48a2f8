"""The engine trains exactly as a plain PyTorch loop does, and says how a run ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.models import resnet18
from torchvision.transforms.functional import to_pil_image, to_tensor

from desktop_trainer.engine.data import order_of_epoch
from desktop_trainer.engine.devices import DeviceMissing
from desktop_trainer.engine.events import BatchEnded, EpochEnded, Evaluating, RunEnded, RunStarted
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.folders import data_root


class Pictures(Dataset[tuple[Tensor, int]]):
    """A split as the tutorials read it: one picture at a time, through PIL and ``ToTensor``."""

    def __init__(self, experiment: Experiment, *, train: bool) -> None:
        images, labels = experiment.data.dataset.load(data_root(), train=train)
        self.samples = [(to_pil_image(image), label) for image, label in zip(images, labels.tolist(), strict=True)]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture, label = self.samples[index]
        return to_tensor(picture), label


def softmax_by_hand() -> nn.Module:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    nn.init.normal_(model[1].weight, std=0.01)  # type: ignore[arg-type]
    nn.init.zeros_(model[1].bias)  # type: ignore[arg-type]
    return model


def mlp_by_hand() -> nn.Module:
    first, second = [nn.Linear(64, 48), nn.ReLU(), nn.Dropout(0.3)], [nn.Linear(48, 24), nn.ReLU(), nn.Dropout(0.3)]
    return nn.Sequential(nn.Flatten(), *first, *second, nn.Linear(24, 10))


def lenet_by_hand() -> nn.Module:
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.Sigmoid(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.Sigmoid(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 120),
        nn.Sigmoid(),
        nn.Linear(120, 84),
        nn.Sigmoid(),
        nn.Linear(84, 10),
    )
    for layer in model:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
    return model


def resnet_by_hand() -> nn.Module:
    model: Any = resnet18(num_classes=10)
    model.conv1 = nn.Conv2d(3, 64, 3, 1, padding=1, bias=False)
    nn.init.kaiming_normal_(model.conv1.weight, mode="fan_out", nonlinearity="relu")
    model.maxpool = nn.Identity()
    return model  # type: ignore[no-any-return]


def train_plainly(
    experiment: Experiment, build: Callable[[], nn.Module], make: Callable[[Any], torch.optim.Optimizer]
) -> tuple[nn.Module, list[float], list[tuple[float, float]]]:
    """The loop that everybody writes. Returns the model, each batch's loss, each epoch's test loss and accuracy."""
    torch.manual_seed(experiment.training.seed)
    model = build()
    optimizer, loss_fn = make(model.parameters()), nn.CrossEntropyLoss()
    train, test = Pictures(experiment, train=True), Pictures(experiment, train=False)
    size, losses, tests = experiment.data.batch_size, [], []
    for epoch in range(experiment.training.epochs):
        order = order_of_epoch(len(train), experiment.training.seed, epoch).tolist()
        model.train()
        # A generator of its own: a DataLoader draws a seed for its workers, even if it has none.
        for images, labels in DataLoader(train, size, sampler=order, generator=torch.Generator()):
            loss = loss_fn(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        total, correct = 0.0, 0
        with torch.no_grad():
            for images, labels in DataLoader(test, size, generator=torch.Generator()):
                logits = model(images)
                total += loss_fn(logits, labels).item() * len(labels)
                correct += int((logits.argmax(1) == labels).sum())
        tests.append((total / len(test), correct / len(test)))
    return model, losses, tests


DROPOUT = {"name": "mlp", "hidden_sizes": [48, 24], "dropout": 0.3}
PATTERNS = {"name": "synthetic", "train_samples": 300, "test_samples": 70, "size": 28}
COLOURS = {"name": "synthetic", "train_samples": 20, "test_samples": 8, "size": 12, "channels": 3}
MOMENTUM = {"name": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 1e-4, "nesterov": True}
SGD: Callable[[Any], torch.optim.Optimizer] = lambda parameters: torch.optim.SGD(  # noqa: E731
    parameters, lr=0.05, momentum=0.9, weight_decay=1e-4, nesterov=True
)
PLAIN_SGD: Callable[[Any], torch.optim.Optimizer] = lambda parameters: torch.optim.SGD(parameters, lr=0.1)  # noqa: E731
ADAM: Callable[[Any], torch.optim.Optimizer] = lambda parameters: torch.optim.Adam(parameters, lr=0.001)  # noqa: E731
ADAMW: Callable[[Any], torch.optim.Optimizer] = lambda parameters: torch.optim.AdamW(parameters, lr=0.001)  # noqa: E731

CASES = [
    pytest.param("softmax", "normal", "sgd", {}, softmax_by_hand, PLAIN_SGD, id="softmax-sgd"),
    pytest.param(DROPOUT, "default", "adam", {}, mlp_by_hand, ADAM, id="mlp-dropout-adam"),
    pytest.param(DROPOUT, "default", MOMENTUM, {}, mlp_by_hand, SGD, id="mlp-dropout-momentum"),
    pytest.param("lenet", "xavier_uniform", "adam", {"dataset": PATTERNS}, lenet_by_hand, ADAM, id="lenet-adam"),
    pytest.param("lenet", "xavier_uniform", MOMENTUM, {"dataset": PATTERNS}, lenet_by_hand, SGD, id="lenet-momentum"),
    pytest.param(
        "resnet18", "default", "adamw", {"dataset": COLOURS, "batch_size": 8}, resnet_by_hand, ADAMW, id="resnet-adamw"
    ),
]


@pytest.mark.parametrize(("model", "initializer", "optimizer", "data", "build", "make"), CASES)
def test_a_run_equals_the_plain_loop_bit_for_bit(
    small: Any, rows: Any, model: Any, initializer: str, optimizer: Any, data: Any, build: Any, make: Any
) -> None:
    """Losses, parameters and test accuracies are those of a hand-written loop over PIL pictures and a DataLoader."""
    experiment = small(model, optimizer, initializer=initializer, **data)
    training = Training(experiment)
    events = list(training.events())
    plain, losses, tests = train_plainly(experiment, build, make)

    assert [row[2] for row in rows(events)] == losses
    for mine, other in zip(training.model.state_dict().values(), plain.state_dict().values(), strict=True):
        assert torch.equal(mine, other)
    ended = [event for event in events if isinstance(event, EpochEnded)]
    assert [event.test_accuracy for event in ended] == [accuracy for _, accuracy in tests]
    assert [event.test_loss for event in ended] == pytest.approx([loss for loss, _ in tests], rel=1e-12)


def test_the_epochs_means_are_those_of_its_batches(small: Any, rows: Any) -> None:
    """Weighted by the batches' sizes: the last one is smaller."""
    events = list(Training(small("mlp", "adam")).events())
    for ended in (event for event in events if isinstance(event, EpochEnded)):
        losses, corrects, counts = zip(*(row[2:5] for row in rows(events) if row[0] == ended.epoch), strict=True)
        assert sum(counts) == 1500
        assert ended.train_loss == pytest.approx(np.dot(losses, counts) / 1500, rel=1e-12)
        assert ended.train_accuracy == sum(corrects) / 1500


def test_a_run_announces_what_its_batches_will_be(small: Any) -> None:
    """`RunStarted` gives the arithmetic: 1500 = 11 x 128 + 92, 297 = 2 x 128 + 41."""
    training = Training(small())
    started = next(event for event in training.events() if isinstance(event, RunStarted))
    assert (started.train_samples, started.batches_per_epoch, started.last_batch_size) == (1500, 12, 92)
    assert (started.test_samples, started.test_batches) == (297, 3)
    assert (started.epoch, started.batch, started.epochs, started.device) == (0, 0, 2, "cpu")
    assert started.parameters == 64 * 10 + 10
    assert started.data_bytes == (1500 + 297) * (64 + 8)


def test_events_come_in_the_order_in_which_things_happen(small: Any) -> None:
    """Batches 1 to 12, test batches 1 to 3, the epoch; twice; then the end."""
    events = list(Training(small()).events())
    epochs = [
        *(
            [("BatchEnded", epoch, number) for number in range(1, 13)]
            + [("Evaluating", epoch, n) for n in (1, 2, 3)]
            + [("EpochEnded", epoch, 0)]
            for epoch in (1, 2)
        )
    ]
    said = [
        (type(event).__name__, event.epoch, getattr(event, "batch", getattr(event, "done", 0)))
        for event in events
        if isinstance(event, BatchEnded | Evaluating | EpochEnded)
    ]
    assert said == [*epochs[0], *epochs[1]]
    assert isinstance(events[-1], RunEnded)
    assert (events[-1].outcome, events[-1].epoch, events[-1].batch) == ("completed", 2, 0)


def test_without_shuffle_every_epoch_has_the_stored_order(small: Any) -> None:
    """Batch k is the k-th slice of the training set."""
    training = Training(small(shuffle=False, batch_size=400))
    seen: list[Tensor] = []
    for event in training.events():
        if isinstance(event, RunStarted):
            training.model.register_forward_pre_hook(
                lambda _, inputs: seen.append(inputs[0]) if torch.is_grad_enabled() else None
            )
    stored = torch.cat([images for images, _ in training.prepared.train.batches(training.prepared.transforms.plain)])
    assert torch.equal(torch.cat(seen), torch.cat([stored] * 2))


def test_with_drop_last_the_incomplete_batch_is_not_trained(small: Any, rows: Any) -> None:
    """1500 // 400 = 3 batches of 400; the means are over the 1200 samples seen; the test set is whole."""
    events = list(Training(small(drop_last=True, batch_size=400, epochs=1)).events())
    assert [(row[1], row[4]) for row in rows(events)] == [(1, 400), (2, 400), (3, 400)]
    ended = next(event for event in events if isinstance(event, EpochEnded))
    assert ended.train_accuracy == sum(row[3] for row in rows(events)) / 1200
    assert [event.done for event in events if isinstance(event, Evaluating)] == [1]


def test_given_weights_replace_the_initializers(small: Any) -> None:
    """A run can start from another's parameters."""
    first = Training(small(epochs=1))
    list(first.events())
    second = Training(small(epochs=1), weights=first.model.state_dict())
    next(event for event in second.events() if isinstance(event, RunStarted))
    assert all(map(torch.equal, first.model.state_dict().values(), second.model.state_dict().values()))


WIDE = {"name": "mlp", "hidden_sizes": [32, 32, 32]}


@pytest.mark.parametrize("block_seconds", [0.0, float("inf")])
def test_a_diverged_run_ends_and_names_the_first_bad_batch(small: Any, rows: Any, block_seconds: float) -> None:
    """However late its number is read; no exception, and what was said before is finite."""
    events = list(Training(small(WIDE, {"name": "sgd", "lr": 1e9}), block_seconds=block_seconds).events())
    end, bad = events[-1], next(row for row in rows(events) if not np.isfinite(row[2]))
    assert isinstance(end, RunEnded)
    assert end.outcome == "diverged"
    assert f"batch {bad[1]} in epoch {bad[0]}" in end.reason
    assert "1e+09" in end.next_step
    assert 1 < bad[1] < 12
    assert not any(isinstance(event, EpochEnded) for event in events)


def test_a_run_whose_last_step_spoils_the_model_has_diverged(small: Any, rows: Any) -> None:
    """The one loss of the epoch was finite, the test loss is not: no epoch is claimed to have ended well."""
    events = list(Training(small(WIDE, {"name": "sgd", "lr": 1e12}, batch_size=1500, epochs=1)).events())
    assert np.isfinite(rows(events)[0][2])
    assert isinstance(events[-1], RunEnded)
    assert events[-1].outcome == "diverged"
    assert "test set after epoch 1" in events[-1].reason
    assert not any(isinstance(event, EpochEnded) for event in events)


def test_a_device_that_is_missing_is_an_error_before_anything_is_loaded(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a silent fall-back; the message names the device and those that are there."""
    experiment = small().model_copy(update={"device": small().device.model_copy(update={"name": "cuda:99"})})
    monkeypatch.setattr(type(experiment.data.dataset), "load", None)
    with pytest.raises(DeviceMissing, match=r"no device cuda:99.*cpu"):
        next(Training(experiment).events())


def test_memory_that_is_kept_for_steps_is_given_back_around_them(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, because to read and resize takes more than to train; behind, because others want it."""
    seen: list[str] = []
    monkeypatch.setattr("desktop_trainer.process.give_back", lambda: seen.append("given back"))
    for event in Training(small()).events():
        if isinstance(event, RunStarted | BatchEnded | RunEnded) and seen[-1:] != [name := type(event).__name__]:
            seen.append(name)
    assert seen == ["given back", "RunStarted", "BatchEnded", "RunEnded", "given back"]


def test_the_run_says_what_else_can_change_its_last_digits(small: Any) -> None:
    """Threads, of which each adds up a part, and test batches of another size."""
    experiment = small(device={"threads": 1}, test_batch_size=20)
    started = next(event for event in Training(experiment).events() if isinstance(event, RunStarted))
    assert started.step == "test_batch_size=20, threads=1"
