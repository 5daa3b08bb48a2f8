"""``desktop-trainer evaluate``: examines a saved model on a test set. Knows files, no training."""

from __future__ import annotations

import math
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_trainer.cli.flags import changed
from desktop_trainer.cli.refusal import Refused, refusing
from desktop_trainer.experiment.choices import DataInfo, DataUnknown
from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr, trn

if TYPE_CHECKING:
    from desktop_trainer.runs.model_file import SavedModel


def load(path: str) -> tuple[SavedModel, dict[str, Any]]:
    """A saved model, and the values of the experiment that made it; empty if the file does not say.

    Raises:
        Refused: if it cannot be loaded.
    """
    from desktop_trainer.runs.model_file import load_model

    with refusing():
        saved = load_model(Path(path))
    return saved, {} if saved.experiment is None else shared_values(saved.experiment)


def evaluate(path: str, flags: list[tuple[str, Any]], *, as_json: bool) -> int:
    """Tell loss and accuracy of the model in `path`, on its own test set or the one that the flags name.

    Raises:
        Refused: if the model cannot be loaded, does not fit the data, or has no finite loss.
    """
    from desktop_trainer.cli.output import output
    from desktop_trainer.engine.events import Evaluated
    from desktop_trainer.engine.examination import examine

    saved, values = load(path)
    if saved.experiment is None:
        raise Refused(tr("{path} holds bare weights and does not say which model they belong to. Give --weights with --model to train, or save a .safetensors file.", path=path))  # fmt: skip
    experiment = parse_experiment(changed(values, flags))
    _check_data(saved.experiment, saved.class_names, experiment)
    told = output(experiment, as_json=as_json)
    with refusing(), closing(examine(experiment, saved.weights, saved.statistics)) as events:
        for event in events:
            told.show(event)
            if isinstance(event, Evaluated) and not math.isfinite(event.loss):
                raise Refused(tr("The model's loss on the test set is not a finite number, so the model is of no use: its training diverged, or its file was changed. Take an earlier model of its run."))  # fmt: skip
    return 0


def _check_data(trained: Experiment, names: tuple[str, ...], examined: Experiment) -> None:
    """Refuse data of another shape; data of other classes are examined with a warning."""
    with refusing():
        other = examined.data.info
    try:
        own = trained.data.info
    except DataUnknown:
        return  # the files that it was made for are not here; whether it fits the data is seen when it is loaded
    if _shape(own) != _shape(other):
        text = tr(
            "The model was made for {dataset}: {own}. {other_dataset} has {other}. Choose a dataset with the same numbers; --image-size changes the pixels.",
            dataset=tr(trained.data.dataset.label), own=_words(own),
            other_dataset=tr(examined.data.dataset.label), other=_words(other),
        )  # fmt: skip
        raise Refused(text)
    if names and names != other.class_names:
        text = tr(
            "Warning: the model's classes are {own}; this dataset's are {other}.",
            own=", ".join(names[:10]), other=", ".join(other.class_names[:10]),
        )  # fmt: skip
        print(text, file=sys.stderr)


def _shape(info: DataInfo) -> tuple[int, int, int, int]:
    return info.channels, info.height, info.width, info.classes


def _words(info: DataInfo) -> str:
    return tr(
        "{channels}, {height} x {width} pixels, {classes}",
        channels=trn("{n} channel", "{n} channels", info.channels), height=info.height, width=info.width,
        classes=trn("{n} class", "{n} classes", info.classes),
    )  # fmt: skip
