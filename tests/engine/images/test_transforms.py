"""What a model sees of a sample in an epoch is a function of the sample, the seed and the epoch, however the
batches are made.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from desktop_trainer.engine.data import InMemory, Transform, order_of_epoch
from desktop_trainer.engine.events import EpochEnded, Evaluated, RunStarted
from desktop_trainer.engine.examination import examine
from desktop_trainer.engine.images.augmentation import steps, switched_on
from desktop_trainer.engine.images.normalization import IMAGENET, Statistics
from desktop_trainer.engine.images.transforms import Transforms
from desktop_trainer.engine.lines import start_line
from desktop_trainer.engine.training import Training
from desktop_trainer.engine.weights import ModelMismatch
from desktop_trainer.experiment.augmentation_settings import AugmentationSettings
from desktop_trainer.experiment.batches import BatchPlan
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.problems import parse_experiment

CPU = torch.device("cpu")
SAMPLES = 150
GIVEN = Statistics((0.4,), (0.3,))


def info_of(channels: int, height: int = 13, width: int = 11) -> DataInfo:
    return DataInfo(SAMPLES, 10, channels, height, width, ("a", "b"))


def images_of(info: DataInfo) -> Tensor:
    shape = SAMPLES, info.channels, info.height, info.width
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def transforms(
    info: DataInfo, augmentation: dict[str, float], normalization: str = "none", seed: int = 0
) -> Transforms:
    values = {"data": {"normalization": normalization}, "augmentation": augmentation, "training": {"seed": seed}}
    return Transforms(parse_experiment(values), info, CPU)


def seen(images: Tensor, transform: Transform, batch_size: int, order: Tensor | None = None) -> Tensor:
    """What becomes of each sample, in the stored order."""
    split = InMemory(images, torch.arange(len(images)), BatchPlan(len(images), batch_size))
    batches, labels = zip(*split.batches(transform, order), strict=True)
    return torch.cat(batches)[torch.cat(labels).argsort()]


def test_with_all_switched_off_images_are_only_divided() -> None:
    """Bit for bit, by the transform of the examination; also with other channels than one or three."""
    for channels in (1, 2, 3, 4):
        info = info_of(channels)
        plain = transforms(info, {})
        assert plain.of_epoch(3) is plain.plain
        images = images_of(info)
        assert torch.equal(plain.plain(images, torch.arange(SAMPLES)), images / torch.tensor(255.0))
        assert plain.words == []


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_sample_is_the_same_in_whatever_batch_it_is(everything: dict[str, float], channels: int) -> None:
    """Of one, of seven, of all; shuffled and in the stored order: bit for bit. The stored bytes do not change."""
    info = info_of(channels)
    images, transform = images_of(info), transforms(info, everything, "symmetric").of_epoch(2)
    before, whole = images.clone(), seen(images, transform, SAMPLES)
    for batch_size in (1, 7, 64):
        for order in (None, order_of_epoch(SAMPLES, 1, 0)):
            assert torch.equal(seen(images, transform, batch_size, order), whole)
    assert torch.equal(images, before)
    assert whole.shape == images.shape
    assert whole.isfinite().all()


def test_a_large_sample_is_the_same_alone() -> None:
    """One that is large enough for two threads: the sum over its pixels, too, is taken in the same order."""
    info, before = info_of(1, 224, 224), torch.get_num_threads()
    images, transform = images_of(info)[:40], transforms(info, {"contrast": 0.4}).of_epoch(0)
    torch.set_num_threads(2)
    try:
        assert torch.equal(seen(images, transform, 1), seen(images, transform, 40))
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", list(AugmentationSettings.model_fields))
def test_every_change_is_another_in_each_epoch_and_with_each_seed(everything: dict[str, float], name: str) -> None:
    """And the same again for the same; it differs from sample to sample."""
    info = info_of(3)
    images = images_of(info)[:1].expand(SAMPLES, -1, -1, -1)
    found = {
        (seed, epoch): seen(images, transforms(info, {name: everything[name]}, seed=seed).of_epoch(epoch), 64)
        for seed, epoch in ((0, 0), (0, 1), (1, 0))
    }
    again = seen(images, transforms(info, {name: everything[name]}).of_epoch(0), 64)
    assert torch.equal(found[0, 0], again)
    assert not torch.equal(found[0, 0], found[0, 1])
    assert not torch.equal(found[0, 0], found[1, 0])
    assert not torch.equal(again, again[:1].expand_as(again))


def test_to_switch_one_on_leaves_the_draws_of_the_others(everything: dict[str, float]) -> None:
    """Each has columns of its own, whichever others are on: those that it had in every run before."""

    def columns(augmentation: dict[str, float]) -> list[int]:
        made = steps(AugmentationSettings.model_validate(augmentation), info_of(3), CPU)
        return [column for step in made.all for column in step.columns]

    alone = [columns({name: amount}) for name, amount in everything.items()]
    assert [len(each) for each in alone] == [1, 1, 2, 1, 4, 1, 1, 1, 1, 5]
    assert columns(everything) == [column for each in alone for column in each] == list(range(18))


def test_no_generator_is_touched(everything: dict[str, float]) -> None:
    """Else dropout would depend on whether images are varied."""
    before = torch.get_rng_state()
    info = info_of(3)
    seen(images_of(info), transforms(info, everything, "symmetric").of_epoch(0), 32)
    assert torch.equal(torch.get_rng_state(), before)


def inputs_of(training: Training, *, learning: bool) -> list[Tensor]:
    """What the model sees while it learns, or while it is examined, in a whole run."""
    found: list[Tensor] = []
    for event in training.events():
        if isinstance(event, RunStarted):
            training.model.register_forward_pre_hook(
                lambda model, inputs: found.append(inputs[0]) if model.training is learning else None
            )
    return found


def test_training_images_are_varied_and_test_images_are_not(small: Any, everything: dict[str, float]) -> None:
    """Both are normalised; each epoch varies anew."""
    experiment = small(normalization="symmetric", augmentation=everything, shuffle=False, batch_size=1500)
    learned = inputs_of(Training(experiment), learning=True)
    training = Training(experiment)
    examined = inputs_of(training, learning=False)
    stored = training.prepared.test.read(range(297))
    assert all(torch.equal(images, (stored / torch.tensor(255.0)).sub(0.5).div(0.5)) for images in examined)
    assert len(learned) == len(examined) == 2
    assert not torch.equal(learned[0], learned[1])


def test_what_was_done_is_said(small: Any) -> None:
    """By the names of the settings, in the line that a run begins with."""
    experiment = small(normalization="symmetric", augmentation={"flip": 0.5, "shift": 4, "crop": 0.8})
    started = next(event for event in Training(experiment).events() if isinstance(event, RunStarted))
    assert started.step == "normalization symmetric, augmentation (flip 0.5, shift 4, crop 0.8)"
    assert start_line(experiment, started).endswith(f"; computed with {started.step}")


@pytest.mark.parametrize("normalization", ["none", "dataset", "symmetric"])
def test_an_examination_sees_what_the_run_saw(small: Any, normalization: str) -> None:
    """The figures are those of the run: with its own statistics, and with those that are measured for want of them."""
    experiment = small(normalization=normalization, augmentation={"shift": 1}, epochs=1)
    training = Training(experiment)
    ended = next(event for event in training.events() if isinstance(event, EpochEnded))
    weights = {name: tensor.clone() for name, tensor in training.model.state_dict().items()}
    for statistics in (training.statistics, None):
        found = list(examine(experiment, weights, statistics))[-1]
        assert isinstance(found, Evaluated)
        assert (found.loss, found.accuracy) == (ended.test_loss, ended.test_accuracy)


def test_an_examination_trusts_the_models_own_statistics(small: Any) -> None:
    """Not the files, which may be others: with other numbers come other figures; of other channels they are refused."""
    experiment = small(normalization="dataset", epochs=1)
    training = Training(experiment)
    ended = next(event for event in training.events() if isinstance(event, EpochEnded))
    weights = {name: tensor.clone() for name, tensor in training.model.state_dict().items()}
    found = list(examine(experiment, weights, GIVEN))[-1]
    assert isinstance(found, Evaluated)
    assert found.loss != ended.test_loss
    with pytest.raises(ModelMismatch, match=r"means of 3 channels; these images have 1"):
        list(examine(experiment, weights, IMAGENET))


@pytest.mark.parametrize("channels", [1, 3])
def test_no_number_of_a_batch_is_waited_for(everything: dict[str, float], channels: int) -> None:
    """On torch's device ``meta``, which has shapes and no numbers, whatever would read one from a device fails."""
    info, device = info_of(channels), torch.device("meta")
    experiment = parse_experiment({"data": {"normalization": "symmetric"}, "augmentation": everything})
    transform = Transforms(experiment, info, device).of_epoch(0)
    found = transform(images_of(info).to(device), torch.arange(SAMPLES, device=device))
    assert found.shape == (SAMPLES, channels, info.height, info.width)
    assert found.dtype == torch.float32


def test_what_does_nothing_to_grey_images_is_not_said_to_be_on() -> None:
    """A run names what was done."""
    said = switched_on(AugmentationSettings(hue=0.3, saturation=0.2, flip=0.5), 1)
    assert said == {"flip": 0.5}
    assert set(switched_on(AugmentationSettings(hue=0.3, saturation=0.2), 3)) == {"hue", "saturation"}
