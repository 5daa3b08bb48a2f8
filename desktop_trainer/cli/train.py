"""``desktop-trainer train`` and ``resume``: pull a recording and tell what it says."""

from __future__ import annotations

import gc
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_trainer.cli.refusal import Refused, refusing
from desktop_trainer.cli.signals import StopSignals
from desktop_trainer.experiment.problems import ExperimentError, Problem
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import joined, tr

if TYPE_CHECKING:
    from torch import Tensor

    from desktop_trainer.cli.output import Output
    from desktop_trainer.engine.events import RunEnded
    from desktop_trainer.runs.events import SaveProblem
    from desktop_trainer.runs.recording import Recording

RETRY_SECONDS = 5.0
"""After a save that failed, the next try."""
_BARE = (".pt", ".pth")


def train(
    experiment: Experiment, weights: Mapping[str, Tensor] | None, save: Path | None, *, as_json: bool, recipe: str = ""
) -> int:
    """Train to the end, or until a signal; returns the exit code.

    Raises:
        Refused: if something is missing or does not fit; what was trained until then is kept.
        ExperimentError: if `save` cannot be written.
    """
    if save is not None:
        check_target(save)
    return follow(lambda: _recording(experiment, weights, recipe), save, as_json=as_json)


def follow(make: Callable[[], Recording], save: Path | None, *, as_json: bool) -> int:
    """Pull the recording that `make` returns and tell what it says; returns the exit code. See `train`."""
    with StopSignals() as signals, refusing():
        from desktop_trainer.cli.output import output

        recording = make()
        told = output(recording.training.experiment, as_json=as_json)
        try:
            with refusing(), _frozen():
                ended = _trained(recording, told, signals, save)
        except Refused as refused:
            if as_json and (failed := recording.ended) is not None:
                told.show(failed if failed.reason else replace(failed, reason=str(refused)))
            raise
        told.show(ended)
    return {"completed": 0, "early_stopped": 0, "stopped": signals.exit_code}.get(ended.outcome, 1)


@contextmanager
def _frozen() -> Iterator[None]:
    """In its block all that has been loaded is not looked through again and again for garbage."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()  # what is frozen when Python ends is never freed, and extension modules such as Triton's complain


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


def _recording(experiment: Experiment, weights: Mapping[str, Tensor] | None, recipe: str) -> Recording:
    from desktop_trainer.engine.training import Training
    from desktop_trainer.runs.recording import Recording
    from desktop_trainer.runs.store import new_folder

    return Recording(Training(experiment, weights=weights), new_folder(experiment), recipe=recipe)


def _trained(recording: Recording, told: Output, signals: StopSignals, save: Path | None) -> RunEnded:
    """How the run ended. However that is, even if nobody reads the output, its model is written to `save`."""
    try:
        _pull(recording, told, signals)
    finally:
        ended = _saved(recording, save)
    return ended


def _pull(recording: Recording, told: Output, signals: StopSignals) -> None:
    from desktop_trainer.engine.events import RunEnded
    from desktop_trainer.runs.events import SaveProblem

    with closing(recording.events()) as events:
        for event in events:
            if isinstance(event, RunEnded):
                return
            if isinstance(event, SaveProblem):
                _wait_for_room(event, signals)
            else:
                told.show(event)
            if signals.number:
                break
        if (block := recording.flush()) is not None:
            told.show(block)


def _wait_for_room(problem: SaveProblem, signals: StopSignals) -> None:
    """Hold the run, whose next event is another try."""
    wait = tr("The training waits and tries again every {seconds:g} seconds; Ctrl-C stops it.", seconds=RETRY_SECONDS)
    print(f"desktop-trainer: {joined(problem.reason, wait)}", file=sys.stderr, flush=True)
    signals.wait(RETRY_SECONDS)


def _saved(recording: Recording, save: Path | None) -> RunEnded:
    from desktop_trainer.runs.model_file import export_state_dict, save_model
    from desktop_trainer.runs.retrying import patiently

    ended = recording.ended or recording.training.ended("failed")
    if save is None or recording.kept is None:
        return ended
    if save.suffix in _BARE:
        patiently(partial(export_state_dict, save, recording.kept.weights))
    else:
        patiently(partial(save_model, save, recording.kept))
    return replace(ended, paths={**ended.paths, "model": str(save)})
