"""Thousands of damaged and forged model files: each is read or refused, no program in one is run, and nothing else
happens.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given

from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs import model_file
from desktop_trainer.runs.model_file import ModelFileError, load_model, save_model
from tests.mutations import cases, edited, spoilt
from tests.runs.conftest import SMALL, Hasty

TENSORS = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2), "count": torch.tensor(3)}


@pytest.fixture(autouse=True)
def torchs_random_numbers_stay() -> Iterator[None]:
    before = torch.get_rng_state()
    yield
    assert torch.equal(before, torch.get_rng_state())


def saved_by_torch(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def ours() -> bytes:
    experiment = parse_experiment(SMALL)
    file = io.BytesIO()
    metadata = {
        "desktop_trainer_format": "1",
        "desktop_trainer_version": "0.1.0",
        "metrics": '{"accuracy": 0.5}',
        "class_names": '["a", "b"]',
        "experiment": json.dumps(shared_values(experiment)),
        "statistics": '{"mean": [0.5], "std": [0.25]}',
    }
    metadata["sha256"] = model_file._digest(TENSORS, metadata)
    file.write(safetensors.torch.save(TENSORS, metadata))
    return file.getvalue()


OURS, THEIRS, PT = ours(), safetensors.torch.save(TENSORS, {"format": "pt"}), saved_by_torch(TENSORS)
HEADER = int.from_bytes(OURS[:8], "little")


class Marker:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("marker of a program that was run",)


FORGED = saved_by_torch({**TENSORS, "bias": Marker()})


def pickle_of(data: bytes) -> bytes:
    return zipfile.ZipFile(io.BytesIO(data)).read("archive/data.pkl")


def zipped(pickled: bytes) -> bytes:
    """The archive of torch.save with another pickle in it, whose checksum is right."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(PT)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, pickled if name.endswith("data.pkl") else old.read(name))
    return buffer.getvalue()


def with_header(header: bytes, data: bytes) -> bytes:
    """A safetensors file whose length of the header is right."""
    return len(header).to_bytes(8, "little") + header + data


def metadata_of(text: bytes, key: str) -> bytes:
    """Our model file in which one of the metadata, itself JSON, is `text`."""
    metadata = {**METADATA, key: text.decode()}
    metadata["sha256"] = model_file._digest(TENSORS, metadata)
    return safetensors.torch.save(TENSORS, metadata)


METADATA = {key: text for key, text in json.loads(OURS[8 : 8 + HEADER])["__metadata__"].items() if key != "sha256"}
MODELS = {
    "ours": (400, spoilt(OURS, THEIRS, PT)),
    "ours with another header": (
        300,
        edited(OURS[8 : 8 + HEADER]).map(lambda header: with_header(header, OURS[8 + HEADER :])),
    ),
    "theirs": (200, spoilt(THEIRS, OURS)),
    "settings with the right digest": (
        300,
        edited(METADATA["experiment"]).map(lambda text: metadata_of(text, "experiment")),
    ),
    "figures with the right digest": (100, edited(METADATA["metrics"]).map(lambda text: metadata_of(text, "metrics"))),
    "names with the right digest": (
        100,
        edited(METADATA["class_names"]).map(lambda text: metadata_of(text, "class_names")),
    ),
    "statistics with the right digest": (
        200,
        edited(METADATA["statistics"]).map(lambda text: metadata_of(text, "statistics")),
    ),
    "of torch": (200, spoilt(PT, FORGED, OURS)),
    "its pickle": (400, spoilt(pickle_of(PT), pickle_of(FORGED)).map(zipped)),
    "a program": (200, spoilt(FORGED, PT)),
    "the program's pickle": (300, spoilt(pickle_of(FORGED), pickle_of(PT)).map(zipped)),
}


@pytest.mark.filterwarnings("ignore")  # of torch and pickletools about odd programs; what counts is what they raise
@pytest.mark.parametrize("kind", MODELS)
def test_any_model_file_is_read_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model"
    count, contents = MODELS[kind]

    @cases(count)
    @given(contents)
    def check(content: bytes) -> None:
        path.write_bytes(content)
        try:
            model = load_model(path)
        except ModelFileError as error:
            str(error).encode()
            return
        assert sum(tensor.nbytes for tensor in model.weights.values()) <= len(content)
        save_model(tmp_path / "again", model, Hasty())
        json.dumps([dict(model.metrics), *model.class_names], ensure_ascii=False).encode()

    check()
    assert {item.name for item in tmp_path.iterdir()} <= {"model", "again"}
