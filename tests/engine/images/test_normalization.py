"""Normalisation is torchvision's; what is measured is exact, the same from memory and from files, and kept with the
run.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.transforms import Compose, Normalize, ToTensor

from desktop_trainer.engine import setup
from desktop_trainer.engine.data import InMemory, Split
from desktop_trainer.engine.events import BatchEnded, Event, Loading, RunStarted
from desktop_trainer.engine.images import normalization
from desktop_trainer.engine.images.normalization import IMAGENET, Statistics, measure, symmetric
from desktop_trainer.engine.images.transforms import ToFloat, Transforms
from desktop_trainer.engine.streaming import Streamed
from desktop_trainer.engine.training import Training
from desktop_trainer.engine.weights import StateMismatch
from desktop_trainer.experiment.batches import BatchPlan
from desktop_trainer.experiment.data import LoadedSamples
from desktop_trainer.files.errors import DataDamaged

CPU = torch.device("cpu")
IMAGES = torch.randint(0, 256, (250, 3, 6, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
IMAGES[:, 1] //= 3
LABELS = torch.arange(250)
PLAN = BatchPlan(250, 32)
NORMALIZED = {"normalization": "dataset", "augmentation": {"shift": 1, "erase": 0.5}}


def in_memory(images: Tensor = IMAGES) -> InMemory:
    return InMemory(images, LABELS[: len(images)], BatchPlan(len(images), 32))


def statistics_of(split: InMemory | Streamed) -> tuple[Statistics, list[Loading]]:
    """What was measured, and what was said on the way."""
    events, said = measure(split), []
    while True:
        try:
            said.append(next(events))
        except StopIteration as end:
            return end.value, [event for event in said if isinstance(event, Loading)]


@pytest.mark.parametrize("statistics", [IMAGENET, symmetric(3)])
def test_images_equal_torchvisions_normalize_bit_for_bit(statistics: Statistics) -> None:
    """After its ``ToTensor``, on every grey level of each channel; the bytes stay."""
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(1, 3, 16, 16).contiguous()
    theirs = Compose([ToTensor(), Normalize(statistics.mean, statistics.std)])
    image = Image.fromarray(levels[0].permute(1, 2, 0).numpy())
    assert torch.equal(ToFloat(CPU, statistics)(levels, torch.arange(1))[0], theirs(image))
    assert levels.flatten()[:256].tolist() == list(range(256))


def test_measured_images_have_mean_0_and_standard_deviation_1() -> None:
    """In each channel, over all training images."""
    statistics, _ = statistics_of(in_memory())
    found = ToFloat(CPU, statistics)(IMAGES, LABELS).double()
    assert found.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert found.std((0, 2, 3), correction=0).tolist() == pytest.approx([1, 1, 1], abs=1e-6)


def test_what_is_measured_is_exact_and_the_same_from_everywhere() -> None:
    """NumPy's figures in double precision; bit for bit from memory and streamed; progress is told."""
    statistics, said = statistics_of(in_memory())
    pixels = IMAGES.double().numpy() / 255
    assert statistics.mean == pytest.approx(pixels.mean((0, 2, 3)).tolist(), rel=1e-13)
    assert statistics.std == pytest.approx(pixels.std((0, 2, 3)).tolist(), rel=1e-12)
    streamed = Streamed(LoadedSamples(IMAGES, LABELS), PLAN, 0, CPU, 0)
    assert statistics_of(streamed)[0] == statistics
    assert [(event.done, event.total) for event in said] == [(0, 250), (64, 250), (128, 250), (192, 250)]


def test_of_many_images_some_are_measured_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 of 250: each 25th."""
    monkeypatch.setattr(normalization, "MOST_SAMPLES", 10)
    assert statistics_of(in_memory())[0] == statistics_of(in_memory(IMAGES[::25]))[0]
    assert statistics_of(in_memory())[0] != statistics_of(in_memory(IMAGES[:10]))[0]


def test_a_channel_of_one_colour_is_only_shifted() -> None:
    """Nothing is divided by 0; a channel that hardly varies is still told from one that does not."""
    images = torch.zeros(4, 3, 2, 2, dtype=torch.uint8)
    images[:, 1], images[0, 2, 0, 0] = 51, 1
    statistics, _ = statistics_of(in_memory(images))
    assert statistics.mean[:2] == (0, 0.2)
    assert statistics.std[:2] == (1, 1)
    assert 0 < statistics.std[2] < 0.01


class Bad(LoadedSamples):
    """Samples that cannot be read."""

    def read(self, indices: Sequence[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        raise DataDamaged(f"These files are bad: {indices}.")


def test_an_image_that_cannot_be_read_is_said() -> None:
    with pytest.raises(DataDamaged, match="bad"):
        statistics_of(Streamed(Bad(IMAGES, LABELS), PLAN, 0, CPU, 0))


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        {},
        {"mean": [0.5]},
        {"mean": [0.5], "std": []},
        {"mean": [], "std": []},
        {"mean": [0.5], "std": [0]},
        {"mean": [0.5], "std": [1e-300]},
        {"mean": [-0.1], "std": [0.5]},
        {"mean": [0.5], "std": [1.5]},
        {"mean": 0.5, "std": 0.5},
        {"mean": [float("nan")], "std": [0.5]},
        {"mean": [True], "std": [0.5]},
        {"mean": ["0"], "std": [0.5]},
        {"mean": [10**400], "std": [0.5]},
        {"mean": [0.5], "std": [0.5], "more": 1},
        {"mean": [0.5] * 2, "std": [0.5]},
    ],
)
def test_statistics_that_are_none_are_refused(values: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        Statistics.read(values)


def test_statistics_come_back_from_plain_values() -> None:
    assert Statistics.read(IMAGENET.values(), 3) == IMAGENET
    with pytest.raises(ValueError, match="3 numbers for 1 channels"):
        Statistics.read(IMAGENET.values(), 1)


def test_statistics_of_other_channels_are_not_broadcast(small: Any) -> None:
    """One grey channel is not to become three."""
    experiment = small(normalization="dataset")
    with pytest.raises(ValueError, match="1 channels, and statistics of 3"):
        Transforms(experiment, experiment.data.info, CPU, IMAGENET)


def test_a_run_measures_once_and_says_so(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first batch, on the training images; streamed runs measure the same and train the same."""
    calls: list[Split] = []

    def counted(split: Split) -> Generator[Event, None, Statistics]:
        calls.append(split)
        return measure(split)

    monkeypatch.setattr(setup, "measure", counted)
    ends = []
    for place in ({}, {"placement": "stream", "workers": 0}):
        run = Training(small(**NORMALIZED, **place))
        events = list(run.events())
        (started,) = [number for number, event in enumerate(events) if isinstance(event, RunStarted)]
        measuring = [event for event in events[:started] if isinstance(event, Loading) and "Measuring" in event.what]
        assert measuring[-1].total == 1500
        event = events[started]
        assert isinstance(event, RunStarted)
        assert event.step == f"normalization dataset ({run.statistics}), augmentation (shift 1, erase 0.5)"
        ends.append(run.state()["model"])
    assert len(calls) == 2
    assert all(map(torch.equal, ends[0].values(), ends[1].values()))
    list(run.events())
    assert len(calls) == 2


def stopped_in_the_middle(experiment: Any) -> dict[str, Any]:
    """The state after the third batch."""
    run = Training(experiment)
    events = run.events()
    next(event for event in events if isinstance(event, BatchEnded) and event.batch == 3)
    events.close()
    return run.state()


def test_a_run_that_goes_on_keeps_its_statistics(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured again: the files may have changed."""
    state = stopped_in_the_middle(small(**NORMALIZED))
    monkeypatch.setattr(setup, "measure", None)
    again = Training(small(**NORMALIZED))
    again.load_state(state)
    list(again.events())
    assert again.state()["statistics"] == state["statistics"]


def test_a_state_without_statistics_still_goes_on(small: Any, same: Any, timeless: Any) -> None:
    """As checkpoints were before there were any."""
    whole, again = Training(small()), Training(small())
    list(whole.events())
    state = stopped_in_the_middle(small())
    assert state.pop("statistics") is None
    again.load_state(state)
    list(again.events())
    assert same(timeless(again), timeless(whole))


@pytest.mark.parametrize("forged", ["x", {"mean": [0.5], "std": [0]}, IMAGENET.values()])
def test_forged_statistics_in_a_state_are_refused(small: Any, forged: Any) -> None:
    again = Training(small(**NORMALIZED))
    again.load_state({**stopped_in_the_middle(small(**NORMALIZED)), "statistics": forged})
    with pytest.raises(StateMismatch, match="does not fit"):
        list(again.events())


def test_the_real_images_have_their_well_known_numbers(small: Any, real_data: Path) -> None:
    """Fashion-MNIST: 0.2860 and 0.3530, as many programs write them down."""
    run = Training(small(dataset="fashion_mnist", data_root=str(real_data), normalization="dataset"))
    next(event for event in run.events() if isinstance(event, RunStarted))
    assert run.statistics is not None
    assert run.statistics.mean == pytest.approx((0.2860,), abs=0.002)
    assert run.statistics.std == pytest.approx((0.3530,), abs=0.002)
