"""The batches of a dataset that is not held in memory: read by processes of their own, ahead of time. Knows no
format.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from threading import Thread
from time import monotonic, sleep
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.utils.data import DataLoader, get_worker_info

from desktop_trainer import i18n
from desktop_trainer.engine.data import Batches, Transform, check_count, indices_on, resized
from desktop_trainer.experiment.batches import BatchPlan
from desktop_trainer.experiment.data import Samples
from desktop_trainer.files.errors import DataError
from desktop_trainer.i18n import mark, tr

_Read: TypeAlias = tuple[Tensor, Tensor] | DataError
_AHEAD = 2
"""Batches that each worker has ready or in work."""
_NOT_FOR_WORKERS = [number for number in signal.Signals if number.name in ("SIGINT", "SIGHUP")]
"""SIGTERM is: by it Python ends them when the program itself ends in the midst of something."""
_CAUSES = {
    "SIGKILL": mark("SIGKILL, usually because the machine ran out of memory"),
    "SIGBUS": mark("SIGBUS, usually because shared memory (/dev/shm) is full"),
}


class WorkerDied(DataError):
    """A process that reads data ended before its work was done; the text names the cause."""


class Streamed:
    """A split of which only a few batches are in memory at a time; see `Split`.

    Workers are started by `open`, else by the first pass over it, and kept for the next one, until `close`, or until a
    pass is left before its end.

    Args:
        samples: where they are read from; sent to each worker.
        plan: how they are cut into batches.
        image_size: see `resized`.
        device: where the batches are wanted.
        workers: processes that read ahead. 0 reads here.
    """

    nbytes = 0

    def __init__(self, samples: Samples, plan: BatchPlan, image_size: int, device: torch.device, workers: int) -> None:
        check_count(plan, len(samples), len(samples))
        self.plan, self.device = plan, device
        self._pass, self._reader = _Pass(plan), _Reader(samples, image_size)
        self._pool = _Pool(self._reader, self._pass, workers, pinned=device.type == "cuda")

    def batches(self, transform: Transform, order: Tensor | None = None, first: int = 0) -> Batches:
        """See `Split.batches`. One pass at a time.

        Raises:
            WorkerDied: if a worker was killed; noticed within 5 s, the interval at which torch looks.
            DataError: what `samples` raises.
        """
        self._pass.order, self._pass.first = order, first
        indices, done = indices_on(self.device, self.plan, order), False
        try:
            if first < self.plan.batches:
                for number, (images, labels) in enumerate(self._pool.read(), first):
                    start, stop = self.plan.bounds(number)
                    images = transform(_moved(images, self.device), indices[start:stop])
                    yield images, _moved(labels, self.device)
            done = True
        finally:
            if not done:
                self.close()

    def open(self) -> None:
        """Start the workers, if there are none, and wait until they answer.

        Raises:
            WorkerDied: see `batches`.
        """
        self._pass.first = self.plan.batches
        for _ in range(2):  # passes over nothing: the first starts them, and only the second waits for them
            list(self._pool.read())

    def read(self, indices: Sequence[int]) -> Tensor:
        """See `Split.read`: on the CPU, read in this process.

        Raises:
            DataError: what `samples` raises.
        """
        read = self._reader.__getitems__(list(indices))
        if isinstance(read, DataError):
            raise read
        return read[0]

    def close(self) -> None:
        """End the workers; they are gone when this returns."""
        self._pool.close()


def _moved(tensor: Tensor, device: torch.device) -> Tensor:
    """`tensor` on `device`; the copy is waited for unless its source is sure to outlive it.

    That is so for pinned memory on CUDA, which is not handed out again before the copy is done. On MPS, and from other
    memory, what is released while it is copied arrives as garbage: github.com/pytorch/pytorch/issues/189690.
    """
    return tensor.to(device, non_blocking=device.type == "cuda" and tensor.is_pinned())


class _Pass:
    """The indices of each batch of one pass: what a DataLoader calls a batch sampler."""

    def __init__(self, plan: BatchPlan) -> None:
        self._plan = plan
        self.order: Tensor | None = None
        self.first = 0

    def __iter__(self) -> Iterator[list[int]]:
        for number in range(self.first, self._plan.batches):
            start, stop = self._plan.bounds(number)
            yield list(range(start, stop)) if self.order is None else self.order[start:stop].tolist()


class _Reader:
    """What a worker does: read the samples of a batch and put them together."""

    def __init__(self, samples: Samples, image_size: int) -> None:
        self._samples, self._image_size = samples, image_size

    def __getitems__(self, indices: list[int]) -> _Read:
        """Called by the DataLoader: uint8 ``(n, channels, height, width)`` and int64 ``(n,)``."""
        try:
            images, labels = map(torch.from_numpy, self._samples.read(indices))
            return _shared(resized(images, self._image_size)), _shared(labels)
        except DataError as error:
            return error  # as a value: torch would put the worker's traceback into the text


def _shared(tensor: Tensor) -> Tensor:
    """`tensor` in memory that the training sees without a copy, if this is a worker.

    Raises:
        WorkerDied: if there is too little of it. torch would do this later, in a thread that loses the error.
    """
    if get_worker_info() is None:
        return tensor
    try:
        tensor.share_memory_()  # type: ignore[no-untyped-call]
    except (RuntimeError, OSError) as error:
        raise WorkerDied(_no_shared_memory(error)) from error
    return tensor


class _Pool:
    """A DataLoader and its workers, which can be ended at any time and start again when they are needed."""

    def __init__(self, reader: _Reader, batches: _Pass, workers: int, *, pinned: bool) -> None:
        self._loader: DataLoader[Any] = DataLoader(
            reader,  # type: ignore[arg-type]  # it has no single items, which are not asked for
            batch_sampler=batches,
            num_workers=workers,
            collate_fn=_as_it_is,
            pin_memory=pinned,
            worker_init_fn=partial(_begin_worker, i18n.language()),
            multiprocessing_context=_context() if workers else None,
            prefetch_factor=_AHEAD if workers else None,
            persistent_workers=workers > 0,
            # Of its own: a DataLoader draws a seed for its workers, which must not cost the run a random number.
            generator=torch.Generator(),
        )
        self._iterator: Any = None

    def read(self) -> Iterator[tuple[Tensor, Tensor]]:
        """What one pass reads.

        Raises:
            WorkerDied: if a worker did not live to the end of it.
            DataError: what a worker met.
        """
        if (dead := _first_dead(_workers_of(self._iterator), patience=0)) is not None:
            raise WorkerDied(_ended(dead))
        with _deaf():
            self._iterator = self._guarded(lambda: iter(self._loader))
        while (batch := self._guarded(lambda: next(self._iterator, None))) is not None:
            if isinstance(batch, DataError):
                raise batch
            yield batch

    def close(self) -> None:
        """Kill the workers, which only read, and wait for them."""
        iterator, self._iterator = self._iterator, None
        self._loader._iterator = None
        for worker in _workers_of(iterator):
            worker.kill()
            worker.join()
        if _workers_of(iterator):
            iterator._shutdown_workers()  # what torch does itself when the iterator is collected: queues and threads

    def _guarded(self, work: Any) -> Any:
        """What `work` returns; if it fails because of a worker's end, or of shared memory, that is the error."""
        try:
            return work()
        except (RuntimeError, OSError, EOFError) as error:
            if (dead := _first_dead(_workers_of(self._loader._iterator), patience=1)) is not None:
                raise WorkerDied(_ended(dead)) from error
            if "shared memory" in str(error) or "/torch_" in str(error):
                raise WorkerDied(_no_shared_memory(error)) from error
            raise


def _as_it_is(batch: Any) -> Any:
    return batch


def _workers_of(iterator: Any) -> list[BaseProcess]:
    return getattr(iterator, "_workers", [])


def _first_dead(workers: list[BaseProcess], patience: float) -> int | None:
    """The exit code of a worker that failed; None if all live. An error may arrive a moment before the news of a
    death.
    """
    until = monotonic() + (patience if workers else 0)
    while True:
        codes = [worker.exitcode for worker in workers if worker.exitcode]
        if codes or monotonic() >= until:
            return codes[0] if codes else None
        sleep(0.02)


@contextmanager
def _deaf() -> Iterator[None]:
    """The processes that are started in its block, fork server and resource tracker too, do not hear
    `_NOT_FOR_WORKERS`.

    Ctrl+C in a terminal, and its closing, reach all its processes; it is for the training to say when its workers end.
    What comes meanwhile is heard behind the block.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _NOT_FOR_WORKERS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(language: str, _: int) -> None:
    for number in _NOT_FOR_WORKERS:  # the resource tracker's start makes them heard again
        signal.signal(number, signal.SIG_IGN)
    Thread(target=_end_with_the_training, name="watchdog", daemon=True).start()
    i18n.set_language(language)


def _end_with_the_training() -> None:
    """Wait for the end of the process that trains, however it comes, and end with it.

    torch watches the process that forked this one: the fork server, which lives as long as any of its children.
    """
    if (training := multiprocessing.parent_process()) is not None:
        training.join()
        os._exit(1)


def _context() -> Any:
    """How workers start: forked off a server that has loaded torch once, but never off this process and its threads."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _ended(code: int) -> str:
    names = {-item.value: item.name for item in signal.Signals}
    name = names.get(code, "")
    cause = tr(_CAUSES[name]) if name in _CAUSES else name or tr("exit code {code}", code=code)
    return tr(
        "A process that reads the training data ended unexpectedly: {cause}. Start again with 0 "
        "data workers, which reads "
        "the data without such processes, or with fewer of them or smaller batches.",
        cause=cause,
    )


def _no_shared_memory(error: Exception) -> str:
    return tr(
        "There is no shared memory left (/dev/shm) for what the data workers read: {error}. Start again with 0 data "
        "workers, which needs none, or with fewer of them or smaller batches; in a container, "
        "give it more (--shm-size).",
        error=error,
    )
