"""A graphics card that this PyTorch cannot use is noticed, with the command that helps."""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_trainer.engine import devices
from desktop_trainer.engine.devices import (
    CannotCompute,
    DeviceMissing,
    check_threads,
    choose_device,
    cuda_advice,
    unused_card,
)
from desktop_trainer.engine.events import Loading
from desktop_trainer.engine.training import Training


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a driver, and a PyTorch without CUDA; the folder is where programs and the driver are
    looked for.
    """
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(devices, "_DRIVER", (tmp_path / "version",))
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return tmp_path


def test_without_a_card_nothing_is_missing(bare: Path) -> None:
    assert not unused_card()
    with pytest.raises(DeviceMissing, match="Choose one of these"):
        choose_device("cuda:0")


def test_the_driver_s_program_tells_of_a_card(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/x" if name == "nvidia-smi" else None)
    assert unused_card()


def test_a_file_of_the_driver_tells_of_a_card(bare: Path) -> None:
    (bare / "version").touch()
    assert unused_card()
    with pytest.raises(DeviceMissing, match="built without CUDA"):
        choose_device("cuda:0")


@pytest.mark.parametrize("kind", ["cuda", "hip"])
def test_a_pytorch_that_can_use_a_card_is_left_alone(bare: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    (bare / "version").touch()
    monkeypatch.setattr(torch.version, kind, "13.0", raising=False)
    assert not unused_card()


def test_the_command_is_for_this_python() -> None:
    assert f'uv pip install --python "{sys.executable}" --torch-backend auto ' in cuda_advice()
    assert cuda_advice().endswith(" torch torchvision")


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
    monkeypatch.setattr("desktop_trainer.engine.setup.load_split", pytest.fail)
    training = Training(small(threads=1024))
    with pytest.raises(CannotCompute):
        assert all(isinstance(event, Loading) for event in training.events())
