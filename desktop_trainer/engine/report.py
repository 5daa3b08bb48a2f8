"""What a run says in lines for people: its start, its epochs as the tutorials print them, its end. Knows no screen."""

from desktop_trainer.engine.events import EpochEnded, RunEnded, RunStarted
from desktop_trainer.experiment.batches import BatchPlan
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import mark, tr, trn

_ENDS = {
    "completed": mark("Finished: epoch {done} is done, {seconds:.1f} sec."),
    "early_stopped": mark("Stopped early: epoch {done} is done, {seconds:.1f} sec."),
    "stopped": mark("Stopped in epoch {epoch} after batch {batch}, {seconds:.1f} sec."),
    "diverged": mark("Diverged in epoch {epoch} at batch {batch}, {seconds:.1f} sec."),
    "failed": mark("Failed in epoch {epoch} after batch {batch}, {seconds:.1f} sec."),
}


def start_line(experiment: Experiment, event: RunStarted) -> str:
    """What is trained on what, with the batch arithmetic and its numbers."""
    data = experiment.data
    plan = BatchPlan(event.train_samples, data.batch_size, data.drop_last)
    line = tr(
        "{model} on {dataset}, on {device}, data {place}: {samples} in {batches}, the last of {last}; {tests} in {test_batches}; {parameters} parameters",
        model=tr(experiment.model.label), dataset=tr(data.dataset.label), device=event.device, place=event.data_place,
        samples=trn("{samples} training sample", "{samples} training samples", event.train_samples, samples=grouped(event.train_samples)),
        batches=trn("{formula} batch", "{formula} batches", plan.batches, formula=plan.formula), last=event.last_batch_size,
        tests=trn("{samples} test sample", "{samples} test samples", event.test_samples, samples=grouped(event.test_samples)),
        test_batches=trn("{n} batch", "{n} batches", event.test_batches), parameters=grouped(event.parameters),
    )  # fmt: skip
    if event.step:
        line = tr("{line}; computed with {step}", line=line, step=event.step)
    if event.compile_seconds:
        line = tr("{line}; compiling took {seconds:.1f} sec", line=line, seconds=event.compile_seconds)
    return line


def resumed_line(event: RunStarted) -> str:
    """Where a run goes on."""
    return tr("Resumed in epoch {epoch} after batch {batch}.", epoch=event.epoch + 1, batch=event.batch)


def paused_line(epoch: int, batch: int) -> str:
    """Where a run is held; both count from 1."""
    return tr("Paused in epoch {epoch} after batch {batch}.", epoch=epoch, batch=batch)


def epoch_line(event: EpochEnded, device: str) -> str:
    """``epoch 3, loss 0.5252, train acc 0.805, test acc 0.797, time 2.6 sec, 23 100 examples/sec on cpu``."""
    return tr(
        "epoch {epoch}, loss {loss:.4f}, train acc {train:.3f}, test acc {test:.3f}, time {seconds:.1f} sec, {rate} examples/sec on {device}",
        epoch=event.epoch, loss=event.train_loss, train=event.train_accuracy, test=event.test_accuracy,
        seconds=event.seconds, rate=grouped(event.examples_per_second), device=device,
    )  # fmt: skip


def end_line(event: RunEnded) -> str:
    """How far the run came, why it ended, what to do next, and where its model is kept."""
    done, batch, seconds = event.epoch, event.batch, event.seconds
    sentence = tr(_ENDS[event.outcome], done=done, epoch=done + 1, batch=batch, seconds=seconds)
    parts = [sentence, event.reason, event.next_step]
    if model := event.paths.get("model"):
        parts.append(tr("The model is kept in {path}", path=model))
    return " ".join(part for part in parts if part)


def grouped(number: float) -> str:
    """`number` rounded to a whole one, with a space between thousands."""
    return f"{number:,.0f}".replace(",", " ")
