"""An examination computes as its settings say, and fails in words, as a training does."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from desktop_trainer.engine.devices import DeviceLost, FloatProducts
from desktop_trainer.engine.examination import examine
from desktop_trainer.engine.failures import OutOfMemory
from desktop_trainer.experiment.settings import Experiment

Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]
NO_MEMORY = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 3145728 bytes.")


@pytest.fixture
def hooked() -> Iterator[Callable[[Hook], None]]:
    """Registers what is called after the forward pass of any module, for this test."""
    handles = []
    yield lambda hook: handles.append(register_module_forward_hook(hook))
    for handle in handles:
        handle.remove()


def weights_of(experiment: Experiment) -> dict[str, Tensor]:
    return experiment.model.build(experiment.data.info).state_dict()


def raising(error: Exception) -> Any:
    """A function that raises `error`, whatever it is given."""

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_the_number_of_threads_is_the_settings_own(small: Any, hooked: Any) -> None:
    """While the model computes; between two events it is the process's."""
    before, inside = torch.get_num_threads(), set()
    hooked(lambda *_: inside.add(torch.get_num_threads()))
    experiment = small(threads=before + 2)
    for _ in examine(experiment, weights_of(experiment)):
        assert torch.get_num_threads() == before
    assert inside == {before + 2}


def test_the_precision_of_products_holds_while_the_data_are_prepared_too(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a training: all that is computed between two events."""
    held = []

    class Products(FloatProducts):
        def __init__(self, precision: str) -> None:
            super().__init__(precision)
            self.precision = precision

        def __enter__(self) -> None:
            held.append(self.precision)

    monkeypatch.setattr("desktop_trainer.engine.pulling.FloatProducts", Products)
    experiment = small(device={"precision": "float32"})
    events = list(examine(experiment, weights_of(experiment)))
    assert held == ["float32"] * (len(events) + 1)


def test_auto_is_the_layout_that_the_models_training_has(small: Any, hooked: Any) -> None:
    """On the CPU channels_last, for a model that gains by it."""
    colours = {"name": "synthetic", "train_samples": 8, "test_samples": 4, "size": 16, "channels": 3}
    experiment, layouts = small("lenet", dataset=colours, device={"memory_format": "auto"}), []

    def look(module: nn.Module, *_: Any) -> None:
        if isinstance(module, nn.Conv2d):
            layouts.append(module.weight.is_contiguous(memory_format=torch.channels_last))

    hooked(look)
    list(examine(experiment, weights_of(experiment)))
    assert layouts == [True, True]


def test_out_of_memory_in_the_examination_advises_a_smaller_test_batch(small: Any, hooked: Any) -> None:
    """And what was in work is gone while the error is still held."""
    experiment, seen = small(), list[weakref.ref[nn.Module]]()

    def fail(model: nn.Module, *_: Any) -> None:
        seen.append(weakref.ref(model))
        raise NO_MEMORY

    weights = weights_of(experiment)
    hooked(fail)
    with pytest.raises(OutOfMemory, match=r"examine 128 test samples at a time\. 3\.00 MiB more") as caught:
        list(examine(experiment, weights))
    assert caught.value.changes == {"data.test_batch_size": 64}
    gc.collect()
    assert seen[0]() is None


def test_out_of_memory_before_it_does_not_blame_the_batch(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = small()
    weights = weights_of(experiment)
    monkeypatch.setattr(type(experiment.data.dataset), "load", raising(NO_MEMORY))
    with pytest.raises(OutOfMemory, match=r"for the data and the model\. 3\.00 MiB more were asked for\. Close other"):
        list(examine(experiment, weights))


def test_a_lost_device_is_named(small: Any, hooked: Any) -> None:
    experiment = small()
    hooked(raising(torch.AcceleratorError("CUDA error: unspecified launch failure\nCompile with ...")))
    weights = weights_of(experiment)
    with pytest.raises(DeviceLost, match="cpu failed: CUDA error: unspecified launch failure"):
        list(examine(experiment, weights))


def test_other_errors_pass_unchanged(small: Any, hooked: Any) -> None:
    """They are faults of a model or of this program."""
    experiment, error = small(), RuntimeError("shapes do not fit")
    hooked(raising(error))
    weights = weights_of(experiment)
    with pytest.raises(RuntimeError, match="shapes do not fit") as caught:
        list(examine(experiment, weights))
    assert caught.value is error


def test_an_examination_gives_back_the_memory_that_was_kept_for_its_steps(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it is given up."""
    given_back: list[int] = []
    monkeypatch.setattr("desktop_trainer.process.give_back", lambda: given_back.append(1))
    experiment = small()
    events = examine(experiment, weights_of(experiment))
    next(events)
    assert given_back == []
    events.close()
    assert given_back == [1]
