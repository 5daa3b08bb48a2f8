"""Proves on an experiment that a run which goes on from a checkpoint is the run that never stopped.

The same batches are trained twice: without a break, and with a checkpoint written to a temporary folder, read back by a
new training in the middle. Then every number of both states is compared, and all that both said on their way.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr
from desktop_trainer.runs.checkpoint import State, load_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from torch import Tensor

    from desktop_trainer.engine.events import RunEnded
    from desktop_trainer.engine.training import Training


@dataclass(frozen=True, slots=True)
class Verifying:
    """Batch `done` of `total` has been trained, both ways counted."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One tensor or number of the final state that is not the same.

    Attributes:
        name: where it stands, for example ``model.0.weight``.
        largest: the largest absolute difference; infinite where there is no such number, or another shape or type.
    """

    name: str
    largest: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it.

    Attributes:
        batches: trained each way. resumed_at: after how many of them the second way went on from its checkpoint.
        compared: how many tensors and numbers were compared, bit for bit.
        differences: those that differ; none, on the CPU.
    """

    batches: int
    resumed_at: int
    compared: int
    differences: tuple[Difference, ...]

    @property
    def exact(self) -> bool:
        """Whether everything is the same."""
        return not self.differences


class Diverges(Exception):
    """The training diverges before there is anything to compare; the text says where, and what to do."""


class _Over(Exception):
    """The training ended by itself; `batches` of it can be compared."""

    def __init__(self, batches: int) -> None:
        super().__init__(batches)
        self.batches = batches


Progress: TypeAlias = Generator[Verifying | Verdict, None, None]


def verify(experiment: Experiment, batches: int) -> Progress:
    """Train `2 * batches` batches, or the whole run if it is shorter, both ways; yields progress, last the `Verdict`.

    Of a run that diverges or stops early it takes the batches before that.

    Raises:
        Diverges: if there are none.
        SaveFailed, CheckpointError: if the temporary folder cannot be used.
        DataError, DeviceMissing: see `Training.events`.
    """
    total = min(2 * batches, experiment.training.epochs * experiment.data.train_plan.batches)
    try:
        yield from _verified(experiment, total)
    except _Over as over:
        if over.batches < 1:
            text = tr(
                "The training diverges at batch {batch}, so there is nothing to compare. Choose a "
                "smaller learning rate.",
                batch=over.batches + 1,
            )
            raise Diverges(text) from None
        yield from _verified(experiment, over.batches)


def _verified(experiment: Experiment, total: int) -> Progress:
    from desktop_trainer.engine.training import Training

    middle = total // 2
    straight, first, second = (Training(experiment, block_seconds=math.inf) for _ in range(3))
    wanted, found = dict[str, Any](), dict[str, Any]()
    for done in _trained(straight, total, wanted):
        yield Verifying(done, 2 * total)
    wanted |= _leaves(straight.state())
    del straight  # its data and model are not needed any more
    with tempfile.TemporaryDirectory(prefix="desktop-trainer-verify-") as place:
        for done in _trained(first, middle, found):
            yield Verifying(total + done, 2 * total)
        save_checkpoint(Path(place), first.state())
        del first
        second.load_state(load_checkpoint(Path(place))[0])
    for done in _trained(second, total, found):
        yield Verifying(total + done, 2 * total)
    found |= _leaves(second.state())
    names = sorted(found.keys() | wanted.keys())
    differing = ((name, _difference(found.get(name, _ABSENT), wanted.get(name, _ABSENT))) for name in names)
    yield Verdict(total, middle, len(names), tuple(Difference(name, largest) for name, largest in differing if largest))


def _trained(training: Training, until: int, said: dict[str, Any]) -> Iterator[int]:
    """Train until so many batches of the run are done; yields how many are. What is said on the way goes into `said`.

    Raises:
        _Over: if the training ends before.
    """
    from desktop_trainer.engine.events import BatchEnded, EpochEnded, RunEnded, RunStarted

    per_epoch = training.experiment.data.train_plan.batches
    with closing(training.events()) as events:
        for event in events:
            if isinstance(event, RunEnded):
                raise _Over(_good(said, per_epoch, event))
            if isinstance(event, EpochEnded):
                figures = (event.train_loss, event.train_accuracy, event.test_loss, event.test_accuracy)
                said |= _walk(f"epoch {event.epoch}", figures)
            if isinstance(event, BatchEnded) and event.records is not None:
                said |= _walk(f"loss {event.epoch}", dict(enumerate(event.records.loss.tolist(), event.records.first)))
            if isinstance(event, RunStarted | BatchEnded):
                done = per_epoch * training.epoch + training.batch
                yield done
                if done >= until:
                    return


def _good(said: Mapping[str, Any], per_epoch: int, ended: RunEnded) -> int:
    """How many batches there are before the run `ended` by itself: before the first loss that is no number, if
    there is one.
    """
    done = per_epoch * ended.epoch + ended.batch
    if ended.outcome != "diverged":
        return done
    losses = (said.get(f"loss {number // per_epoch + 1}.{number % per_epoch + 1}", 0.0) for number in range(done))
    return next((number for number, loss in enumerate(losses) if not math.isfinite(loss)), done - 1)


def _leaves(state: State) -> dict[str, Any]:
    """Every tensor and number of `state` by name, but for those of the clock."""
    timeless = {key: value for key, value in state.items() if key != "seconds"}
    timeless["recorder"] = {**state["recorder"], "rest": [(count, lr) for count, lr, _ in state["recorder"]["rest"]]}
    return _walk("", timeless)


def _walk(path: str, value: Any) -> dict[str, Any]:
    """The values that are in `value`, however deep, by their paths."""
    if isinstance(value, list | tuple):
        value = dict(enumerate(value))
    if not isinstance(value, Mapping):
        return {path: value}
    parts = (_walk(f"{path}.{key}" if path else str(key), item) for key, item in value.items())
    return {name: leaf for part in parts for name, leaf in part.items()}


_ABSENT = object()


def _difference(one: Any, other: Any) -> float:
    """0 where both are the same in every bit, else by how much they differ at most."""
    from torch import Tensor

    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return _tensor_difference(one, other)
    if repr(one) == repr(other) and type(one) is type(other):
        return 0.0
    numbers = all(type(value) in (int, float) for value in (one, other))
    return (abs(one - other) or math.inf) if numbers else math.inf


def _tensor_difference(one: Tensor, other: Tensor) -> float:
    import torch

    if one.dtype != other.dtype or one.shape != other.shape:
        return math.inf
    bits = (tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (one, other))
    if torch.equal(*bits):
        return 0.0
    largest = float((one.double() - other.double()).abs().max())
    return largest if largest > 0 else math.inf  # NaN, or zeros of another sign
