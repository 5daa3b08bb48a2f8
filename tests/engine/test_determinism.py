"""The same digits each time on CUDA: asked for, set for the run, and put back after it."""

from __future__ import annotations

import os
from typing import Any

import pytest
import torch
import torch.utils.deterministic

from desktop_trainer.engine.determinism import Determinism
from desktop_trainer.engine.devices import CannotCompute
from desktop_trainer.engine.events import RunStarted
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.device_settings import DeviceSettings

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def switches() -> tuple[Any, ...]:
    """All that determinism sets."""
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
        os.environ.get(WORKSPACE),
    )


@pytest.fixture
def with_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine with a card, where somebody has set other things before."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)


@pytest.mark.usefixtures("with_cuda")
@pytest.mark.parametrize(
    ("before", "within"), [(None, ":4096:8"), (":16:8", ":16:8"), (":4096:2:16:8", ":4096:8")], ids=str
)
def test_it_holds_inside_and_all_is_as_before_afterwards(
    monkeypatch: pytest.MonkeyPatch, before: str | None, within: str
) -> None:
    """Also after an error. What the user has set for cuBLAS stays, if it is good for this."""
    monkeypatch.delenv(WORKSPACE, raising=False)
    if before is not None:
        monkeypatch.setenv(WORKSPACE, before)
    old = switches()
    assert (old[2], old[4]) == (True, before)
    found = []

    def fail() -> None:
        with Determinism(DeviceSettings(deterministic=True)):
            found.append(switches())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert found == [(True, False, False, False, within)]
    assert switches() == old


@pytest.mark.usefixtures("with_cuda")
@pytest.mark.parametrize(
    "settings", [{}, {"deterministic": True, "name": "cpu"}, {"deterministic": True, "name": "mps"}]
)
def test_where_it_is_not_wanted_nothing_is_set(settings: dict[str, Any]) -> None:
    old = switches()
    with Determinism(DeviceSettings(**settings)):
        assert switches() == old


def test_a_run_has_it_from_its_first_event_to_its_end(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here with the CPU instead of a card, which `auto` would be; closing the run is its end, too."""
    training = Training(small(device={"deterministic": True, "name": "auto"}))
    events = training.events()
    with monkeypatch.context() as patch:
        patch.setattr("desktop_trainer.engine.training.choose_device", lambda _: torch.device("cpu"))
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch.cuda, "mem_get_info", lambda _: (2**30, 2**30))
        patch.setattr("desktop_trainer.engine.devices._TF32", {"default": None})
        old = switches()
        assert any(isinstance(event, RunStarted) for event in events)
        assert torch.are_deterministic_algorithms_enabled()
        events.close()
        assert switches() == old


def test_an_operation_that_has_no_such_way_is_named(small: Any) -> None:
    """As torch says it; the run is not lost with a traceback."""
    training = Training(small())
    events = training.events()
    assert any(isinstance(event, RunStarted) for event in events)

    def loss_fn(*_: Any) -> Any:
        text = "grid_sampler_2d_backward_cuda does not have a deterministic implementation, but you set 'torch.use_...'"
        raise RuntimeError(text)

    training.loss_fn = loss_fn
    with pytest.raises(
        CannotCompute, match=r"cpu cannot compute grid_sampler_2d_backward_cuda so that .* “Deterministic”"
    ):
        next(events)
    assert "grid_sampler" in training.ended("failed").reason
