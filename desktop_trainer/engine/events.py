"""What a run says of itself: frozen values of Python and NumPy, never a tensor. Knows nothing of who listens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """The numbers of successive training batches of one epoch, one entry a batch.

    Attributes:
        epoch: from 1. first: the batch of the first entry, from 1.
        loss: the batch's mean loss. correct, count: right answers and samples. lr: the learning rate of its step.
        seconds: time since the run began to train, without loading and pauses, when its step had been issued.
    """

    epoch: int
    first: int
    loss: NDArray[np.float32]
    correct: NDArray[np.int32]
    count: NDArray[np.int32]
    lr: NDArray[np.float32]
    seconds: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """The share of right answers in each batch."""
        accuracy: NDArray[np.float64] = self.correct / self.count
        return accuracy


@dataclass(frozen=True, slots=True)
class Loading:
    """Something slow is being prepared: step `done` of `total`, described by `what` (in the current language)."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for people about something that is not as they might expect, in the current language."""

    text: str


@dataclass(frozen=True, slots=True)
class DataCounted:
    """What was found in the user's own files, before they are read: lines for people, in the current language."""

    text: str


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The data are loaded and the model is built; the first batch comes next.

    Attributes:
        last_batch_size: samples in the last batch of an epoch. data_bytes: memory that both splits take on the device.
        data_place: where the samples lie, in words, in the current language.
        parameters: how many numbers are learned.
        epoch, batch: how many epochs, and how many batches of the next one, were done before; 0 in a new run.
        step: what distinguishes the step from the plain one, such as ``channels_last, bf16``; empty if nothing does.
        compile_seconds: what compiling the model took, before the clock of the run began; 0 if it was not compiled.
    """

    train_samples: int
    test_samples: int
    batches_per_epoch: int
    test_batches: int
    last_batch_size: int
    epochs: int
    device: str
    data_bytes: int
    data_place: str
    parameters: int
    epoch: int
    batch: int
    step: str = ""
    compile_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """A training step is done. `records` holds the numbers of all batches since the last block, or is None in between.

    `epoch` and `batch` count from 1.
    """

    epoch: int
    batch: int
    records: Records | None = None


@dataclass(frozen=True, slots=True)
class Evaluating:
    """Batch `done` of `total` of the test set has been examined."""

    epoch: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class EpochEnded:
    """An epoch and its examination on the test set are done.

    Attributes:
        train_loss, train_accuracy: means over the samples as they were trained, while the model changed.
        test_loss, test_accuracy: means over the test set, with the model as it is now.
        seconds: the whole epoch without pauses. examples_per_second: training samples over the training part's time.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float
    examples_per_second: float


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is over.

    Attributes:
        outcome: ``completed``, ``early_stopped``, ``stopped``, ``diverged`` or ``failed``.
        epoch, batch: how many epochs, and how many batches of the next one, are done.
        seconds: the time of the whole training, without loading and pauses.
        reason: a sentence for people, empty if it ran to its end. next_step: what to do next, empty if there is no
            advice.
        paths: files that hold what is kept of it, by kind: ``run``, ``model``.
    """

    outcome: str
    epoch: int
    batch: int
    seconds: float
    reason: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A model has been examined on a test set of `samples` samples: mean loss and share of right answers."""

    loss: float
    accuracy: float
    samples: int


Event: TypeAlias = (
    Loading | Notice | DataCounted | RunStarted | BatchEnded | Evaluating | EpochEnded | RunEnded | Evaluated
)
Events: TypeAlias = Iterator[Event]
