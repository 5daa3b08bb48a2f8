"""What a run says in lines for people: its start, its epochs as the tutorials print them, its end."""

from desktop_trainer.engine.events import EpochEnded, RunEnded, RunStarted
from desktop_trainer.experiment.batches import BatchPlan
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.data_settings import DataSettings
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import grouped, joined, mark, tr, trn
from desktop_trainer.quantities import duration, figure

_CLASSES = 12
"""So many are named."""
_ENDS = {
    "completed": mark("Finished: epoch {done} is done, {time}."),
    "early_stopped": mark("Stopped early: epoch {done} is done, {time}."),
    "stopped": mark("Stopped in epoch {epoch} after batch {batch}, {time}."),
    "diverged": mark("Diverged in epoch {epoch} at batch {batch}, {time}."),
    "failed": mark("Failed in epoch {epoch} after batch {batch}, {time}."),
}


def subject(experiment: Experiment) -> str:
    """What is trained on what: ``LeNet on Fashion-MNIST``."""
    return tr("{model} on {dataset}", model=tr(experiment.model.label), dataset=tr(experiment.data.dataset.label))


def said_of(experiment: Experiment | None, message: str) -> str:
    """`message`, and of which model and dataset it is said, if that is known."""
    return message if experiment is None else tr("{subject}: {message}", subject=subject(experiment), message=message)


def start_line(experiment: Experiment, event: RunStarted) -> str:
    """What is trained on what, with the batch arithmetic and its numbers."""
    data = experiment.data
    plan = BatchPlan(event.train_samples, data.batch_size, data.drop_last)
    line = tr(
        "{model} on {dataset}, on {device}, data {place}: {samples} in {batches}, the last of "
        "{last}; {tests} in {test_batches}; {parameters} parameters",
        model=tr(experiment.model.label),
        dataset=tr(data.dataset.label),
        device=event.device,
        place=event.data_place,
        samples=trn(
            "{samples} training sample",
            "{samples} training samples",
            event.train_samples,
            samples=grouped(event.train_samples),
        ),
        batches=trn("{formula} batch", "{formula} batches", plan.batches, formula=plan.formula),
        last=event.last_batch_size,
        tests=trn(
            "{samples} test sample", "{samples} test samples", event.test_samples, samples=grouped(event.test_samples)
        ),
        test_batches=trn("{n} batch", "{n} batches", event.test_batches),
        parameters=grouped(event.parameters),
    )
    if event.step:
        line = tr("{line}; computed with {step}", line=line, step=event.step)
    if event.compile_seconds:
        line = tr("{line}; compiling took {time}", line=line, time=duration(event.compile_seconds))
    return line


def classes_line(info: DataInfo) -> str:
    """The classes and how many training and test samples each has; of many classes the first ones."""
    shown = zip(info.class_names[:_CLASSES], info.class_counts, strict=False)
    words = [f"{name} {train} + {test}" for name, (train, test) in shown]
    more = [tr("… and {count} more", count=info.classes - _CLASSES)] if info.classes > _CLASSES else []
    return trn(
        "{n} class (training + test): {names}",
        "{n} classes (training + test): {names}",
        info.classes,
        names=", ".join(words + more),
    )


def images_line(data: DataSettings) -> str:
    """How large the images are in their files, and what the model gets; takes as long as `DatasetChoice.info`."""
    info, stored = data.info, data.dataset.stored()
    seen = f"{info.width} x {info.height}"
    channels = trn("{n} channel", "{n} channels", info.channels)
    if stored == seen:
        return tr("Images: {size}, {channels}", size=seen, channels=channels)
    return tr("Images: {stored} → {size}, {channels}", stored=stored, size=seen, channels=channels)


def resumed_line(event: RunStarted) -> str:
    """Where a run goes on."""
    return tr("Resumed in epoch {epoch} after batch {batch}.", epoch=event.epoch + 1, batch=event.batch)


def paused_line(epoch: int, batch: int) -> str:
    """Where a run is held; both count from 1."""
    return tr("Paused in epoch {epoch} after batch {batch}.", epoch=epoch, batch=batch)


def epoch_line(event: EpochEnded, device: str) -> str:
    """``epoch 3, loss 0.5252, train acc 0.805, test acc 0.797, time 2.6 s, 23 100 samples/s on cpu``."""
    return tr(
        "epoch {epoch}, loss {loss}, train acc {train:.3f}, test acc {test:.3f}, time {time}, "
        "{rate} samples/s on {device}",
        epoch=event.epoch,
        loss=figure(event.train_loss),
        train=event.train_accuracy,
        test=event.test_accuracy,
        time=duration(event.seconds),
        rate=grouped(event.examples_per_second),
        device=device,
    )


def end_line(event: RunEnded) -> str:
    """How far the run came, why it ended, what to do next, and where its model is kept."""
    done, batch, time = event.epoch, event.batch, duration(event.seconds)
    sentence = tr(_ENDS[event.outcome], done=done, epoch=done + 1, batch=batch, time=time)
    parts = [sentence, event.reason, event.next_step]
    if model := event.paths.get("model"):
        parts.append(tr("The model is kept in {path}", path=model))
    return joined(*parts)
