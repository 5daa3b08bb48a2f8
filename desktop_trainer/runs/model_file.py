"""A model in one file: its weights, and what made them.

Ours is a safetensors file with string metadata: `desktop_trainer_format`, `desktop_trainer_version`, `experiment`,
    `metrics`,
`class_names` and `statistics` (JSON), and `sha256` over all of that and the tensors. Files of others are read as
bare weights.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from desktop_trainer import __version__
from desktop_trainer.engine.images.normalization import Statistics
from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.experiment.formats import numbered
from desktop_trainer.experiment.problems import ExperimentError, read_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr
from desktop_trainer.regular_files import open_regular
from desktop_trainer.runs.files import Disk, write_file
from desktop_trainer.runs.foreign_weights import read_state_dict
from desktop_trainer.runs.memory import check_memory, used_up
from desktop_trainer.runs.model_errors import (
    ModelFileDamaged,
    ModelFileError,
    ModelFileRefused,
    ModelFileUnreadable,
    damaged,
    refused,
)
from desktop_trainer.runs.safetensors_check import checked_metadata
from desktop_trainer.runs.safetensors_file import check_header, serialized

__all__ = [
    "ModelFileDamaged",
    "ModelFileError",
    "ModelFileRefused",
    "ModelFileUnreadable",
    "SavedModel",
    "export_state_dict",
    "load_model",
    "save_model",
]

FORMAT = 1
_FORMAT, _VERSION, _DIGEST = "desktop_trainer_format", "desktop_trainer_version", "sha256"
_COPIES, _ARCHIVE_COPIES = 2, 4
"""So many times as many bytes as a file has are in memory while it is read: a safetensors file, and an archive of
torch.
"""
_ARCHIVE = b"PK\x03\x04"


@dataclass(frozen=True, slots=True, eq=False)
class SavedModel:
    """What a model file holds.

    Attributes:
        experiment: what made the model; None if the file does not say.
        weights: a ``state_dict``, on the CPU.
        metrics: its results by name, for example ``test_accuracy``; those that are not finite are not written.
        class_names: what its outputs stand for, in their order; empty if the file does not say.
        statistics: of its training images, if it was normalised by these and the file says so.
    """

    experiment: Experiment | None
    weights: Mapping[str, Tensor]
    metrics: Mapping[str, float] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()
    statistics: Statistics | None = None


def save_model(path: Path, model: SavedModel, disk: Disk | None = None, *, links: bool = True) -> None:
    """Write `model` into one safetensors file, without the settings that belong to this machine.

    Raises:
        SaveFailed: see `write_file` and `serialized`.
    """
    weights, metadata = _plain(model.weights), _metadata(model)
    metadata[_DIGEST] = _digest(weights, metadata)
    write_file(path, serialized(weights, metadata), disk, links=links)


def check_savable(model: SavedModel) -> None:
    """See whether `save_model` will write such a model, whatever its numbers are.

    Raises:
        SaveFailed: if not.
    """
    check_header(model.weights, _metadata(model))


def _metadata(model: SavedModel) -> dict[str, str]:
    metadata = {
        _FORMAT: str(FORMAT),
        _VERSION: __version__,
        "metrics": _json({name: value for name, value in model.metrics.items() if math.isfinite(value)}),
        "class_names": _json(model.class_names),
    }
    if model.experiment is not None:
        metadata["experiment"] = _json(numbered(shared_values(model.experiment)))
    if model.statistics is not None:
        metadata["statistics"] = _json(model.statistics.values())
    return metadata


def export_state_dict(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write `weights` as ``torch.save`` does, for programs that know only PyTorch.

    Raises:
        SaveFailed: see `write_file`.
    """
    buffer = io.BytesIO()
    torch.save(_plain(weights), buffer)
    write_file(path, buffer.getvalue())


def load_model(path: Path, *, links: bool = True) -> SavedModel:
    """What the model file at `path` holds: a safetensors file, ours or not, or a ``state_dict`` of ``torch.save``.

    The content decides, not the ending. Nothing in the file is run, and torch's random numbers stay as they are.

    Args:
        links: follow a link; without it, a link is refused, as in the folder of a run.

    Raises:
        ModelFileUnreadable: if there is no such file, or no memory for it.
        ModelFileDamaged: if it is cut short or was changed.
        ModelFileRefused: if it holds something else, or is of a newer version of this program.
    """
    try:
        return _loaded(_read(path, links=links))
    except MemoryError as error:
        raise _unreadable(path, used_up(path, _COPIES * path.stat().st_size)) from error


def _loaded(data: bytes) -> SavedModel:
    if data.startswith(_ARCHIVE):
        return SavedModel(None, read_state_dict(data))
    if data[8:9] == b"{":
        return _load_safetensors(data)
    if data.startswith(b"\x80"):
        raise refused(
            tr("This file is a Python pickle, which could run a program when it is opened. It was not loaded.")
        )
    if len(data) < 9:
        raise damaged(tr("it has only {size} bytes", size=len(data)))
    raise ModelFileRefused(tr("This is not a model file: neither safetensors nor a .pt file of PyTorch."))


def _read(path: Path, *, links: bool) -> bytes:
    try:
        with open_regular(path, links=links) as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(len(_ARCHIVE))
            check_memory(path, size * (_ARCHIVE_COPIES if start == _ARCHIVE else _COPIES))
            file.seek(0)
            return file.read(size)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError | ValueError) -> ModelFileUnreadable:
    why = getattr(error, "strerror", None) or error
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return ModelFileUnreadable(
            tr("{path} cannot be read: {error}. Close other programs, or choose a smaller file.", path=path, error=why)
        )
    return ModelFileUnreadable(tr("{path} cannot be read: {error}. Choose another file.", path=path, error=why))


def _load_safetensors(data: bytes) -> SavedModel:
    metadata = checked_metadata(data)
    if _FORMAT in metadata:
        _check_format(metadata[_FORMAT])
    try:
        weights = safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError, RuntimeError) as error:
        raise _changed() from error
    if _FORMAT not in metadata and _DIGEST not in metadata:
        return SavedModel(None, weights)
    digest = metadata.pop(_DIGEST, "")
    if digest != _digest(weights, metadata):
        raise _changed()
    return _ours(weights, metadata)


def _check_format(text: str) -> None:
    if not text.isdecimal() or int(text[:9]) < 1:
        raise _changed()
    if int(text[:9]) > FORMAT:
        raise ModelFileRefused(
            tr(
                "This file is of a newer version of Desktop Trainer (format {found}; this one reads up "
                "to {known}). It was left as it is; install the newer version to open it.",
                found=text[:9],
                known=FORMAT,
            )
        )


def _ours(weights: dict[str, Tensor], metadata: Mapping[str, str]) -> SavedModel:
    metrics = _parsed(metadata, "metrics")
    names = _parsed(metadata, "class_names")
    if not isinstance(metrics, dict) or not all(map(_is_figure, metrics.values())):
        raise _changed()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _changed()
    figures = {name: float(value) for name, value in metrics.items()}
    return SavedModel(_experiment(metadata), weights, figures, tuple(names), _statistics(metadata))


def _is_figure(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e300


def _experiment(metadata: Mapping[str, str]) -> Experiment | None:
    if "experiment" not in metadata:
        return None
    try:
        return read_experiment(metadata["experiment"])
    except ExperimentError as error:
        text = tr(
            "This model was made with settings that this program does not know, perhaps by a plug-in "
            "or another version:"
        )
        raise ModelFileRefused(f"{text}\n{error}") from error


def _statistics(metadata: Mapping[str, str]) -> Statistics | None:
    if "statistics" not in metadata:
        return None
    try:
        return Statistics.read(_parsed(metadata, "statistics"))
    except ValueError as error:
        raise _changed() from error


def _parsed(metadata: Mapping[str, str], key: str) -> Any:
    try:
        value = json.loads(metadata[key])
        _json(value).encode()  # half a surrogate pair could be neither shown nor written
        return value
    except (KeyError, ValueError, RecursionError) as error:
        raise _changed() from error


def _changed() -> ModelFileDamaged:
    return damaged(tr("its content is not what was written"))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _plain(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the CPU, contiguous and each with memory of its own, as safetensors wants them."""
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in weights.items()
    }


def _digest(weights: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """SHA-256, in hex, of the tensors with their names, types and shapes, and of the metadata."""
    digest = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name, tensor in sorted(weights.items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
