"""Keeps what a run makes: its experiment and its model, in a folder of its own. Knows files, not who is watching."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic

from desktop_trainer.engine.events import BatchEnded, EpochEnded, Event, RunEnded
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.runs.files import write_file
from desktop_trainer.runs.model_file import SavedModel, save_model
from desktop_trainer.runs.run_folder import EXPERIMENT, MODEL

SAVE_SECONDS = 30.0
"""Between two epochs the model is written this often at most: a disk may need longer than a small epoch."""


class Recording:
    """A training whose model is kept in `folder`, however the run ends.

    The model is written at the end of epochs and of the run. A run that diverged or failed leaves the model of its
    last whole epoch.

    Args:
        training: not yet begun.
        folder: made if it is not there.
        after: the recording of the same run that this one continues.

    Attributes:
        ended: how the run ended; None before.
        kept: the model of the last whole epoch, or of the end; None before.
    """

    def __init__(self, training: Training, folder: Path, *, after: Recording | None = None) -> None:
        self.training, self.folder = training, folder
        self.ended: RunEnded | None = None
        self.kept: SavedModel | None = after.kept if after else None
        self._metrics: dict[str, float] = dict(after._metrics) if after else {}
        self._written, self._last_write = True, monotonic()

    def events(self) -> Generator[Event, None, None]:
        """The training's events. Closing the generator stops and keeps.

        Raises:
            SaveFailed: if the folder cannot be written: before anything is trained, or when a model is kept.
        """
        self._write_experiment()
        ended: RunEnded | None = None
        stopped = False
        try:
            with closing(self.training.events()) as events:
                for event in events:
                    if isinstance(event, RunEnded):
                        event = ended = self._keep(event)
                    elif isinstance(event, EpochEnded):
                        self._remember(event)
                    yield event
        except GeneratorExit:
            stopped = ended is None
            raise
        finally:
            if ended is None:
                self._keep(self.training.ended("stopped" if stopped else "failed"))

    def snapshot(self) -> SavedModel:
        """A copy of the model as it is between two events, with the figures of the last whole epoch."""
        experiment = self.training.experiment
        weights = {name: tensor.detach().cpu().clone() for name, tensor in self.training.model.state_dict().items()}
        return SavedModel(experiment, weights, dict(self._metrics), self.training.info.class_names)

    @property
    def resumable(self) -> bool:
        """Whether the training can go on from where it ended."""
        return self.ended is not None and self.ended.outcome in ("completed", "stopped") and self.training.started

    def flush(self) -> BatchEnded | None:
        """The numbers of the batches since the last block, for a consumer that stands still; None if there are none."""
        training = self.training
        records = training.flush() if training.started else None
        return BatchEnded(training.epoch + 1, training.batch, records) if records is not None else None

    def _write_experiment(self) -> None:
        values = json.dumps(shared_values(self.training.experiment), indent=2, ensure_ascii=False)
        write_file(self.folder / EXPERIMENT, values.encode())

    def _remember(self, event: EpochEnded) -> None:
        names = ("epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy")
        self._metrics = {name: getattr(event, name) for name in names}
        self.kept, self._written = self.snapshot(), False
        if monotonic() - self._last_write >= SAVE_SECONDS:
            self._write(self.kept)

    def _keep(self, ended: RunEnded) -> RunEnded:
        self.ended = ended
        if not self.training.started and not (self.folder / MODEL).exists():
            self._forget()
        if self.resumable and _finite(model := self.snapshot()):
            self.kept, self._written = model, False
        if self.kept is not None and not self._written:
            self._write(self.kept)
        kept = {"run": self.folder, "model": self.folder / MODEL}
        self.ended = replace(ended, paths={name: str(path) for name, path in kept.items() if path.exists()})
        return self.ended

    def _forget(self) -> None:
        """Leave nothing of a run that never came to train."""
        (self.folder / EXPERIMENT).unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def _write(self, model: SavedModel) -> None:
        save_model(self.folder / MODEL, model)
        self._written, self._last_write = True, monotonic()


def _finite(model: SavedModel) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in model.weights.values())
