"""Examines a safetensors file before anything is made of it.

The format: 8 bytes length of the header (little-endian), a JSON object, the tensors' bytes without gaps.
https://huggingface.co/docs/safetensors#format
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from desktop_trainer.i18n import tr
from desktop_trainer.runs.model_errors import ModelFileRefused, damaged

MAX_TENSORS = 10_000
MAX_HEADER = 4 * 2**20
_MAX_DIMENSIONS, _MAX_ELEMENTS = 16, 2**40
_ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}


def checked_metadata(data: bytes, *, times: int = 1) -> dict[str, str]:
    """The metadata of the safetensors file with the content `data`, after checking that its header describes it.

    Args:
        times: so many times as many tensors as in a model, and as long a header, are taken.

    Raises:
        ModelFileDamaged: if the header is not well formed or does not fit the bytes that follow it.
        ModelFileRefused: if there are too many tensors, or numbers of an unsupported type.
    """
    header = _header(data, times * MAX_HEADER)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise damaged(tr("its metadata are not texts"))
    if not 1 <= len(header) <= times * MAX_TENSORS:
        raise ModelFileRefused(
            tr("This file holds {count} tensors; 1 to {limit} are read.", count=len(header), limit=times * MAX_TENSORS)
        )
    length = len(data) - 8 - int.from_bytes(data[:8], "little")
    _check_layout([_extent(name, entry) for name, entry in header.items()], length)
    return metadata


def _header(data: bytes, most: int) -> dict[str, Any]:
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > len(data) - 8:
        raise damaged(tr("it ends inside its header"))
    if size > most:
        raise ModelFileRefused(
            tr("This file's header is too long: {size} bytes of at most {limit}.", size=size, limit=most)
        )
    try:
        header = json.loads(data[8 : 8 + size].decode(), object_pairs_hook=_without_duplicates)
        if b"\\u" in data[8 : 8 + size]:
            json.dumps(header, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise damaged(tr("its header is not JSON")) from error
    if not isinstance(header, dict):
        raise damaged(tr("its header is not JSON"))
    return header


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise damaged(tr("a name occurs twice in its header"))
    return found


def _extent(name: str, entry: Any) -> tuple[int, int]:
    """First and one-past-last byte of a tensor."""
    if not isinstance(entry, Mapping) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise damaged(tr("its header does not describe {name}", name=name))
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not _counts(shape) or len(shape) > _MAX_DIMENSIONS or not _counts(offsets) or len(offsets) != 2:
        raise damaged(tr("its header does not describe {name}", name=name))
    if not isinstance(kind, str) or kind not in _ITEM_BYTES:
        shown = kind[:20] if isinstance(kind, str) else "?"  # it may be anything, nested as deep as can be read
        raise ModelFileRefused(
            tr(
                "{name} has numbers of the type {kind}, which is not supported. Known are: {known}.",
                name=name,
                kind=shown,
                known=", ".join(_ITEM_BYTES),
            )
        )
    if math.prod(max(size, 1) for size in shape) > _MAX_ELEMENTS:
        raise damaged(tr("{name} is too large", name=name))
    if offsets[1] - offsets[0] != math.prod(shape) * _ITEM_BYTES[kind]:
        raise damaged(tr("{name} has another size than its shape says", name=name))
    return offsets[0], offsets[1]


def _counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _check_layout(extents: list[tuple[int, int]], length: int) -> None:
    """The tensors must fill the `length` bytes behind the header, without gap or overlap."""
    end = 0
    for start, stop in sorted(extents):
        if start != end:
            raise damaged(tr("its tensors overlap or leave a gap"))
        end = stop
    if end != length:
        raise damaged(tr("its tensors need {needed} bytes and {found} are there", needed=end, found=length))
