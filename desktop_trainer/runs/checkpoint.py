"""A training's state in a folder, and back, byte for byte.

``weights.safetensors`` holds the model's tensors under their own names, ``optimizer.safetensors`` all others,
``state.json``
everything else, and ``manifest.json``, written last, the size and SHA-256 of each. Nothing that is read is ever run.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_trainer.i18n import joined, tr
from desktop_trainer.regular_files import is_link, open_regular
from desktop_trainer.runs.checkpoint_errors import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointTooLarge,
    CheckpointTooNew,
    NoCheckpoint,
    damaged,
    incomplete,
    too_large,
    too_new,
    unreadable,
)
from desktop_trainer.runs.checkpoint_folders import all_names, checkpoints, new_name, place_of, prune, remove
from desktop_trainer.runs.files import Disk, SaveFailed, link_refused, save_failed, write_file
from desktop_trainer.runs.memory import check_memory, used_up
from desktop_trainer.runs.model_errors import ModelFileError
from desktop_trainer.runs.plain_json import NotPlain, as_object, as_whole, parse_object, read_object
from desktop_trainer.runs.run_folder import CHECKPOINTS, MANIFEST, STATE
from desktop_trainer.runs.safetensors_check import checked_metadata
from desktop_trainer.runs.safetensors_file import serialized

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
WEIGHTS, OPTIMIZER = "weights.safetensors", "optimizer.safetensors"
_FILES = (WEIGHTS, OPTIMIZER, STATE)
_MOST_STATE = 16 * 2**20
_MOST_BYTES = 2**53
"""What is read is bounded by the memory that is free."""
_TIMES = 16
"""An optimizer remembers several tensors for each of the model."""
_COPIES = 2
"""So many times as many bytes as the files have are in memory while they are read."""

State = dict[str, Any]


def save_checkpoint(folder: Path, state: State, disk: Disk | None = None, *, keep: str = "") -> str:
    """Write `state` as the newest checkpoint of the run in `folder`; returns its name.

    When it lies on the disk for good, the others are removed, but for `keep`, or else the newest one before it, and for
    the oldest: from the start a run can go on whatever became of it later.

    Args:
        state: ``epoch``, ``batch`` and ``model`` (a ``state_dict``), and any tensors and plain values beside them.

    Raises:
        SaveFailed: if that was not possible. The checkpoints from before are still there.
    """
    disk = disk or Disk()
    whole = checkpoints(folder)
    keep = keep or next(reversed(whole), "")
    name = new_name(folder, state["epoch"], state["batch"])
    files = _files(state)
    try:
        _write(folder / CHECKPOINTS / name, files, disk)
    except (OSError, SaveFailed) as error:
        remove(folder, name, disk)
        if isinstance(error, SaveFailed):
            raise
        raise save_failed(folder / name, sum(map(len, files.values())), error) from error
    prune(folder, {name, keep, *whole[:1]}, disk)
    return name


def _files(state: State) -> dict[str, bytes]:
    from desktop_trainer.runs.state_tree import split

    _, weights = split(state["model"])
    plain, tensors = split({key: value for key, value in state.items() if key != "model"})
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False).encode()
    if len(text) > _MOST_STATE:
        raise SaveFailed(
            tr(
                "The run cannot be saved, because it could not be read back: what is no tensor takes "
                "{size} bytes, and at most {most} are read.",
                size=len(text),
                most=_MOST_STATE,
            )
        )
    return {
        WEIGHTS: b"".join(serialized(weights)),
        OPTIMIZER: b"".join(serialized(tensors, times=_TIMES)),
        STATE: text,
    }


def _write(place: Path, files: Mapping[str, bytes], disk: Disk) -> None:
    if is_link(place.parent):
        raise link_refused(place.parent)
    if not place.parent.is_dir():
        disk.make_folder(place.parent)
        disk.sync_folder(place.parent.parent)
    disk.make_folder(place)
    for name, data in files.items():
        write_file(place / name, data, disk, links=False)
    listed = {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    write_file(place / MANIFEST, json.dumps({"format": FORMAT, "files": listed}, indent=2).encode(), disk, links=False)
    disk.sync_folder(place.parent)


@dataclass(frozen=True, slots=True, eq=False)
class Newest:
    """The newest checkpoint that can be used.

    Attributes:
        notices: sentences that say why newer ones cannot.
    """

    state: State
    name: str
    notices: tuple[str, ...] = ()


def newest_checkpoint(folder: Path, order: Iterable[str] | None = None, *, of_run: bool = False) -> Newest:
    """The newest checkpoint of the run in `folder` that is whole and undamaged; with `order`, the first of these names.

    Args:
        of_run: it must say of which experiment it is.

    Raises:
        NoCheckpoint: if the run has none, or none that was ever finished.
        CheckpointTooNew, CheckpointTooLarge: if the newest one is of a newer version of this program, or there is no
            memory for it: to pass it over would lose it.
        CheckpointError: if there are some, and none can be used.
    """
    notices: list[str] = []
    for name in reversed(all_names(folder)) if order is None else order:
        try:
            state = _read(folder / CHECKPOINTS / name, of_run=of_run)
        except (CheckpointTooNew, CheckpointTooLarge):
            raise
        except CheckpointError as error:
            notices.append(str(error))
            continue
        if notices:
            notices.append(tr("The one before is used: {name}.", name=name))
        return Newest(state, name, tuple(notices))
    if checkpoints(folder):
        advice = tr(
            "None of the run's checkpoints can be used. Start the experiment again, or copy the "
            "run's folder back from a copy of it."
        )
        raise CheckpointDamaged(joined(*notices, advice))
    raise NoCheckpoint(tr("The run {run} has no checkpoint yet.", run=folder.name))


def load_checkpoint(folder: Path, name: str | None = None, *, of_run: bool = False) -> tuple[State, str]:
    """The state in the checkpoint `name` of the run in `folder`, and its name; without one, see `newest_checkpoint`.

    Args:
        of_run: it must say of which experiment it is.

    Raises:
        CheckpointError: if it cannot be used; the text names the one before it.
    """
    if name is None:
        found = newest_checkpoint(folder, of_run=of_run)
        return found.state, found.name
    names = checkpoints(folder)
    if name not in all_names(folder):
        raise NoCheckpoint(
            tr(
                "The run {run} has no checkpoint {name}. It has: {names}.",
                run=folder.name,
                name=name,
                names=", ".join(names),
            )
        )
    try:
        return _read(folder / CHECKPOINTS / name, of_run=of_run), name
    except CheckpointError as error:
        older = [other for other in all_names(folder)[: all_names(folder).index(name)] if other in names]
        if not older:
            raise
        raise type(error)(joined(str(error), tr("The one before is {name}.", name=older[-1]))) from error


def _read(place: Path, *, of_run: bool) -> State:
    listed = _manifest(place)
    try:
        needed = _COPIES * sum(as_whole(as_object(file).get("bytes"), 0, _MOST_BYTES) for file in listed.values())
        check_memory(place, needed)
        state = _state({name: _content(place / name, as_object(listed[name])) for name in _FILES})
        _check(state, place.name, of_run=of_run)
        return state
    except MemoryError as error:
        raise too_large(place.name, used_up(place, needed)) from error
    except OSError as error:
        raise (too_large if error.errno == errno.ENOMEM else unreadable)(place.name, error) from error
    except (ModelFileError, _Bad) as error:
        raise damaged(place.name, str(error).rstrip(".")) from error
    except NotPlain as error:
        raise incomplete(place.name) from error


def _manifest(place: Path) -> dict[str, Any]:
    """What the manifest says of each file."""
    try:
        values = read_object(place / MANIFEST)
        written = as_whole(values.get("format"), 1)
        if written > FORMAT:
            raise too_new(place.name, written, FORMAT)
        files = as_object(values.get("files"))
    except FileNotFoundError as error:
        raise incomplete(place.name) from error
    except OSError as error:
        raise unreadable(place.name, error) from error
    except NotPlain as error:
        raise incomplete(place.name) from error
    if files.keys() != set(_FILES):
        raise incomplete(place.name)
    return files


class _Bad(ValueError):
    """What is wrong, as a clause."""


def _content(path: Path, listed: Mapping[str, Any]) -> bytes:
    """The file's bytes, once they are known to be those that were written."""
    size = as_whole(listed.get("bytes"), 0, _MOST_STATE if path.name == STATE else _MOST_BYTES)
    try:
        with open_regular(path) as file:
            if (found := os.fstat(file.fileno()).st_size) != size:
                raise _Bad(tr("{file} has {found} bytes instead of {size}", file=path.name, found=found, size=size))
            data = file.read(size)
    except FileNotFoundError as error:
        raise _Bad(tr("{file} is missing", file=path.name)) from error
    if hashlib.sha256(data).hexdigest() != listed.get("sha256"):
        raise _Bad(tr("the content of {file} is not what was written", file=path.name))
    return data


def _state(contents: Mapping[str, bytes]) -> State:
    from desktop_trainer.runs.state_tree import NotAState, joined

    try:
        state = as_object(joined(parse_object(contents[STATE]), _tensors(contents[OPTIMIZER], _TIMES)))
        state["model"] = _tensors(contents[WEIGHTS])
    except (NotPlain, NotAState, RecursionError) as error:
        raise _Bad(tr("{file} does not hold a state", file=STATE)) from error
    return state


def _check(state: State, name: str, *, of_run: bool) -> None:
    from desktop_trainer.runs.state_check import BadValue, check_run_state, check_state

    try:
        (check_run_state if of_run else check_state)(state)
    except BadValue as error:
        raise _Bad(tr("a value in {file} is missing or wrong ({value})", file=STATE, value=error)) from error
    if place_of(name) != (state["epoch"], state["batch"]):
        raise _Bad(tr("a value in {file} is missing or wrong ({value})", file=STATE, value="epoch, batch"))


def _tensors(data: bytes, times: int = 1) -> dict[str, Tensor]:
    import safetensors
    import safetensors.torch

    checked_metadata(data, times=times)
    try:
        return safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError, RuntimeError) as error:
        raise _Bad(str(error).splitlines()[0][:200]) from error
