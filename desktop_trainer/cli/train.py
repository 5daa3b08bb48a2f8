"""``desktop-trainer train``: pulls a recording and tells what it says. Knows files to save to and signals."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_trainer.cli.refusal import Refused, refusing
from desktop_trainer.cli.signals import StopSignals
from desktop_trainer.experiment.problems import ExperimentError, Problem
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr

if TYPE_CHECKING:
    from torch import Tensor

    from desktop_trainer.cli.output import Output
    from desktop_trainer.engine.events import RunEnded
    from desktop_trainer.runs.recording import Recording

_BARE = (".pt", ".pth")


def train(experiment: Experiment, weights: Mapping[str, Tensor] | None, save: Path | None, *, as_json: bool) -> int:
    """Train to the end, or until a signal; returns the exit code.

    Raises:
        Refused: if something is missing or does not fit; what was trained until then is kept.
        ExperimentError: if `save` cannot be written.
    """
    if save is not None:
        check_target(save)
    with StopSignals() as signals, refusing():
        from desktop_trainer.cli.output import output

        recording = _recording(experiment, weights)
        told = output(experiment, as_json=as_json)
        try:
            with refusing():
                ended = _trained(recording, told, signals, save)
        except Refused as refused:
            if as_json and (failed := recording.ended) is not None:
                told.show(failed if failed.reason else replace(failed, reason=str(refused)))
            raise
        told.show(ended)
    return {"completed": 0, "early_stopped": 0, "stopped": signals.exit_code}.get(ended.outcome, 1)


def check_target(path: Path) -> None:
    """Try whether a model can be written to `path`, before anything is trained for it.

    Raises:
        ExperimentError: if not.
    """
    if path.suffix not in (".safetensors", *_BARE):
        why = tr("{path} does not end in .safetensors, nor in .pt for the bare weights.", path=path)
    elif path.is_dir():
        why = tr("{path} is a folder; name a file.", path=path)
    else:
        try:
            with tempfile.TemporaryFile(dir=path.parent):
                return
        except OSError as error:
            why = tr("{folder} cannot be written: {error}.", folder=path.parent, error=error.strerror or error)
    raise ExperimentError([Problem("save", why)])


def _recording(experiment: Experiment, weights: Mapping[str, Tensor] | None) -> Recording:
    from desktop_trainer.engine.training import Training
    from desktop_trainer.runs.recording import Recording
    from desktop_trainer.runs.store import new_folder

    return Recording(Training(experiment, weights=weights), new_folder(experiment))


def _trained(recording: Recording, told: Output, signals: StopSignals, save: Path | None) -> RunEnded:
    """How the run ended. However that is, even if nobody reads the output, its model is written to `save`."""
    try:
        _pull(recording, told, signals)
    finally:
        ended = _saved(recording, save)
    return ended


def _pull(recording: Recording, told: Output, signals: StopSignals) -> None:
    from desktop_trainer.engine.events import RunEnded

    with closing(recording.events()) as events:
        for event in events:
            if isinstance(event, RunEnded):
                return
            told.show(event)
            if signals.number:
                break
        if (block := recording.flush()) is not None:
            told.show(block)


def _saved(recording: Recording, save: Path | None) -> RunEnded:
    from desktop_trainer.runs.model_file import export_state_dict, save_model

    ended = recording.ended or recording.training.ended("failed")
    if save is None or recording.kept is None:
        return ended
    if save.suffix in _BARE:
        export_state_dict(save, recording.kept.weights)
    else:
        save_model(save, recording.kept)
    return replace(ended, paths={**ended.paths, "model": str(save)})
