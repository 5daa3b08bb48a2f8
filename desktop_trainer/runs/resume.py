"""Lets a run go on in its folder, exactly where it was, perhaps with changed settings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from desktop_trainer import folders
from desktop_trainer.engine.changing import changed_options
from desktop_trainer.engine.events import Records
from desktop_trainer.engine.explosion import FACTOR
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.difference import Difference
from desktop_trainer.experiment.difference import differences as differences_of
from desktop_trainer.experiment.fields import get_value, settings_of, shared_values, with_value
from desktop_trainer.experiment.keeping import is_fixed
from desktop_trainer.experiment.problems import ExperimentError, Problem, parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import joined, tr
from desktop_trainer.runs.checkpoint import Newest, State, load_checkpoint, newest_checkpoint
from desktop_trainer.runs.checkpoint_errors import NoCheckpoint, damaged
from desktop_trainer.runs.checkpoint_folders import all_names, checkpoints, place_of
from desktop_trainer.runs.files import Disk
from desktop_trainer.runs.fixed import FOLDER, check_epochs
from desktop_trainer.runs.history import History, read_journal
from desktop_trainer.runs.inexact import differences, unknown_data
from desktop_trainer.runs.keeper import Past
from desktop_trainer.runs.lock import RunLock
from desktop_trainer.runs.lost import known_facts, known_settings
from desktop_trainer.runs.model_file import ModelFileUnreadable, load_model
from desktop_trainer.runs.moved import check_folder
from desktop_trainer.runs.plain_json import NotPlain, as_object, read_object
from desktop_trainer.runs.recording import Recording
from desktop_trainer.runs.run_folder import (
    EXPERIMENT,
    MODEL,
    RUN,
    NotARun,
    RunFacts,
    local_values,
    new_facts,
    read_settings,
    refuse_links,
    write_experiment,
    write_facts,
)

BACK = 100
"""So many batches before a divergence the run is taken to be well yet: it does not come out of nothing."""
_GROWN = 10
"""A loss of so many times the first one comes of parameters that are too large already."""


def reopen(
    folder: Path,
    changes: Mapping[str, Any] | None = None,
    *,
    checkpoint: str | None = None,
    here: Experiment | None = None,
    disk: Disk | None = None,
) -> Recording:
    """The run in `folder`, ready to go on from its newest whole checkpoint; without one it begins anew.

    One that diverged goes back to the newest at least 100 batches before, for the last ones lie too near; if it did not
    come so far, to the newest before.

    Its lock is held from now on, until `Recording.events` has ended, so these must be pulled. If nothing is changed the
    run ends as if it had never stopped, in every byte on the CPU; `Recording.inexact` says where that cannot hold.

    Args:
        changes: other values of settings, by dotted path. The optimizer keeps what it remembers.
        checkpoint: the name of another checkpoint to go back to.
        here: has the settings of this machine; without it they are those with which the run began.

    Raises:
        NotARun: if the folder holds no run, or a link. RunBusy: if it is going on. SaveFailed: if the folder cannot
            be written.
        CheckpointError: if there are checkpoints and none can be used, or the newest one is of a newer version.
        ExperimentError: if the changes do not make an experiment, or not the same run.
        DeviceMissing: if this machine has no such device. FolderMoved: if its folder of images is not there.
    """
    refuse_links(folder)
    known_facts(folder)  # a folder that is no run must not be given a lock
    lock = RunLock(folder)
    lock.acquire()
    try:
        return _reopened(folder, changes or {}, checkpoint, here, lock, disk)
    except BaseException:
        lock.release()
        raise


def _reopened(
    folder: Path,
    changes: Mapping[str, Any],
    checkpoint: str | None,
    here: Experiment | None,
    lock: RunLock,
    disk: Disk | None,
) -> Recording:
    history, facts = read_journal(folder), known_facts(folder)
    before = _own_experiment(known_settings(folder, history), facts.local if here is None else local_values(here))
    experiment = _changed(before, changes)
    check_folder(experiment)
    found = _state(folder, checkpoint, history, before)
    if found is None:
        training = Training(experiment, weights=_first_weights(folder))
        past = Past(lock, up_to(history, 0, 0), changes=different(before, experiment))
    else:
        made_with = _made_with(found)
        if isinstance(channels := found.state.get("channels"), int):
            before, experiment, made_with = (each.settled(channels) for each in (before, experiment, made_with))
        _check_kept(made_with, experiment)
        moved = any(each.path == FOLDER for each in different(made_with, experiment))
        fingerprint = str(found.state.get("fingerprint", ""))
        training = Training(experiment, fingerprint=fingerprint if moved else "")
        training.load_state(_with_hyperparameters(found, experiment))
        past = Past(
            lock,
            up_to(history, training.epoch, training.batch),
            found.name,
            newest=found.name == all_names(folder)[-1],
            changes=different(made_with, experiment),
            inexact=(
                *found.notices,
                *differences(found.state, experiment),
                *(unknown_data() if moved and not fingerprint else ()),
            ),
            fingerprint=fingerprint,
        )
    if "training.epochs" in changes:
        completed = history.ended is not None and history.ended.outcome == "completed"
        check_epochs(experiment.training.epochs, training.epoch, training.batch, completed=completed)
    _write_lost(folder, facts, before, disk)
    return Recording(training, folder, past=past, disk=disk)


def _write_lost(folder: Path, facts: RunFacts, experiment: Experiment, disk: Disk | None) -> None:
    """Write again what of the small files was lost or damaged."""
    if not facts.id and _is_lost(folder / RUN, disk):
        write_facts(folder, replace(new_facts(experiment), created=facts.created), disk)
    try:
        read_settings(folder)
    except NotARun:
        if _is_lost(folder / EXPERIMENT, disk):
            write_experiment(folder, experiment, disk)


def _is_lost(path: Path, disk: Disk | None) -> bool:
    """Whether to write a small file again, not if the system only does not give it now. What is damaged is kept
    beside it.
    """
    try:
        read_object(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    except NotPlain:
        pass
    with suppress(OSError):
        (disk or Disk()).replace(path, path.with_name(f"{path.name}.damaged"))
    return True


def _own_experiment(settings: Mapping[str, Any], local: Mapping[str, Any]) -> Experiment:
    """What the run was last trained with, on this machine."""
    values = dict(settings)
    known = {item.path for item in settings_of(values) if item.local}
    for path, value in local.items():
        if path in known and not (path == "data.data_root" and not _is_folder(str(value))):
            values = with_value(values, path, value)
    return parse_experiment(values)


def _is_folder(path: str) -> bool:
    """Whether there is such a folder; one on a computer that the user never named is not looked at."""
    return not folders.unasked_computer(path) and folders.data_root(path).is_dir()


def _changed(experiment: Experiment, changes: Mapping[str, Any]) -> Experiment:
    values: dict[str, Any] = experiment.model_dump(mode="json")
    for path, value in changes.items():
        if get_value(values, path) != value:  # to name the choice that there is keeps its options
            values = with_value(values, path, value)
    changed = parse_experiment(values)
    _check_kept(experiment, changed)
    return changed


def _check_kept(before: Experiment, after: Experiment) -> None:
    wrong = [change.path for change in different(before, after) if is_fixed(change.path)]
    if wrong:
        text = tr("A run that goes on keeps this setting. Start a new run with the other value.")
        raise ExperimentError([Problem(path, text) for path in wrong])


def different(before: Experiment, after: Experiment) -> tuple[Difference, ...]:
    """The settings, without those of the machine, in which two experiments differ."""
    return tuple(differences_of(shared_values(before), shared_values(after)))


def _state(folder: Path, checkpoint: str | None, history: History, experiment: Experiment) -> Newest | None:
    """The state to go on from; None if the run never came to its first batch."""
    if checkpoint is not None:
        state, name = load_checkpoint(folder, checkpoint, of_run=True)
        return Newest(state, name)
    try:
        if history.ended is not None and history.ended.outcome == "diverged":
            return newest_checkpoint(folder, _before_divergence(folder, history, experiment), of_run=True)
        return newest_checkpoint(folder, of_run=True)
    except NoCheckpoint as error:
        if history.position == (0, 0) and not history.epochs:
            return None
        text = tr(
            "Its checkpoints are gone, so it cannot go on. Start the experiment again, or open its "
            "model and train that."
        )
        raise NoCheckpoint(joined(str(error), text)) from error


def _before_divergence(folder: Path, history: History, experiment: Experiment) -> list[str]:
    """The checkpoints in the order in which to try them: those well before the divergence, then those before it,
    then all.

    Of the first two kinds the newest comes first.
    """
    per_epoch = history.started.batches_per_epoch if history.started else experiment.data.train_plan.batches

    def batches(place: tuple[int, int]) -> int:
        return place[0] * per_epoch + place[1]

    names, end = checkpoints(folder), batches(_last_well(history))
    before = [name for name in names if batches(place_of(name)) <= end]
    # In a run of fewer batches nothing lies so far back but the start, which would throw all of them away.
    good = [name for name in before if batches(place_of(name)) <= end - BACK]
    near = [name for name in before if name not in good]
    return [*reversed(good), *reversed(near), *(name for name in names if name not in before)]


def _last_well(history: History) -> tuple[int, int]:
    """How much was done when a loss was last like the first one before it blew up: whole epochs, and batches of the
    next one.
    """
    places = [(block.epoch - 1, block.first - 1 + index) for block in history.records for index in range(len(block))]
    if not places:
        return 0, 0
    losses = np.concatenate([block.loss for block in history.records])
    bad, grown = np.flatnonzero(~np.isfinite(losses)), np.flatnonzero(losses > FACTOR * losses[0])
    end = bad[0] if len(bad) else grown[-1] if len(grown) else len(losses)
    well = np.flatnonzero(losses[:end] <= _GROWN * losses[0])
    return places[well[-1]] if len(well) else places[0]


def _first_weights(folder: Path) -> Any:
    """What the run was to start from; None for new parameters."""
    try:
        return load_model(folder / MODEL, links=False).weights
    except ModelFileUnreadable:
        return None


def _made_with(found: Newest) -> Experiment:
    """The experiment that the checkpoint is of."""
    try:
        return parse_experiment(as_object(found.state.get("experiment")))
    except NotPlain as error:
        raise damaged(found.name, tr("it does not say what was trained")) from error


def _with_hyperparameters(found: Newest, experiment: Experiment) -> State:
    """The state, with the optimizer's settings where they differ from those that the checkpoint was made with."""
    changed = changed_options(_made_with(found).optimizer, experiment.optimizer)
    optimizer = found.state["optimizer"]
    try:
        groups = [{**as_object(group), **changed} for group in optimizer["param_groups"]]
    except NotPlain as error:
        raise damaged(found.name, tr("it does not say what was trained")) from error
    return {**found.state, "optimizer": {**optimizer, "param_groups": groups}}


def up_to(history: History, epoch: int, batch: int) -> History:
    """`history` up to a position: `epoch` whole epochs and `batch` batches of the next one."""
    parts = [_first_of(block, epoch, batch) for block in history.records]
    records = [part for part in parts if len(part)]
    epochs = [event for event in history.epochs if event.epoch <= epoch]
    seconds = float(records[-1].seconds[-1]) if records else 0.0
    return replace(
        history, records=records, epochs=epochs, ended=None, ended_at=None, position=(epoch, batch), seconds=seconds
    )


def _first_of(block: Records, epoch: int, batch: int) -> Records:
    """The part of `block` that lies before a position."""
    rest = batch - block.first + 1 if block.epoch == epoch + 1 else len(block) if block.epoch <= epoch else 0
    if rest >= len(block):
        return block
    columns = {item.name: getattr(block, item.name)[: max(rest, 0)] for item in fields(block)[2:]}
    return Records(block.epoch, block.first, **columns)
