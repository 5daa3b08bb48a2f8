"""Bad headers of safetensors files are ours to refuse (F11)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from desktop_trainer.runs.model_file import ModelFileDamaged, ModelFileError, ModelFileRefused, load_model
from desktop_trainer.runs.safetensors_check import checked_metadata


def file_of(header: Any, data: bytes = b"", size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if size is None else size).to_bytes(8, "little") + text + data


def tensor(start: int, stop: int, shape: Any = None, dtype: Any = "U8") -> dict[str, Any]:
    return {"dtype": dtype, "shape": [stop - start] if shape is None else shape, "data_offsets": [start, stop]}


DAMAGED = {
    "length of 2^63": file_of({"a": tensor(0, 4)}, bytes(4), size=2**63),
    "length of 2^64 - 1": file_of({"a": tensor(0, 4)}, bytes(4), size=2**64 - 1),
    "length past the end by one": file_of({"a": tensor(0, 4)}, b"", size=len(json.dumps({"a": tensor(0, 4)})) + 1),
    "not JSON": file_of(b"{not json"),
    "not UTF-8": file_of(b'{"\xff": 1}'),
    "half a surrogate pair": file_of(b'{"\\ud800": {"dtype": "X", "shape": [], "data_offsets": [0, 0]}}'),
    "nested without end": file_of(b'{"a":' * 200_000),
    "number of 10 000 digits": file_of(b'{"a": ' + b"9" * 10_000 + b"}"),
    "overlap": file_of({"a": tensor(0, 4), "b": tensor(2, 6)}, bytes(6)),
    "the same bytes twice": file_of({"a": tensor(0, 4), "b": tensor(0, 4)}, bytes(4)),
    "hole": file_of({"a": tensor(0, 4), "b": tensor(6, 8)}, bytes(8)),
    "hole before": file_of({"a": tensor(2, 4)}, bytes(4)),
    "bytes left over": file_of({"a": tensor(0, 4)}, bytes(5)),
    "bytes missing": file_of({"a": tensor(0, 4)}, bytes(3)),
    "offsets turned round": file_of({"a": {**tensor(0, 4), "data_offsets": [4, 0]}}, bytes(4)),
    "negative offset": file_of({"a": {**tensor(0, 4), "data_offsets": [-4, 0]}}, bytes(4)),
    "offset a text": file_of({"a": {**tensor(0, 4), "data_offsets": ["0", "4"]}}, bytes(4)),
    "offset true": file_of({"a": {**tensor(0, 1), "data_offsets": [False, True]}}, bytes(1)),
    "three offsets": file_of({"a": {**tensor(0, 4), "data_offsets": [0, 4, 4]}}, bytes(4)),
    "shape too large": file_of({"a": tensor(0, 4, [5])}, bytes(4)),
    "shape that overflows": file_of({"a": tensor(0, 4, [2**32, 2**32, 4])}, bytes(4)),
    "empty but huge": file_of({"a": tensor(0, 0, [0, 2**62])}),
    "negative shape": file_of({"a": tensor(0, 4, [-2, -2])}, bytes(4)),
    "shape of fractions": file_of({"a": tensor(0, 4, [4.0])}, bytes(4)),
    "100 dimensions": file_of({"a": tensor(0, 1, [1] * 100)}, bytes(1)),
    "no dtype": file_of({"a": {"shape": [4], "data_offsets": [0, 4]}}, bytes(4)),
    "something more": file_of({"a": {**tensor(0, 4), "code": "x"}}, bytes(4)),
    "entry a number": file_of({"a": 4}, bytes(4)),
    "duplicate tensor": file_of(b'{"a":%b,"a":%b}' % ((json.dumps(tensor(0, 4)).encode(),) * 2), bytes(4)),
    "duplicate field": file_of(b'{"a":{"dtype":"U8","dtype":"I8","shape":[4],"data_offsets":[0,4]}}', bytes(4)),
    "metadata a number": file_of({"__metadata__": {"a": 1}, "a": tensor(0, 4)}, bytes(4)),
    "metadata a list": file_of({"__metadata__": [], "a": tensor(0, 4)}, bytes(4)),
}
REFUSED = {
    "unknown dtype": file_of({"a": tensor(0, 4, dtype="X9")}, bytes(4)),
    "unsupported dtype": file_of({"a": tensor(0, 4, dtype="F8_E5M2")}, bytes(4)),
    "dtype a number": file_of({"a": tensor(0, 4, dtype=8)}, bytes(4)),
    "no tensors": file_of({}),
    "100 000 tensors": file_of({f"{n}": tensor(n, n + 1) for n in range(100_000)}, bytes(100_000)),
    "10 001 tensors": file_of({f"{n}": tensor(n, n + 1) for n in range(10_001)}, bytes(10_001)),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_header_that_contradicts_itself_is_damage(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ModelFileDamaged):
        load_model(tmp_path / "file")


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_well_formed_and_not_for_us_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ModelFileRefused):
        load_model(tmp_path / "file")


def test_a_header_of_hundreds_of_megabytes_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(ModelFileRefused, match="header is too long"):
        checked_metadata(file_of(b"{" * 9_000_000))


def test_ten_thousand_tensors_are_taken() -> None:
    weights = {str(number): torch.zeros(1) for number in range(10_000)}
    assert checked_metadata(safetensors.torch.save(weights, {"a": "b"})) == {"a": "b"}


@given(
    st.lists(st.sampled_from([torch.float32, torch.bool, torch.int64, torch.bfloat16]), min_size=1, max_size=5),
    st.data(),
)
def test_every_file_that_the_library_writes_is_taken(dtypes: list[torch.dtype], data: st.DataObject) -> None:
    shapes = st.lists(st.integers(0, 4), max_size=4)
    weights = {str(index): torch.zeros(data.draw(shapes), dtype=dtype) for index, dtype in enumerate(dtypes)}
    assert checked_metadata(safetensors.torch.save(weights, {"k": "模"})) == {"k": "模"}


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.integers() | st.text() | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(lambda header: json.dumps({"a": header}).encode()),
    st.binary(max_size=9),
)
def test_any_header_is_taken_or_refused_by_us(header: bytes, data: bytes) -> None:
    with pytest.raises(ModelFileError):
        checked_metadata(file_of(header, data))
