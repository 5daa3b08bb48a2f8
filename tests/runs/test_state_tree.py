"""A state taken apart and joined again is the same value, with the same types, bit for bit."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from desktop_trainer.runs.state_tree import NotAState, joined, split

PLAIN = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)
KEYS = st.text() | st.integers()
NESTED = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner), max_leaves=20
)


def there_and_back(value: Any) -> Any:
    plain, tensors = split(value)
    return joined(json.loads(json.dumps(plain, allow_nan=False)), tensors)


@given(NESTED)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    """``repr`` also tells -0.0 from 0.0, 1 from True and a tuple from a list."""
    assert repr(there_and_back(value)) == repr(value)


def test_numbers_that_are_not_finite_come_back() -> None:
    back = there_and_back({"nan": math.nan, "all": (math.inf, -math.inf)})
    assert math.isnan(back["nan"])
    assert back["all"] == (math.inf, -math.inf)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8, torch.bool])
def test_tensors_come_back_with_type_shape_and_every_bit(dtype: torch.dtype) -> None:
    tensor = torch.arange(24).reshape(2, 3, 4).to(dtype)
    back = there_and_back({"state": {0: {"step": tensor[0, 0, 1], "view": tensor.transpose(0, 2)}}})["state"][0]
    assert (back["step"].dtype, back["step"].shape) == (dtype, torch.Size([]))
    assert torch.equal(back["view"], tensor.transpose(0, 2))


def test_tensors_of_the_same_path_are_kept_apart() -> None:
    back = there_and_back({"a.b": {"c": torch.tensor(1)}, "a": {"b.c": torch.tensor(2)}})
    assert (int(back["a.b"]["c"]), int(back["a"]["b.c"])) == (1, 2)


def test_what_cannot_be_saved_is_named() -> None:
    with pytest.raises(TypeError, match=r"optimizer\.0 is a set"):
        split({"optimizer": [{1}]})


@pytest.mark.parametrize(
    "plain",
    [
        {"$tensor": "none"},
        {"$tensor": 3},
        {"$tuple": 3},
        {"$float": "1"},
        {"$float": []},
        {"$items": [[1]]},
        {"$items": 3},
        {"$items": [[{"$tensor": "there"}, 1]]},
        {"$items": [[[1], 1]]},
        {"$else": 1},
        {"$tuple": [], "more": 1},
    ],
)
def test_what_nobody_took_apart_is_refused(plain: Any) -> None:
    with pytest.raises(NotAState):
        joined({"deep": [plain]}, {"there": torch.tensor(1)})
