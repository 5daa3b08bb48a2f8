"""How a run ends when it does not come to its last epoch: with a cause, a next step, and nothing held in memory."""

from __future__ import annotations

import pickle
import re
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from desktop_trainer.engine.devices import DeviceLost
from desktop_trainer.engine.events import BatchEnded, EpochEnded, Evaluating, Event, RunEnded, RunStarted
from desktop_trainer.engine.failures import OutOfMemory, needed_memory, out_of_memory
from desktop_trainer.engine.lines import end_line
from desktop_trainer.engine.patience import Patience
from desktop_trainer.engine.training import Training

CUDA_TEXT = "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 8.00 GiB."
CPU_TEXT = "[enforce fail] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 3145728 bytes."


def last(events: list[Event]) -> RunEnded:
    assert isinstance(events[-1], RunEnded)
    return events[-1]


def test_a_run_that_no_longer_gets_better_stops_and_names_its_best_epoch(small: Any, with_test_losses: Any) -> None:
    """Two epochs after the best one; an equal loss is no improvement; every epoch has been told."""
    experiment = small(epochs=9, batch_size=1500, training={"patience": 2})
    events = list(with_test_losses(Training(experiment), [2.0, 1.0, 1.0, 1.5, 0.1]).events())
    ended = last(events)
    assert (ended.outcome, ended.epoch, ended.batch) == ("early_stopped", 4, 0)
    assert "best after epoch 2, with 1.0000, and has not improved for 2 epochs" in ended.reason
    assert "patience" in ended.next_step
    assert end_line(ended).startswith("Stopped early: epoch 4 is done")
    assert sum(isinstance(event, EpochEnded) for event in events) == 4


@pytest.mark.parametrize("patience", [0, 3])
def test_a_run_whose_patience_lasts_is_completed(small: Any, with_test_losses: Any, patience: int) -> None:
    """0 waits forever; patience that ends with the last epoch has stopped nothing."""
    experiment = small(epochs=4, batch_size=1500, training={"patience": patience})
    ended = last(list(with_test_losses(Training(experiment), [1.0, 2.0, 2.0, 2.0]).events()))
    assert (ended.outcome, ended.reason, ended.next_step) == ("completed", "", "")


def test_each_improvement_begins_the_waiting_anew() -> None:
    """By hand."""
    patience, over = Patience(2), []
    for epoch, loss in enumerate([3.0, 4.0, 2.0, 2.5, 1.0, 1.5, 1.2], 1):
        patience.add(epoch, loss)
        over.append(patience.over)
    assert over == [False] * 6 + [True]
    assert (patience.best_epoch, patience.best_loss) == (5, 1.0)


class Trap:
    """A loss function that fails at its n-th call, and remembers the activations that it was given."""

    def __init__(self, training: Training, error: Exception, call: int = 3) -> None:
        self.left, self.error, self.loss_fn = call, error, training.loss_fn
        self.logits: weakref.ref[Tensor] | None = None
        training.loss_fn = self

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        self.left -= 1
        self.logits = weakref.ref(logits)
        if self.left == 0:
            raise self.error
        return self.loss_fn(logits, labels)


ERRORS = [
    pytest.param(torch.OutOfMemoryError(CUDA_TEXT), "20.00 GiB", id="cuda"),
    pytest.param(RuntimeError(CPU_TEXT), "3.00 MiB", id="cpu"),
    pytest.param(RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)."), "", id="mps"),
    pytest.param(MemoryError(), "", id="python"),
]


@pytest.mark.parametrize(("error", "needed"), ERRORS)
def test_out_of_memory_in_a_step_releases_what_was_in_work_and_says_what_to_do(
    small: Any, same: Any, error: Exception, needed: str
) -> None:
    """The activations are gone while the error is still held; the parameters are those before the step."""
    training = Training(small("mlp"))
    events = training.events()
    assert any(isinstance(event, RunStarted) for event in events)
    trap = Trap(training, error)
    next(events), next(events)
    assert training.consistent
    before = training.state()["model"]
    with pytest.raises(OutOfMemory) as caught:
        next(events)
    assert trap.logits is not None
    assert trap.logits() is None
    assert all(parameter.grad is None for parameter in training.model.parameters())
    assert same(training.state()["model"], before)
    assert not training.consistent
    assert caught.value.needed == needed
    assert caught.value.changes == {"training.batch_parts": 2}
    assert "training step on 128 samples" in caught.value.cause
    assert (needed in caught.value.cause) == bool(needed) or not needed
    ended = training.ended("failed")
    assert (ended.reason, ended.next_step) == (caught.value.cause, caught.value.next_step)
    assert str(caught.value) == f"{ended.reason} {ended.next_step}"


def test_the_advice_after_out_of_memory_works(small: Any) -> None:
    """With the settings that it names the activations of a step are half as many, and the run goes through."""

    def run(parts: int) -> tuple[OutOfMemory | None, list[Event]]:
        training, events = Training(small(epochs=1, training={"batch_parts": parts})), []
        try:
            for event in training.events():
                events.append(event)
                if isinstance(event, RunStarted):
                    training.model.register_forward_pre_hook(_room_for(40))
        except OutOfMemory as error:
            return error, events
        return None, events

    parts, tried = 1, []
    while (failed := (ran := run(parts))[0]) is not None:
        tried.append(parts)
        parts = failed.changes["training.batch_parts"]
    assert (tried, parts) == ([1, 2], 4)
    assert last(ran[1]).outcome == "completed"


def _room_for(samples: int) -> Any:
    def check(model: nn.Module, images: tuple[Tensor]) -> None:
        if model.training and len(images[0]) > samples:
            raise torch.OutOfMemoryError(CUDA_TEXT)

    return check


def test_one_sample_that_does_not_fit_is_not_cut_further(small: Any) -> None:
    """There parts cannot help, so the advice is another, and it says so to the window."""
    training = Training(small(batch_size=2, training={"batch_parts": 2}))
    events = training.events()
    assert any(isinstance(event, RunStarted) for event in events)
    Trap(training, MemoryError(), 1)
    with pytest.raises(OutOfMemory, match=r"on 1 sample at a time\. Choose smaller images") as caught:
        next(events)
    assert caught.value.changes == {}


def test_out_of_memory_outside_a_step_leaves_a_state_that_can_be_saved(
    small: Any, same: Any, timeless: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the examination the advice is a smaller test batch, while a batch is fetched a smaller batch; then it goes
    on.
    """
    whole, training = Training(small(epochs=1)), Training(small(epochs=1))
    list(whole.events())
    for kind, number, change in (
        (BatchEnded, 4, {"data.batch_size": 64}),
        (Evaluating, 1, {"data.test_batch_size": 64}),
    ):
        for event in (events := training.events()):
            if isinstance(event, kind) and getattr(event, "batch", getattr(event, "done", 0)) == number:
                break
        with monkeypatch.context() as patch:
            patch.setattr(Tensor, "__truediv__", _no_memory)
            with pytest.raises(OutOfMemory) as caught:
                next(events)
        assert caught.value.changes == change
        assert training.consistent
    list(training.events())
    assert same(timeless(training), timeless(whole))


def _no_memory(*_: Any, **__: Any) -> Any:
    raise RuntimeError(CPU_TEXT)


def test_data_that_do_not_fit_are_told_before_the_run(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch is not to blame then."""
    experiment = small()
    monkeypatch.setattr(type(experiment.data.dataset), "load", _no_memory)
    training = Training(experiment)
    with pytest.raises(OutOfMemory, match=r"for the data and the model\. 3\.00 MiB more were asked for\. Close other"):
        list(training.events())
    assert training.consistent


def test_a_lost_device_is_named(small: Any) -> None:
    """torch says so with an error of its own, which is also a RuntimeError."""
    training = Training(small())
    events = training.events()
    assert any(isinstance(event, RunStarted) for event in events)
    trap = Trap(training, torch.AcceleratorError("CUDA error: unspecified launch failure\nCompile with ..."), 1)
    with pytest.raises(DeviceLost, match=r"cpu failed: CUDA error: unspecified launch failure\. Start this program"):
        next(events)
    assert trap.logits is not None
    assert trap.logits() is None
    assert "unspecified launch failure" in training.ended("failed").reason


LIBRARIES = [
    "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "GET was unable to find an engine to execute this computation",
    "cusolver error: CUSOLVER_STATUS_INTERNAL_ERROR, when calling `cusolverDnCreate(handle)`",
]


@pytest.mark.parametrize("text", LIBRARIES)
def test_an_error_of_cudnn_and_its_sisters_is_told_with_what_helps(small: Any, text: str) -> None:
    """They are plain RuntimeErrors, most often for want of memory."""
    training = Training(small())
    events = training.events()
    assert any(isinstance(event, RunStarted) for event in events)
    Trap(training, RuntimeError(text), 1)
    with pytest.raises(DeviceLost, match=rf"cpu failed: {re.escape(text)}\. .*memory is short.*smaller batch size"):
        next(events)


def test_after_out_of_memory_a_model_with_batch_norm_is_not_promised_the_same_steps(small: Any) -> None:
    """Each part is normalised by itself; the other advice needs less memory all the same."""
    said = {}
    for model in ("resnet18", "mlp"):
        dataset = {"name": "synthetic", "train_samples": 8, "test_samples": 4, "size": 8, "channels": 3}
        training = Training(small(model, dataset=dataset, batch_size=4))
        events = training.events()
        assert any(isinstance(event, RunStarted) for event in events)
        Trap(training, MemoryError(), 1)
        with pytest.raises(OutOfMemory) as caught:
            next(events)
        assert caught.value.changes == {"training.batch_parts": 2}
        said[model] = caught.value.next_step
    assert "the steps stay the same" in said["mlp"]
    assert "The steps are then not the same: batch norm sees one part at a time" in said["resnet18"]


def test_other_errors_pass_unchanged(small: Any) -> None:
    """They are faults of a model or of this program: their traceback matters."""
    training = Training(small())
    events = training.events()
    assert any(isinstance(event, RunStarted) for event in events)
    error = RuntimeError("shapes do not fit")
    Trap(training, error, 1)
    with pytest.raises(RuntimeError, match="shapes do not fit") as caught:
        next(events)
    assert caught.value is error
    assert "__call__" in [entry.name for entry in caught.traceback]
    assert not training.consistent


def test_the_allocators_real_error_is_recognised() -> None:
    """What torch raises on this machine when the CPU's memory cannot be had."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50, dtype=torch.uint8)
    assert out_of_memory(caught.value)
    assert needed_memory(caught.value) == "1073741824.00 MiB"


@pytest.mark.parametrize(
    "error", [DeviceLost("It failed.", "Restart."), OutOfMemory("Full.", "Less.", "1 GiB", {"a": 1})]
)
def test_an_error_of_a_device_comes_whole_from_another_process(error: DeviceLost | OutOfMemory) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
