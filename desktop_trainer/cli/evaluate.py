"""``desktop-trainer evaluate``: examines a saved model on a test set."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_trainer.cli.flags import changed
from desktop_trainer.cli.refusal import Refused, refusing
from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.i18n import tr

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
        raise Refused(
            tr(
                "{path} holds bare weights and does not say which model they belong to. Give --weights "
                "with --model to train, or save a .safetensors file.",
                path=path,
            )
        )
    experiment = parse_experiment(changed(values, flags))
    told = output(experiment, as_json=as_json)
    examination = examine(
        experiment, saved.weights, saved.statistics, trained=saved.experiment, class_names=saved.class_names
    )
    with refusing(), closing(examination) as events:
        for event in events:
            told.show(event)
            if isinstance(event, Evaluated) and not math.isfinite(event.loss):
                raise Refused(
                    tr(
                        "The model's loss on the test set is not a finite number, so the model is of no use: its "
                        "training diverged, or its file was changed. Take an earlier model of its run."
                    )
                )
    return 0
