"""Batches from memory are those that the tutorials' readers give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate as interpolate_all
from torchvision.datasets import FashionMNIST
from torchvision.transforms import ToTensor
from torchvision.transforms.functional import resize

from desktop_trainer.engine import data
from desktop_trainer.engine.data import InMemory, order_of_epoch, resized
from desktop_trainer.engine.images.transforms import ToFloat
from desktop_trainer.experiment.batches import BatchPlan
from desktop_trainer.experiment.data_settings import DataSettings

PLAIN = ToFloat(torch.device("cpu"))


def test_images_equal_torchvisions_to_tensor_bit_for_bit(real_data: Path) -> None:
    """On real pictures, in shuffled order."""
    pictures = FashionMNIST(real_data, train=False, transform=ToTensor())
    settings = DataSettings.model_validate(
        {"dataset": "fashion_mnist", "data_root": str(real_data), "batch_size": 64, "shuffle": True}
    )
    split = InMemory(*settings.dataset.load(real_data, train=False), settings.test_plan)
    order = order_of_epoch(10_000, seed=1, epoch=0)
    images, labels = next(split.batches(PLAIN, order, 2))
    expected = [pictures[index] for index in order[128:192].tolist()]
    assert torch.equal(images, torch.stack([image for image, _ in expected]))
    assert labels.tolist() == [label for _, label in expected]


def test_every_grey_level_is_divided_exactly() -> None:
    """All 256 of them: not multiplied by the reciprocal, which is off in the last bit for some."""
    levels = torch.arange(256, dtype=torch.uint8)
    split = InMemory(levels.reshape(256, 1, 1, 1), torch.zeros(256, dtype=torch.int64), BatchPlan(256, 256))
    images, _ = next(split.batches(PLAIN))
    assert images.dtype == torch.float32
    assert images.flatten().tolist() == (levels.float() / 255).tolist()
    assert images.flatten().tolist() != (levels.float() * (1 / 255)).tolist()


def test_the_last_batch_is_what_is_left() -> None:
    """10 samples in batches of 4: 4, 4, 2; in the given order and without one."""
    labels = torch.arange(10)
    split = InMemory(labels.to(torch.uint8).reshape(10, 1, 1, 1), labels, BatchPlan(10, 4))
    assert [labels.tolist() for _, labels in split.batches(PLAIN)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    backwards = torch.arange(9, -1, -1)
    assert [labels.tolist() for _, labels in split.batches(PLAIN, backwards)] == [[9, 8, 7, 6], [5, 4, 3, 2], [1, 0]]
    assert next(split.batches(PLAIN, backwards, 2))[0].flatten().tolist() == [torch.tensor(1) / 255, 0]
    assert split.nbytes == 10 + 80


def test_a_batch_does_not_share_memory_with_the_data() -> None:
    """Whoever changes a batch in place does not change the dataset."""
    split = InMemory(torch.full((4, 1, 2, 2), 7, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64), BatchPlan(4, 4))
    next(split.batches(PLAIN))[0].zero_()
    assert (split.images == 7).all()


@pytest.mark.parametrize(("images", "labels"), [(3, 4), (4, 3)])
def test_a_split_that_is_not_what_was_declared_is_refused(images: int, labels: int) -> None:
    """Else the last batches would be silently short."""
    with pytest.raises(ValueError, match=f"4 samples were declared, {images} images and {labels} labels"):
        InMemory(torch.zeros(images, 1, 1, 1, dtype=torch.uint8), torch.zeros(labels), BatchPlan(4, 2))


def test_the_order_is_a_pure_function_of_seed_and_epoch() -> None:
    """A permutation; the same again; another for another seed or epoch; torch's own generator is untouched."""
    torch.manual_seed(5)
    before = torch.get_rng_state()
    order = order_of_epoch(1000, seed=3, epoch=2)
    assert torch.equal(order.sort().values, torch.arange(1000))
    assert torch.equal(order, order_of_epoch(1000, seed=3, epoch=2))
    others = [(2, 2), (3, 3), (2, 3), (4, 1)]
    assert not any(torch.equal(order, order_of_epoch(1000, seed, epoch)) for seed, epoch in others)
    assert torch.equal(torch.get_rng_state(), before)


def test_resizing_is_torchvisions() -> None:
    """Bilinear with antialiasing, smaller and larger, across the parts that are done at a time."""
    images = torch.randint(0, 256, (4100, 3, 6, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for size in (4, 12):
        mine, other = resized(images, size), resize(images, [size, size], antialias=True)
        assert mine.shape == (4100, 3, size, size)
        assert mine.dtype == torch.uint8
        assert int((mine.int() - other.int()).abs().max()) <= 1
        assert float((mine != other).float().mean()) < 0.01


def test_resizing_leaves_what_fits_and_keeps_flat_colours() -> None:
    """0 means as they are; a picture of one colour stays one."""
    images = torch.full((5, 1, 8, 8), 200, dtype=torch.uint8)
    assert resized(images, 0) is images
    assert resized(images, 8) is images
    assert (resized(images, 5) == 200).all()


def test_large_images_are_resized_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this takes beside the images does not depend on how large they are; the results are the same."""
    images = torch.randint(0, 256, (7, 3, 400, 300), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    together, sizes = resized(images, 20), []

    def interpolate(part: Tensor, *arguments: Any, **more: Any) -> Tensor:
        sizes.append(part.numel())
        return interpolate_all(part, *arguments, **more)

    monkeypatch.setattr(data, "interpolate", interpolate)
    monkeypatch.setattr(data, "_AT_ONCE", 800_000)
    assert torch.equal(resized(images, 20), together)
    assert sum(sizes) == images.numel()
    assert max(sizes) <= 800_000
