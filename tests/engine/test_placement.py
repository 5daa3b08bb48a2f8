"""Where samples lie is decided before they are read, and said in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from desktop_trainer.engine import placement
from desktop_trainer.engine.events import Evaluating, Loading, RunStarted
from desktop_trainer.engine.lines import start_line
from desktop_trainer.engine.placement import DataTooLarge, choose_place
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.data_settings import DataSettings

CPU = torch.device("cpu")
BIG = {"name": "synthetic", "train_samples": 400_000, "channels": 4, "size": 256}
"""262 152 bytes a sample."""


@pytest.fixture
def place_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The place, in words, of so many samples of `BIG` where that many megabytes are free."""

    def place(samples: int, free_mb: float = 1000, **settings: Any) -> str:
        monkeypatch.setattr(placement, "free_memory", lambda _: int(free_mb * 1e6))
        return str(choose_place(DataSettings.model_validate({"dataset": BIG, **settings}), samples, CPU))

    return place


def test_a_quarter_of_the_free_memory_may_be_taken(place_of: Any) -> None:
    """953 samples are 249.8 MB, 954 are 250.1 MB."""
    assert place_of(953) == "in memory, 250 MB on cpu"
    assert place_of(954) == "streamed by 2 workers"
    assert place_of(4, free_mb=8) == "in memory, 1.0 MB on cpu"


def test_a_limit_of_its_own_counts_instead(place_of: Any) -> None:
    assert place_of(2000, memory_limit_mb=600) == "in memory, 524 MB on cpu"
    assert place_of(2000, memory_limit_mb=500, workers=1) == "streamed by 1 worker"


def test_what_is_resized_counts_before_and_after(place_of: Any) -> None:
    """It is read whole first; what is then said is what stays."""
    assert place_of(940, image_size=16) == "in memory, 1.0 MB on cpu"
    assert place_of(953, image_size=16) == "streamed by 2 workers"


def test_the_choice_can_be_overridden(place_of: Any) -> None:
    assert place_of(1, placement="stream", workers=0) == "streamed without workers"
    assert place_of(953, placement="memory") == "in memory, 250 MB on cpu"


def test_memory_that_does_not_suffice_is_refused_with_both_numbers_and_a_way_out(place_of: Any) -> None:
    with pytest.raises(DataTooLarge) as refused:
        place_of(10_000, placement="memory")
    for part in ("takes 2 622 MB", "250 MB are allowed on cpu", "placement auto or stream"):
        assert part in str(refused.value)


@pytest.mark.parametrize(("on_the_card", "in_the_machine"), [(1000, 64), (64, 1000)])
def test_on_the_way_to_a_graphics_card_the_samples_need_room_in_the_machine_too(
    monkeypatch: pytest.MonkeyPatch, on_the_card: int, in_the_machine: int
) -> None:
    """16 MB are a quarter of what is free where less is: 61 samples."""
    free = {"cuda": on_the_card * 1_000_000, "cpu": in_the_machine * 1_000_000}
    monkeypatch.setattr(placement, "free_memory", lambda device: free[device.type])
    settings, card = DataSettings.model_validate({"dataset": BIG}), torch.device("cuda:0")
    assert str(choose_place(settings, 61, card)) == "in memory, 16 MB on cuda:0"
    assert str(choose_place(settings, 62, card)) == "streamed by 2 workers"
    forced = DataSettings.model_validate({"dataset": BIG, "placement": "memory"})
    with pytest.raises(DataTooLarge, match=f"16 MB are allowed on {min(free, key=lambda kind: free[kind])}"):
        choose_place(forced, 62, card)


def test_a_run_that_does_not_fit_ends_before_anything_is_read(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dataset that exceeds the memory must not be read to find that out."""
    training = Training(small(dataset=BIG, placement="memory", memory_limit_mb=1, image_size=8))
    monkeypatch.setattr("desktop_trainer.catalog.datasets.synthetic.Synthetic.load", pytest.fail)
    with pytest.raises(DataTooLarge):
        assert all(isinstance(event, Loading) for event in training.events())


@pytest.mark.parametrize("placement", ["memory", "stream"])
def test_the_test_set_is_examined_in_batches_of_its_own_size(small: Any, placement: str) -> None:
    experiment = small(batch_size=100, test_batch_size=200, placement=placement, workers=0)
    events = list(Training(experiment).events())
    started = next(event for event in events if isinstance(event, RunStarted))
    assert (started.test_samples, started.test_batches) == (297, 2)
    assert max(event.total for event in events if isinstance(event, Evaluating)) == 2


def test_a_run_says_where_its_samples_lie(small: Any) -> None:
    """1797 digits of 64 bytes and labels of 8."""
    experiment = small()
    started = next(event for event in Training(experiment).events() if isinstance(event, RunStarted))
    assert started.data_place == "in memory, 0.1 MB on cpu"
    assert started.data_bytes == 1797 * 72
    assert "on cpu, data in memory, 0.1 MB on cpu: 1 500 training samples" in start_line(experiment, started)
