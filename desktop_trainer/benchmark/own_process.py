"""Runs the plain loop in a process of its own, as a script runs: nothing that this program sets reaches it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache
from multiprocessing import get_context, parent_process

from desktop_trainer import i18n, process
from desktop_trainer.benchmark.measure import BenchmarkFailed, Measured, Run
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr


class OwnProcess:
    """A process that trains plain loops, one at a time; idle while others are measured."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def contender(self, experiment: Experiment) -> Run:
        """A plain loop over `experiment`, an epoch each time it is called."""
        return lambda: self._result(experiment)

    def _result(self, experiment: Experiment) -> Measured:
        try:
            return self._pool.submit(_epoch, experiment).result()
        except BrokenProcessPool as error:
            raise BenchmarkFailed(tr("The process of the plain loop ended: {error}", error=error)) from error


@contextmanager
def own_process() -> Iterator[OwnProcess]:
    """The process, ended behind the block."""
    with ProcessPoolExecutor(1, get_context("spawn"), _begin, (i18n.language(),)) as pool:
        with process.without_limit():
            pool.submit(_nothing).result()
        yield OwnProcess(pool)


def _begin(language: str) -> None:
    """Called in the process. When it ends is for the benchmark to say, and it does not outlive that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    i18n.set_language(language)
    threading.Thread(target=_end_with_parent, name="watch-parent", daemon=True).start()


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def _nothing() -> None:
    """Called in the process: it has started."""


def _epoch(experiment: Experiment) -> Measured:
    """Called in the process."""
    return _prepared(experiment)()


@lru_cache(1)
def _prepared(experiment: Experiment) -> Run:
    from desktop_trainer.benchmark.plain_loop import measured_plain_loop

    return measured_plain_loop(experiment)
