"""What the window says of a run at a glance: its state in words, how far it is, its pace and last figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from desktop_trainer.engine import events
from desktop_trainer.i18n import grouped, mark, tr
from desktop_trainer.quantities import duration, figure
from desktop_trainer.report.pace import Pace
from desktop_trainer.runs.events import SettingsChanged
from desktop_trainer.ui.session import RunState

if TYPE_CHECKING:
    from desktop_trainer.runs.events import RunEvent

_READY, _FAILED = (mark("Ready"), "muted"), (mark("Failed"), "invalid")
_LOADING, _TRAINING, _EVALUATING = (
    (mark("Loading"), "accent"),
    (mark("Training"), "accent"),
    (mark("Evaluating"), "accent"),
)
_STATES = {
    RunState.PAUSING: (mark("Pausing…"), "warning"),
    RunState.PAUSED: (mark("Paused"), "warning"),
    RunState.STOPPING: (mark("Stopping…"), "warning"),
}
_ENDS = {
    "completed": (mark("Finished"), "success"),
    "early_stopped": (mark("Stopped early at"), "success"),
    "stopped": (mark("Stopped at"), "muted"),
    "diverged": (mark("Diverged at"), "invalid"),
    "failed": (mark("Failed at"), "invalid"),
}
"""The words of a state and their colour in the theme. After those in "at" come the figures for epoch and batch."""

CELLS = ("state", "doing", "epoch", "batch", "share", "time", "rate", "device", "loss", "accuracy")
"""What there is to say, in its order. Never all of it: what is loading stands where there are no figures yet."""


def words_while_active() -> list[str]:
    """The words that take turns while a run goes on."""
    return [tr(word) for word, _ in (_TRAINING, _EVALUATING, *_STATES.values())]


@dataclass(slots=True)
class ShownRun:
    """What is known of a run; `records` are its last ones."""

    started: events.RunStarted
    pace: Pace
    records: events.Records | None = None
    ended: events.RunEnded | None = None

    @property
    def place(self) -> tuple[int, int]:
        """The epoch and the batch that were done last, counted from 1; where nothing was done, batch 0 of epoch 1."""
        epoch, batch = (self.ended.epoch, self.ended.batch) if self.ended else (self.pace.epoch, self.pace.batch)
        return (epoch, self.started.batches_per_epoch) if epoch and not batch else (epoch + 1, batch)

    @property
    def share(self) -> float:
        """How much of the run is done, 0 to 1."""
        return 1.0 if self.ended is not None and self.ended.outcome == "completed" else self.pace.run_share


class Status:
    """Follows a run, or an examination beside the runs; `state` is the session's."""

    def __init__(self) -> None:
        self.run: ShownRun | None = None
        self.state = RunState.IDLE
        self.doing: events.Loading | events.Evaluating | None = None
        self.failed = False

    def begin(self) -> None:
        """A run begins, and has not said anything yet."""
        self.run, self.doing, self.failed = None, events.Loading("", 0, 0), False

    def take(self, event: RunEvent) -> None:
        """Take in what the run says."""
        self.doing = event if isinstance(event, events.Loading | events.Evaluating) else None
        match event:
            case events.RunStarted():
                last = self.run.records if self.run and (event.epoch or event.batch) else None
                self.run = ShownRun(event, Pace(event), last)
            case events.BatchEnded(records=records) if self.run is not None and records is not None:
                self.run.pace.add(records)
                self.run.records = records
            case events.EpochEnded() if self.run is not None:
                self.run.pace.end_epoch(event)
            case SettingsChanged(changes=changes) if self.run is not None:
                epochs = next((each.after for each in changes if each.path == "training.epochs"), None)
                if epochs is not None:
                    self.run.started, self.run.pace.epochs = replace(self.run.started, epochs=epochs), epochs
            case _:
                pass

    @property
    def share(self) -> float:
        """How much is done, 0 to 1: of an examination beside the runs, else of the run."""
        if isinstance(self.doing, events.Evaluating) and self.state is RunState.IDLE:
            return self.doing.done / self.doing.total
        return 0.0 if self.run is None or isinstance(self.doing, events.Loading) else self.run.share

    def words(self) -> tuple[str, str]:
        """The state in words, and the name of its colour."""
        if self.state in _STATES:
            text, tone = _STATES[self.state]
        elif isinstance(self.doing, events.Evaluating):
            text, tone = _EVALUATING
        elif isinstance(self.doing, events.Loading):
            text, tone = _LOADING
        elif self.state is RunState.RUNNING:
            text, tone = _TRAINING
        elif self.run is not None and self.run.ended is not None:
            text, tone = _ENDS[self.run.ended.outcome]
        else:
            text, tone = _FAILED if self.failed else _READY
        return tr(text), tone

    def texts(self) -> dict[str, str]:
        """What the cells say, by their names; there are only those that have something to say."""
        doing, run = self.doing, self.run
        texts = {"state": self.words()[0]}
        if isinstance(doing, events.Loading):
            texts["doing"] = doing.what
        elif isinstance(doing, events.Evaluating) and self.state is RunState.IDLE:
            texts |= {"batch": _test_batch(doing), "share": percent(self.share)}
        elif run is not None:
            texts |= _figures(run)
            if isinstance(doing, events.Evaluating):
                texts["batch"] = _test_batch(doing)
        return {name: text for name, text in texts.items() if text}

    def hint(self) -> str:
        """What the figures do not say."""
        if self.run is None:
            return ""
        place = tr("data {place}", place=self.run.started.data_place)
        return f"{place}\n{tr('Loss and accuracy are those of the last batch.')}"


def _figures(run: ShownRun) -> dict[str, str]:
    started, (epoch, batch) = run.started, run.place
    texts = {
        "epoch": tr("epoch {epoch}/{epochs}", epoch=epoch, epochs=started.epochs),
        "batch": tr("batch {batch}/{batches}", batch=batch, batches=started.batches_per_epoch),
        "share": percent(run.share),
        "device": started.device,
    } | _pace(run)
    if run.records is not None:
        loss, accuracy = float(run.records.loss[-1]), float(run.records.accuracy[-1])
        texts |= {"loss": tr("loss {loss}", loss=figure(loss)), "accuracy": tr("acc {accuracy:.3f}", accuracy=accuracy)}
    return texts


def _pace(run: ShownRun) -> dict[str, str]:
    """How long the run takes still, and how fast it is; of one that ended, how long it took."""
    if run.ended is not None:
        return {"time": tr("took {time}", time=duration(run.ended.seconds))}
    left, rate = run.pace.seconds_left, run.pace.samples_per_second
    return {
        "time": "" if left is None else tr("{time} left", time=duration(left)),
        "rate": tr("{rate} samples/s", rate=grouped(rate)) if rate else "",
    }


def _test_batch(event: events.Evaluating) -> str:
    return tr("test batch {batch}/{batches}", batch=event.done, batches=event.total)


def percent(share: float) -> str:
    """Whole percents that are done: 100 not before the end."""
    return f"{int(100 * share + 1e-9)} %"
