"""A graphics card that this PyTorch cannot use is noticed, with the command that helps."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import torch

from desktop_trainer.engine import devices
from desktop_trainer.engine.devices import DeviceMissing, choose_device, cuda_advice, unused_card


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a driver, and a PyTorch without CUDA; the folder is where programs and the driver are looked for."""
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
