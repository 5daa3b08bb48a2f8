"""Whoever pulls the events may do anything between two of them: nothing of the engine is held open there."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from desktop_trainer.engine.events import BatchEnded, Evaluating, Event, RunEnded, RunStarted
from desktop_trainer.engine.training import Training

NEVER = float("inf")
DROPOUT = {"name": "mlp", "hidden_sizes": [24], "dropout": 0.5}


def test_gradients_are_on_and_the_model_trains_at_every_event(small: Any) -> None:
    """Also in the evaluation: the consumer does not run inside ``no_grad``, nor find the model in its other mode."""
    training = Training(small(DROPOUT))
    for event in training.events():
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
        if isinstance(event, BatchEnded | Evaluating):
            assert all(module.training for module in training.model.modules())


def test_the_evaluation_leaves_the_model_as_it_was(small: Any, same: Any) -> None:
    """Parameters, the running means of batch norm and the random numbers."""
    colours = {"name": "synthetic", "train_samples": 12, "test_samples": 12, "size": 8, "channels": 3}
    training = Training(small("resnet18", dataset=colours, batch_size=6, epochs=1))
    before: dict[str, Any] = {}
    evaluated = 0
    for event in training.events():
        if isinstance(event, BatchEnded):
            before = training.state()
        elif isinstance(event, Evaluating):
            evaluated += 1
            state = training.state()
            assert same([state["model"], state["rng"]], [before["model"], before["rng"]])
    assert evaluated == 2


def test_the_evaluation_does_without_dropout(small: Any) -> None:
    """What is examined is the model that will be used: one pass over the test set gives the same accuracy."""
    training = Training(small(DROPOUT, epochs=1))
    ended = list(training.events())[-2]
    training.model.eval()
    images, labels = map(
        torch.cat, zip(*training.prepared.test.batches(training.prepared.transforms.plain), strict=True)
    )
    assert ended.test_accuracy == int((training.model(images).argmax(1) == labels).sum()) / 297  # type: ignore[union-attr]


def test_a_generator_that_is_forgotten_leaves_no_trace(small: Any, same: Any) -> None:
    """Dropped in the middle of training or evaluation it changes neither the state nor the process."""
    for kind in (BatchEnded, Evaluating):
        training, threads = Training(small(DROPOUT)), torch.get_num_threads()
        events = training.events()
        assert any(isinstance(event, kind) for event in events)
        state = training.state()
        del events
        gc.collect()
        assert same(training.state(), state)
        assert torch.is_grad_enabled()
        assert all(module.training for module in training.model.modules())
        assert torch.get_num_threads() == threads


def test_the_number_of_threads_is_the_runs_own(small: Any) -> None:
    """Inside a step it is the setting, between two events and after the run what it was."""
    before = torch.get_num_threads()
    training, inside = Training(small(threads=before + 2)), set()
    for event in training.events():
        assert torch.get_num_threads() == before
        if isinstance(event, RunStarted):
            training.model.register_forward_hook(lambda *_: inside.add(torch.get_num_threads()))
    assert inside == {before + 2}
    assert torch.get_num_threads() == before


def test_an_error_in_a_step_leaves_the_process_as_it_was(small: Any) -> None:
    """The error passes through; the number of threads is put back and the clock stands."""
    before = torch.get_num_threads()
    training = Training(small(threads=before + 2))
    events = training.events()
    assert any(isinstance(event, BatchEnded) for event in events)
    training.loss_fn = _fail
    with pytest.raises(MemoryError):
        list(events)
    assert torch.get_num_threads() == before
    assert training.watch.read() == training.watch.read()
    assert (training.epoch, training.batch) == (0, 1)


def _fail(logits: Tensor, labels: Tensor) -> Tensor:
    raise MemoryError


def _parts(value: Any) -> Iterator[Any]:
    yield value
    if is_dataclass(value):
        for item in fields(value):
            yield from _parts(getattr(value, item.name))
    elif isinstance(value, dict):
        for part in value.values():
            yield from _parts(part)


def _equal(one: Event, other: Event) -> bool:
    pairs = zip(_parts(one), _parts(other), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs if not is_dataclass(a))


def test_events_hold_plain_values_and_survive_pickling(small: Any) -> None:
    """Python's and NumPy's, none a view of a tensor: they can wait in a queue or go to another process."""
    for event in Training(small("lenet", dataset={"name": "synthetic"}), block_seconds=0).events():
        for part in _parts(event):
            assert is_dataclass(part) or part is None or isinstance(part, int | float | str | dict | np.ndarray)
        copy = pickle.loads(pickle.dumps(event))
        assert type(copy) is type(event)
        assert _equal(copy, event)


class Clock:
    """A clock that a test moves."""

    def __init__(self, tick: float) -> None:
        self.now, self.tick = 100.0, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


@pytest.mark.parametrize("tick", [0.0, 0.25])
def test_pauses_are_not_counted(small: Any, monkeypatch: pytest.MonkeyPatch, tick: float) -> None:
    """An hour between any two events; the seconds of records, epochs and run are those of the work alone."""
    clock = Clock(tick)
    monkeypatch.setattr("desktop_trainer.engine.stopwatch.perf_counter", clock)
    training, seconds = Training(small(), block_seconds=0), []
    for event in training.events():
        clock.now += 3600
        assert training.watch.read() == training.watch.read()
        if isinstance(event, BatchEnded) and event.records is not None:
            seconds += event.records.seconds.tolist()
    assert seconds == sorted(seconds)
    assert isinstance(event, RunEnded)
    assert (event.seconds > 0, seconds[-1] > 0, event.seconds < 3600) == (tick > 0, tick > 0, True)


class Reads(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what would wait for a device: numbers that are read, and shapes that depend on numbers."""

    count = 0
    waiting = ("_local_scalar_dense", "is_nonzero", "nonzero", "masked_select", "equal", "_unique2")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func.overloadpacket.__name__ in self.waiting
        return func(*args, **(kwargs or {}))


WAYS = [
    pytest.param({}, id="plain"),
    pytest.param({"training": {"batch_parts": 3}}, id="in parts"),
    pytest.param({"device": {"precision": "bf16"}}, id="bf16"),
    pytest.param({"device": {"memory_format": "channels_last"}}, id="channels_last"),
    pytest.param({"optimizer": {"name": "adam", "fused": True}}, id="fused"),
]


@pytest.mark.parametrize("way", WAYS)
def test_between_two_blocks_no_number_is_read_from_the_device(
    small: Any, monkeypatch: pytest.MonkeyPatch, way: Any
) -> None:
    """Neither in a training step nor in the evaluation; the end of a block reads, so the count can see it."""
    copies: list[str] = []
    for name in ("cpu", "numpy", "tolist", "item"):
        monkeypatch.setattr(Tensor, name, _counted(getattr(Tensor, name), copies))
    events = Training(small("lenet", dataset={"name": "synthetic"}, **way), block_seconds=NEVER).events()
    assert any(isinstance(event, RunStarted) for event in events)
    quiet = loud = 0
    while True:
        copies.clear()
        with Reads() as reads:  # type: ignore[no-untyped-call]
            event = next(events)
        if isinstance(event, RunEnded):
            break
        if isinstance(event, Evaluating) or (isinstance(event, BatchEnded) and event.records is None):
            assert (reads.count, copies) == (0, [])
            quiet += 1
        else:
            loud += reads.count + len(copies) > 0
    assert (quiet, loud) == (2 * (7 + 2), 2 * 2)


def _counted(method: Any, calls: list[str]) -> Any:
    def call(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        calls.append(method.__name__)
        return method(self, *args, **kwargs)

    return call
