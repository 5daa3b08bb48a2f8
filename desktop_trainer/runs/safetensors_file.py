"""Tensors as the content of a safetensors file that this program reads again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from desktop_trainer.i18n import tr
from desktop_trainer.runs.files import SaveFailed
from desktop_trainer.runs.model_errors import ModelFileError
from desktop_trainer.runs.safetensors_check import MAX_HEADER, MAX_TENSORS, checked_metadata

if TYPE_CHECKING:
    from torch import Tensor

_LONGEST = {"dtype": "BF16", "shape": [2**40] * 4, "data_offsets": [2**44] * 2}
"""No tensor's entry in the header is longer."""


def serialized(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None, *, times: int = 1
) -> list[bytes | memoryview]:
    """The content of the file, in parts: the same bytes for the same tensors, which are contiguous and on the CPU.

    Args:
        times: see `checked_metadata`.

    Raises:
        SaveFailed: if the file could not be read back.
    """
    import safetensors.torch

    data = safetensors.torch.save(dict(tensors), dict(metadata) if metadata else None)
    try:
        checked_metadata(data, times=times)
    except ModelFileError as error:
        raise _not_readable(str(error)) from error
    if not metadata:
        return [data]
    start = 8 + int.from_bytes(data[:8], "little")
    # The library writes the metadata in an order that is another one each time.
    header = json.loads(data[8:start]) | {"__metadata__": dict(sorted(metadata.items()))}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return [len(text).to_bytes(8, "little") + text, memoryview(data)[start:]]


def check_header(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """See before there is anything to save whether `serialized` will do it, whatever the tensors hold then.

    Raises:
        SaveFailed: if not.
    """
    header = {"__metadata__": dict(metadata), **dict.fromkeys(tensors, _LONGEST)}
    size = len(json.dumps(header, ensure_ascii=False).encode())
    if len(tensors) > MAX_TENSORS:
        raise _not_readable(
            tr("This file holds {count} tensors; 1 to {limit} are read.", count=len(tensors), limit=MAX_TENSORS)
        )
    if size > MAX_HEADER:
        raise _not_readable(
            tr("This file's header is too long: {size} bytes of at most {limit}.", size=size, limit=MAX_HEADER)
        )


def _not_readable(why: str) -> SaveFailed:
    return SaveFailed(
        tr(
            "The model cannot be saved, because it could not be read back. {why} Choose a model with "
            "fewer parts, or data with fewer classes or shorter names of them.",
            why=why,
        )
    )
