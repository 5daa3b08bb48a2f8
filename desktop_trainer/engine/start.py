"""What a run says of itself before its first batch: its sizes, its place, how it computes."""

from __future__ import annotations

from collections.abc import Iterator

from desktop_trainer.engine.events import RunStarted
from desktop_trainer.engine.setup import Setup


def started(setup: Setup, epoch: int, batch: int) -> RunStarted:
    """What a run says of itself that goes on with `setup` behind so many epochs, and batches of the next one."""
    train, test = setup.train, setup.test
    return RunStarted(
        train_samples=train.plan.samples,
        test_samples=test.plan.samples,
        batches_per_epoch=train.plan.batches,
        test_batches=test.plan.batches,
        last_batch_size=train.plan.last_batch_size,
        epochs=setup.experiment.training.epochs,
        device=str(setup.device),
        data_bytes=train.nbytes + test.nbytes,
        data_place=str(setup.place),
        parameters=sum(parameter.numel() for parameter in setup.model.parameters()),
        epoch=epoch,
        batch=batch,
        step=", ".join(_words(setup)),
        compile_seconds=setup.compile_seconds,
    )


def _words(setup: Setup) -> Iterator[str]:
    """What distinguishes how it computes from the plain loop, by its usual names."""
    settings, device = setup.experiment, setup.device
    yield from setup.transforms.words
    yield from setup.arithmetic.words
    if any(group.get("fused") for group in setup.optimizer.param_groups):
        yield "fused"
    if setup.compiled is not None:
        yield "compiled, CUDA graphs" if setup.compiled.graphs else "compiled"
    if settings.device.deterministic and device.type == "cuda":
        yield "deterministic"
    if setup.step.parts > 1:
        yield f"batch_parts={setup.step.parts}"
    if settings.data.test_batch_size:
        yield f"test_batch_size={settings.data.test_batch_size}"
    if settings.device.threads and device.type == "cpu":
        yield f"threads={settings.device.threads}"
