"""What a device is asked for and cannot give is told before it is used."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from desktop_trainer.engine.devices import CannotCompute, check_threads
from desktop_trainer.engine.events import Loading
from desktop_trainer.engine.training import Training


@pytest.fixture
def seventeen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system gives no more threads than that, on one core; Python says so as it does."""
    start, given = threading.Thread.start, [0]

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "tried":
            if given[0] == 17:
                raise RuntimeError("can't start new thread")
            given[0] += 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr("os.cpu_count", lambda: 1)


@pytest.mark.usefixtures("seventeen")
def test_threads_that_the_system_does_not_give_are_refused_with_a_number_that_it_gives() -> None:
    """OpenMP would end the process. None of those that were tried is left."""
    before = threading.active_count()
    with pytest.raises(CannotCompute, match=r"1024 threads: it refused after 17\. Set the CPU threads to 1,"):
        check_threads(1024)
    assert threading.active_count() == before


@pytest.mark.usefixtures("seventeen")
def test_those_that_it_gives_are_not_refused() -> None:
    check_threads(17)


@pytest.mark.usefixtures("seventeen")
def test_a_run_then_ends_before_anything_is_loaded(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop_trainer.engine.training.load_split", pytest.fail)
    training = Training(small(threads=1024))
    with pytest.raises(CannotCompute):
        assert all(isinstance(event, Loading) for event in training.events())
