"""What streams is what lies in memory: the same batches, the same training, whoever reads them; and no process is
left.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from desktop_trainer.engine.data import InMemory, order_of_epoch
from desktop_trainer.engine.events import BatchEnded, Evaluating, RunEnded, RunStarted
from desktop_trainer.engine.images.transforms import ToFloat, Transforms
from desktop_trainer.engine.streaming import Streamed, WorkerDied, _moved
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.batches import BatchPlan
from desktop_trainer.experiment.data import DataInfo, LoadedSamples, Samples
from desktop_trainer.files.errors import DataDamaged

CPU = torch.device("cpu")
PLAIN = ToFloat(CPU)
PLAN = BatchPlan(50, 8)
IMAGES = torch.randint(0, 256, (50, 3, 6, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(50)
MODEL = {"name": "mlp", "hidden_sizes": [24], "dropout": 0.5}


def streamed(workers: int, samples: Samples | None = None, image_size: int = 0) -> Streamed:
    return Streamed(samples or LoadedSamples(IMAGES, LABELS), PLAN, image_size, CPU, workers)


def workers_now() -> list[psutil.Process]:
    """The processes that read for this one: children of the server that forks them."""
    below = psutil.Process().children(recursive=True)
    return [each for each in below if each.parent() not in (None, psutil.Process())]


@pytest.fixture(autouse=True)
def no_worker_is_left() -> Iterator[None]:
    """Each test ends them all."""
    yield
    assert workers_now() == []


def same_batches(one: Iterator[tuple[Tensor, Tensor]], other: Iterator[tuple[Tensor, Tensor]]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in pairs)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_are_those_from_memory_bit_for_bit(workers: int) -> None:
    """In the stored order, shuffled, from the middle on, and from behind the end; pass after pass."""
    split, memory, order = streamed(workers), InMemory(IMAGES, LABELS, PLAN), order_of_epoch(50, 1, 0)
    for chosen, first in ((None, 0), (order, 0), (order, 5), (order, PLAN.batches)):
        assert same_batches(split.batches(PLAIN, chosen, first), memory.batches(PLAIN, chosen, first))
    split.close()


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_every_change_of_augmentation_is_that_from_memory_bit_for_bit(
    workers: int, small: Any, everything: Any
) -> None:
    """Whoever reads, shuffled or not, and from a batch in the middle on."""
    info = DataInfo(50, 10, 3, 6, 9, ("a", "b"))
    transforms = Transforms(small(normalization="symmetric", augmentation=everything), info, CPU)
    split, memory = streamed(workers), InMemory(IMAGES, LABELS, PLAN)
    for epoch, chosen, first in ((0, None, 0), (0, order_of_epoch(50, 1, 0), 0), (1, order_of_epoch(50, 1, 1), 4)):
        transform = transforms.of_epoch(epoch)
        assert same_batches(split.batches(transform, chosen, first), memory.batches(transform, chosen, first))
        varied, plain = memory.batches(transform, chosen, first), memory.batches(transforms.plain, chosen, first)
        assert not same_batches(varied, plain)
    split.close()


def test_streaming_leaves_torchs_random_numbers_alone() -> None:
    """Else dropout would differ between the two ways, and between a whole run and a continued one."""
    torch.manual_seed(3)
    before = torch.get_rng_state()
    for workers in (0, 1):
        split = streamed(workers)
        list(split.batches(PLAIN))
        split.close()
    assert torch.equal(torch.get_rng_state(), before)


def test_workers_stay_for_the_next_pass_and_go_when_one_is_left() -> None:
    split = streamed(2)
    list(split.batches(PLAIN))
    kept = workers_now()
    assert len(kept) == 2
    batches = split.batches(PLAIN)
    next(batches)
    assert workers_now() == kept
    batches.close()
    assert workers_now() == []
    assert len(list(split.batches(PLAIN))) == PLAN.batches
    split.close()


def test_workers_that_were_started_before_wait_for_the_first_pass() -> None:
    """It starts no others, and its batches are the same."""
    split = streamed(2)
    split.open()
    kept = workers_now()
    assert len(kept) == 2
    assert same_batches(split.batches(PLAIN), InMemory(IMAGES, LABELS, PLAN).batches(PLAIN))
    split.open()
    assert workers_now() == kept
    split.close()


def test_to_start_workers_is_not_to_train(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are there before the first batch, and an hour that this takes is not the run's; nor when it goes
    on.
    """
    clock, start = [0.0], Streamed.open

    def slow(split: Streamed) -> None:
        start(split)
        clock[0] += 3600

    monkeypatch.setattr("desktop_trainer.engine.stopwatch.perf_counter", lambda: clock[0])
    monkeypatch.setattr(Streamed, "open", slow)
    training = Training(small(placement="stream", workers=1))
    for kind in (BatchEnded, Evaluating, RunEnded):
        workers = []
        for event in (events := training.events()):
            if isinstance(event, RunStarted):
                workers = workers_now()
                assert len(workers) == 2
            if isinstance(event, kind):
                break
        assert workers_now() == workers
        events.close()
    assert clock[0] == 6 * 3600
    assert training.watch.read() == 0


@pytest.fixture(scope="module")
def in_memory(small: Any, timeless: Any) -> Any:
    """The state at the end of a run from memory: random numbers, optimizer and order count."""
    training = Training(small(MODEL, "adam", image_size=12))
    list(training.events())
    return timeless(training)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_streamed_run_ends_as_one_from_memory(
    workers: int, small: Any, same: Any, timeless: Any, in_memory: Any
) -> None:
    """Every byte of the state; with dropout, and images that are resized."""
    training = Training(small(MODEL, "adam", image_size=12, placement="stream", workers=workers))
    started = next(event for event in training.events() if isinstance(event, RunStarted))
    assert started.data_place == ["streamed without workers", "streamed by 1 worker", "streamed by 2 workers"][workers]
    assert started.data_bytes == 0
    list(training.events())
    assert same(timeless(training), in_memory)


def test_a_streamed_run_goes_on_in_the_middle_of_an_epoch(small: Any, same: Any, timeless: Any, in_memory: Any) -> None:
    """Closed after batch 5 and continued by others; nobody reads for a run that was closed."""
    experiment = small(MODEL, "adam", image_size=12, placement="stream", workers=1)
    first, second = Training(experiment), Training(experiment)
    events = first.events()
    next(event for event in events if isinstance(event, BatchEnded) and event.batch == 5)
    assert workers_now() != []
    events.close()
    assert workers_now() == []
    second.load_state(first.state())
    list(second.events())
    assert same(timeless(second), in_memory)


class Fails:
    """Samples of which the last cannot be had: what happens then is `how`'s."""

    def __init__(self, how: str) -> None:
        self.how = how

    def __len__(self) -> int:
        return 50

    def read(self, indices: Sequence[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        if 49 in indices:
            getattr(self, self.how)()
        return np.zeros((len(indices), 1, 64, 64), np.uint8), np.zeros(len(indices), np.int64)

    def be_killed(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def break_down(self) -> None:
        os._exit(3)

    def find_damage(self) -> None:
        raise DataDamaged("This file is bad.")

    def fill_shared_memory(self) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("be_killed", "SIGKILL, usually because the machine ran out of memory"),
        ("break_down", "exit code 3"),
        ("fill_shared_memory", "no shared memory left"),
    ],
)
def test_the_end_of_a_worker_is_told_with_its_cause_and_a_way_out(how: str, cause: str) -> None:
    split = streamed(1, Fails(how))
    with pytest.raises(WorkerDied, match=cause) as died:
        list(split.batches(PLAIN))
    assert "0 data workers" in str(died.value)


def test_a_worker_shares_all_that_it_has_read_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue would share the rest later, in a thread that loses its errors: the training would wait for ever."""
    split = streamed(0)
    monkeypatch.setattr("desktop_trainer.engine.streaming.get_worker_info", lambda: "somebody")
    read = split._reader.__getitems__([0, 1, 2])
    assert isinstance(read, tuple)
    assert [tensor.untyped_storage().is_shared() for tensor in read] == [True, True]


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_worker_meets_is_raised_as_it_is(workers: int) -> None:
    """The good batches before it come first; the text has no traceback of another process in it."""
    batches = streamed(workers, Fails("find_damage")).batches(PLAIN)
    assert len([next(batches) for _ in range(PLAN.batches - 1)]) == 6
    with pytest.raises(DataDamaged) as damaged:
        next(batches)
    assert str(damaged.value) == "This file is bad."


def test_workers_that_were_killed_between_two_passes_are_noticed() -> None:
    split = streamed(1)
    list(split.batches(PLAIN))
    killed = workers_now()
    for worker in killed:
        worker.kill()
    psutil.wait_procs(killed)
    with pytest.raises(WorkerDied, match="SIGKILL"):
        list(split.batches(PLAIN))
    assert len(list(split.batches(PLAIN))) == PLAN.batches
    split.close()


def test_a_run_whose_data_fail_stands_before_that_batch(small: Any, same: Any, timeless: Any, tmp_path: Path) -> None:
    """So it can go on: what was trained before the failure is whole, and the end is that of an undisturbed run."""
    whole = Training(small(MODEL, "adam"))
    list(whole.events())
    training = Training(small(MODEL, "adam", placement="stream", workers=0))
    events = training.events()
    next(event for event in events if isinstance(event, BatchEnded))
    samples = training.prepared.train._pool._loader.dataset  # type: ignore[attr-defined]
    kept, samples._samples = samples._samples, Fails("find_damage")
    samples._samples.read = lambda _: (_ for _ in ()).throw(DataDamaged("Gone."))
    with pytest.raises(DataDamaged):
        list(events)
    assert (training.epoch, training.batch) == (0, 1)
    samples._samples = kept
    rest = list(training.events())
    assert isinstance(rest[-1], RunEnded)
    assert same(timeless(training), timeless(whole))


class Source:
    """A tensor's two questions, without its memory; tells how it was copied."""

    def __init__(self, pinned: bool) -> None:
        self.pinned = pinned

    def is_pinned(self) -> bool:
        return self.pinned

    def to(self, device: torch.device, *, non_blocking: bool) -> tuple[str, bool]:
        return device.type, non_blocking


@pytest.mark.parametrize(
    ("device", "pinned", "waits"),
    [("cuda", True, False), ("cuda", False, True), ("mps", False, True), ("mps", True, True), ("cpu", False, True)],
)
def test_a_copy_is_waited_for_unless_its_source_outlives_it(device: str, pinned: bool, waits: bool) -> None:
    """Else a batch on MPS is what lay in its memory later: github.com/pytorch/pytorch/issues/189690."""
    moved: Any = _moved(Source(pinned), torch.device(device))  # type: ignore[arg-type]
    assert moved == (device, not waits)


def test_every_batch_is_moved_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images and labels."""
    moved: list[Tensor] = []

    def move(tensor: Tensor, device: torch.device) -> Tensor:
        moved.append(tensor)
        return tensor.to(device)

    monkeypatch.setattr("desktop_trainer.engine.streaming._moved", move)
    batches = list(streamed(0).batches(PLAIN))
    assert len(moved) == 2 * len(batches)
