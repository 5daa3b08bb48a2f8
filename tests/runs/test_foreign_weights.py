"""Weights of others: plain ones are read; code, bombs and programs are refused before anything happens (F9, F10)."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from desktop_trainer.runs.foreign_weights import read_state_dict
from desktop_trainer.runs.model_file import ModelFileDamaged, ModelFileError, ModelFileRefused, load_model

WEIGHTS = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


def saved(value: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def repacked(
    data: bytes, change: Callable[[str, bytes], bytes] = lambda _name, content: content, **options: Any
) -> bytes:
    """The archive again, with its parts changed or packed another way."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", **options) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return buffer.getvalue()


def pickled(content: bytes) -> bytes:
    """An archive of torch.save whose pickle is `content`."""
    return repacked(saved(WEIGHTS), lambda name, old: content if name.endswith("/data.pkl") else old)


def same(weights: dict[str, Tensor]) -> bool:
    return weights.keys() == WEIGHTS.keys() and all(torch.equal(weights[name], WEIGHTS[name]) for name in WEIGHTS)


@pytest.mark.parametrize(
    "value",
    [
        WEIGHTS,
        OrderedDict(WEIGHTS),
        {name: nn.Parameter(tensor) for name, tensor in WEIGHTS.items()},
        {"state_dict": WEIGHTS, "epoch": 3, "optimizer": {"state": {0: torch.ones(1)}}},
        {"model": WEIGHTS, "loss": 0.5},
        {"epoch": 1, "model_state_dict": OrderedDict(WEIGHTS)},
    ],
)
def test_plain_weights_are_read_alone_or_under_a_usual_name(value: Any) -> None:
    found = read_state_dict(saved(value))
    assert same(found)
    assert all(type(tensor) is Tensor and not tensor.requires_grad for tensor in found.values())


def test_weights_of_a_whole_network_are_read() -> None:
    """Batch norm has buffers, one of them an integer scalar."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    found = read_state_dict(saved(model.state_dict()))
    assert all(torch.equal(tensor, found[name]) for name, tensor in model.state_dict().items())
    model.load_state_dict(found)


def test_views_and_tied_weights_are_read_as_what_they_show() -> None:
    base = torch.arange(6.0)
    found = read_state_dict(saved({"a": base, "b": base, "c": base[2:4], "d": base.reshape(2, 3).T}))
    assert torch.equal(found["a"], found["b"])
    assert found["c"].tolist() == [2, 3]
    assert found["d"].tolist() == [[0, 3], [1, 4], [2, 5]]


class Marker:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize(
    "wrapped", ["bare pickle", "pickle of torch", "legacy torch.save", "torch.save", "inside a dict", "among weights"]
)
def test_code_in_a_model_file_is_not_run(tmp_path: Path, wrapped: str) -> None:
    """F9. The control shows that the file would have run it."""
    bomb, file = Marker(tmp_path / "marker"), tmp_path / "model.pt"
    contents: dict[str, Callable[[], bytes]] = {
        "bare pickle": lambda: pickle.dumps(bomb),
        "pickle of torch": lambda: pickled(pickle.dumps(bomb, protocol=2)),
        "legacy torch.save": lambda: saved(bomb, _use_new_zipfile_serialization=False),
        "torch.save": lambda: saved(bomb),
        "inside a dict": lambda: saved({"state_dict": WEIGHTS, "more": [bomb]}),
        "among weights": lambda: saved({**WEIGHTS, "bias": bomb}),
    }
    file.write_bytes(contents[wrapped]())
    with pytest.raises(ModelFileRefused, match=r"Ask for the weights as a \.safetensors file"):
        load_model(file)
    assert not (tmp_path / "marker").exists()
    pickle.loads(pickle.dumps(bomb))
    assert (tmp_path / "marker").exists()


def test_plain_weights_of_an_old_pytorch_are_refused_with_advice(tmp_path: Path) -> None:
    """Before PyTorch 1.6 a file was a bare pickle; reading it means running it."""
    (tmp_path / "old.pt").write_bytes(saved(WEIGHTS, _use_new_zipfile_serialization=False))
    with pytest.raises(ModelFileRefused, match=r"Python pickle.*torch\.save\(model\.state_dict\(\), file\)"):
        load_model(tmp_path / "old.pt")


def test_a_whole_module_is_refused_by_name() -> None:
    with pytest.raises(ModelFileRefused, match=r"asks for .*torch\.nn\.modules\.linear\.Linear"):
        read_state_dict(saved(nn.Linear(2, 2)))


@pytest.mark.parametrize(
    "call",
    [
        b"cbuiltins\nbytearray\n(J\xff\xff\xff\x7ftR.",
        b"ctorch\nTensor\n(J\xff\xff\xff\x7ftR.",
        b"ctorch.storage\nUntypedStorage\n(J\xff\xff\xff\x7ftR.",
        b"ctorch\nFloatTensor\n(J\xff\xff\xff\x7ftR.",
        b"ctorch._utils\n_rebuild_meta_tensor_no_storage\n.",
        b"c__builtin__\nbytearray\n(J\xff\xff\xff\x7ftR.",
    ],
)
def test_what_torch_allows_but_weights_do_not_need_is_refused_unread(
    call: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F10: torch's own safe list has callables that allocate as many bytes as they are told to."""
    monkeypatch.setattr(torch, "load", lambda *_a, **_k: pytest.fail("it was read"))
    with pytest.raises(ModelFileRefused, match="asks for"):
        read_state_dict(pickled(b"\x80\x02" + call))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compressed_archive_is_refused_unpacked(method: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """F10: 50 MB of zeros in 50 kB."""
    data = repacked(saved({"weight": torch.zeros(12_500_000)}), compression=method)
    assert len(data) < 100_000
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(ModelFileRefused, match="compressed"):
        read_state_dict(data)


def test_parts_that_share_their_bytes_are_refused_unpacked() -> None:
    """A zip can name the same bytes any number of times (Fifield, "A better zip bomb", 2019)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", bytes(1000))
        only = archive.infolist()[0]
        for number in range(50):
            copied = zipfile.ZipInfo(f"archive/data/{number}")
            copied.header_offset, copied.CRC = only.header_offset, only.CRC
            copied.file_size, copied.compress_size = only.file_size, only.compress_size
            archive.filelist.append(copied)
    with pytest.raises(ModelFileRefused, match="more than its own size"):
        read_state_dict(buffer.getvalue())


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(1).expand(10**9),
        torch.zeros(1).expand(10**6, 10**6),
        torch.zeros(20).as_strided((10, 10), (1, 1)),
    ],
    ids=["a number repeated", "a matrix of one number", "windows that overlap"],
)
def test_a_tensor_larger_than_its_data_is_refused_uncopied(tensor: Tensor) -> None:
    """F10: stride 0."""
    with pytest.raises(ModelFileRefused, match="weight repeats the same numbers"):
        read_state_dict(saved({**WEIGHTS, "weight": tensor}))


@pytest.mark.parametrize("old", [b"K\x06t", b"K\x02K\x03\x86"], ids=["storage", "shape"])
def test_a_tensor_that_claims_more_than_its_storage_holds_is_damage(old: bytes) -> None:
    content = zipfile.ZipFile(io.BytesIO(saved(WEIGHTS))).read("archive/data.pkl")
    assert content.count(old) == 1
    new = old.replace(b"K\x06", b"J\xff\xff\xff\x7f").replace(b"K\x02K\x03", b"J\xff\xff\xff\x7fK\x03")
    with pytest.raises(ModelFileDamaged, match="cannot be read"):
        read_state_dict(pickled(content.replace(old, new)))


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        None,
        3,
        torch.ones(2),
        [torch.ones(2)],
        {"a": 1},
        {1: torch.ones(1)},
        {"a": [torch.ones(1)]},
        {"state_dict": {"a": {"b": torch.ones(1)}}},
        {"a\nb": torch.ones(1)},
        {"a" * 600: torch.ones(1)},
        {"state_dict": {}},
        {"a": torch.ones(2).to_sparse()},
        {"a": torch.ones(2, dtype=torch.complex64)},
        {"a": torch.ones(2, device="meta")},
        {"a": torch.ones(2, dtype=torch.float8_e5m2)},
    ],
)
def test_what_is_not_a_list_of_plain_tensors_is_refused(value: Any) -> None:
    with pytest.raises(ModelFileRefused):
        read_state_dict(saved(value))


def zipped(names: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "names",
    [
        {"word/document.xml": b""},
        {"data.pkl": b"."},
        {"a/data.pkl": b".", "b/data.pkl": b"."},
        {"a/data.pkl": b".", "a/code/model.py": b""},
        {f"a/{number}": b"" for number in range(10_200)},
        {"a/../data.pkl": b"."},
    ],
    ids=["a document", "no folder", "two folders", "a program", "10 200 parts", "a way out"],
)
def test_zip_files_of_another_kind_are_refused(names: dict[str, bytes]) -> None:
    with pytest.raises(ModelFileRefused):
        read_state_dict(zipped(names))


def test_two_parts_of_the_same_name_are_refused() -> None:
    data = zipped({"a/data.pkl": b".", "a/data.pkx": b"."}).replace(b"data.pkx", b"data.pkl")
    with pytest.raises(ModelFileRefused, match="same name"):
        read_state_dict(data)


def test_an_attribute_cannot_stand_in_for_a_method() -> None:
    """A pickle may set attributes of an OrderedDict: here ``items``."""
    weights: Any = OrderedDict(WEIGHTS)
    weights.itemz = "nothing to call"  # torch.save itself calls items
    data = repacked(saved(weights), lambda _name, content: content.replace(b"itemz", b"items"))
    with pytest.raises(TypeError, match="not callable"):
        torch.load(io.BytesIO(data), weights_only=True).items()
    assert same(read_state_dict(data))


def test_an_unusual_pickle_is_refused() -> None:
    """torch's safe reader knows the default protocol only."""
    with pytest.raises(ModelFileRefused, match="version 2"):
        read_state_dict(saved(WEIGHTS, pickle_protocol=4))


def test_a_pickle_of_many_objects_is_refused_by_its_size() -> None:
    with pytest.raises(ModelFileRefused, match="more than weights"):
        read_state_dict(saved({"state_dict": WEIGHTS, "history": [str(number) for number in range(600_000)]}))


@pytest.mark.filterwarnings("ignore")  # of torch and pickletools about odd programs; what counts is what they raise
@given(st.binary(max_size=40), st.integers(0, 400), st.integers(0, 20))
def test_any_change_to_the_pickle_is_answered_by_us(noise: bytes, start: int, replaced: int) -> None:
    """No other exception comes through, whatever the objects' program looks like."""
    content = zipfile.ZipFile(io.BytesIO(saved(OrderedDict(WEIGHTS)))).read("archive/data.pkl")
    data = pickled(content[:start] + noise + content[start + replaced :])
    try:
        found = read_state_dict(data)
    except ModelFileError:
        return
    assert all(tensor.nbytes <= 24 for tensor in found.values())
