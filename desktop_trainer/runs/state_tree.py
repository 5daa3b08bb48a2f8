"""A training's state as JSON and a list of tensors, and back, byte for byte.

JSON has no tuples, no tensors, no numbers that are not finite, and no keys but texts: these are objects with one
    key that
begins with ``$``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

_TENSOR, _TUPLE, _FLOAT, _ITEMS = "$tensor", "$tuple", "$float", "$items"
_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class NotAState(ValueError):
    """This JSON and these tensors were not made by `split`."""


def split(state: Any) -> tuple[Any, dict[str, Tensor]]:
    """`state` as plain JSON values, and its tensors, named by where they stood: ``optimizer.state.0.exp_avg``.

    Each tensor is contiguous, on the CPU, with memory of its own, as safetensors wants them.

    Raises:
        TypeError: if there is anything in it but tensors, None, texts, numbers, lists, tuples and mappings.
    """
    tensors: dict[str, Tensor] = {}
    return _plain(state, "", tensors), tensors


def _plain(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    if value is None or isinstance(value, str | int):  # bool is an int
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {_FLOAT: str(float(value))}
    if isinstance(value, Tensor):
        return {_TENSOR: _add(value, path, tensors)}
    if isinstance(value, list | tuple):
        entries = [_plain(item, f"{path}.{index}", tensors) for index, item in enumerate(value)]
        return entries if isinstance(value, list) else {_TUPLE: entries}
    if isinstance(value, Mapping):
        items = [(key, _plain(item, f"{path}.{key}", tensors)) for key, item in value.items()]
        texts = all(isinstance(key, str) and not key.startswith("$") for key, _ in items)
        return dict(items) if texts else {_ITEMS: [[_plain(key, path, tensors), item] for key, item in items]}
    raise TypeError(f"{path} is a {type(value).__name__}; it cannot be saved.")


def _add(tensor: Tensor, path: str, tensors: dict[str, Tensor]) -> str:
    name = path.removeprefix(".")
    while name in tensors:
        name += "_"
    tensors[name] = tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
    return name


def joined(plain: Any, tensors: Mapping[str, Tensor]) -> Any:
    """What `split` took apart. Numbers are kept as they are, so the caller checks what it uses.

    Raises:
        NotAState: if it was not made by `split`.
    """
    if isinstance(plain, list):
        return [joined(item, tensors) for item in plain]
    if not isinstance(plain, dict):
        return plain
    tag = next((key for key in plain if key.startswith("$")), None)
    if tag is None:
        return {key: joined(item, tensors) for key, item in plain.items()}
    if len(plain) != 1 or tag not in _JOIN:
        raise NotAState(f"{tag} is unknown")
    return _JOIN[tag](plain[tag], tensors)


def _tensor(name: Any, tensors: Mapping[str, Tensor]) -> Tensor:
    if not isinstance(name, str) or name not in tensors:
        raise NotAState(f"there is no tensor {str(name)[:200]}")
    return tensors[name]


def _tuple(entries: Any, tensors: Mapping[str, Tensor]) -> tuple[Any, ...]:
    if not isinstance(entries, list):
        raise NotAState("a tuple is no list")
    return tuple(joined(item, tensors) for item in entries)


def _float(text: Any, _tensors: Mapping[str, Tensor]) -> float:
    if not isinstance(text, str) or text not in _NON_FINITE:
        raise NotAState("a number is none")
    return _NON_FINITE[text]


def _items(pairs: Any, tensors: Mapping[str, Tensor]) -> dict[Any, Any]:
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise NotAState("a mapping is no list of pairs")
    found = [(joined(key, tensors), joined(item, tensors)) for key, item in pairs]
    if not all(key is None or isinstance(key, str | int | float) for key, _ in found):
        raise NotAState("a key is no plain value")
    return dict(found)


_JOIN: dict[str, Callable[[Any, Mapping[str, Tensor]], Any]] = {
    _TENSOR: _tensor,
    _TUPLE: _tuple,
    _FLOAT: _float,
    _ITEMS: _items,
}
