"""What a run says of itself before its first batch: its sizes, its place, how it computes. Knows no screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from desktop_trainer.engine.events import RunStarted

if TYPE_CHECKING:
    from desktop_trainer.engine.training import Training


def started(training: Training) -> RunStarted:
    """What `training`, whose first batch comes next, says of itself."""
    return RunStarted(
        train_samples=training.train.plan.samples,
        test_samples=training.test.plan.samples,
        batches_per_epoch=training.train.plan.batches,
        test_batches=training.test.plan.batches,
        last_batch_size=training.train.plan.last_batch_size,
        epochs=training.experiment.training.epochs,
        device=str(training.device),
        data_bytes=training.train.nbytes + training.test.nbytes,
        data_place=str(training.place),
        parameters=sum(parameter.numel() for parameter in training.model.parameters()),
        epoch=training.epoch,
        batch=training.batch,
        step=", ".join(_words(training)),
        compile_seconds=training.compile_seconds,
    )


def _words(training: Training) -> Iterator[str]:
    """What distinguishes how it computes from the plain loop, by its usual names."""
    yield from training.transforms.words
    yield from training.arithmetic.words
    if any(group.get("fused") for group in training.optimizer.param_groups):
        yield "fused"
    if training.compiled is not None:
        yield "compiled, CUDA graphs" if training.compiled.graphs else "compiled"
    if training.experiment.device.deterministic and training.device.type == "cuda":
        yield "deterministic"
    if training.step.parts > 1:
        yield f"batch_parts={training.step.parts}"
    if training.experiment.data.test_batch_size:
        yield f"test_batch_size={training.experiment.data.test_batch_size}"
    if training.experiment.device.threads and training.device.type == "cpu":
        yield f"threads={training.experiment.device.threads}"
