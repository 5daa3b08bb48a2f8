"""Our model file and the plain export: what goes in comes out, and a file that was changed does not (F6, F7, F13)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from desktop_trainer.runs import model_file
from desktop_trainer.runs.files import SaveFailed
from desktop_trainer.runs.model_file import (
    ModelFileDamaged,
    ModelFileError,
    ModelFileRefused,
    ModelFileUnreadable,
    SavedModel,
    check_savable,
    export_state_dict,
    load_model,
    save_model,
)


def equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Same names, types, shapes and bits."""
    return one.keys() == other.keys() and all(
        tensor.dtype == other[name].dtype and torch.equal(tensor, other[name]) for name, tensor in one.items()
    )


@pytest.fixture
def path(tmp_path: Path, saved: SavedModel) -> Path:
    file = tmp_path / "模型 LeNet.safetensors"
    save_model(file, saved)
    return file


def test_a_saved_model_comes_back_whole(path: Path, saved: SavedModel) -> None:
    loaded = load_model(path)
    assert equal(loaded.weights, saved.weights)
    assert loaded.metrics == saved.metrics
    assert loaded.class_names == saved.class_names
    assert loaded.statistics == saved.statistics
    assert saved.experiment is not None
    assert loaded.experiment is not None
    assert loaded.experiment.model_dump() == {
        **saved.experiment.model_dump(),
        "data": {**saved.experiment.data.model_dump(), "data_root": ""},
    }


def test_what_belongs_to_this_machine_is_not_in_the_file(path: Path) -> None:
    content = path.read_bytes()
    assert b"somewhere" not in content
    assert b"data_root" not in content


def test_any_safetensors_reader_can_read_it(path: Path, saved: SavedModel) -> None:
    assert equal(safetensors.torch.load_file(path), saved.weights)
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert metadata["desktop_trainer_format"] == "1"
    assert json.loads(metadata["experiment"])["model"] == {"name": "lenet", "activation": "relu"}
    assert json.loads(metadata["metrics"])["epoch"] == 3


def test_pytorch_can_read_the_export(tmp_path: Path, saved: SavedModel) -> None:
    """By the plain line of the tutorials; the ending plays no part when it is read back here."""
    file = tmp_path / "weights.of.lenet"
    export_state_dict(file, saved.weights)
    assert equal(torch.load(file, weights_only=True), saved.weights)
    loaded = load_model(file)
    assert equal(loaded.weights, saved.weights)
    assert (loaded.experiment, loaded.metrics, loaded.class_names) == (None, {}, ())


def test_tied_sliced_and_odd_tensors_are_saved_as_what_they_show(tmp_path: Path) -> None:
    """Shared, transposed, expanded, scalar and empty tensors of every type."""
    base = torch.arange(12.0).reshape(3, 4)
    weights = {
        "tied": base,
        "tied_too": base,
        "slice": base[1:2],
        "transposed": base.T,
        "expanded": torch.ones(1).expand(5),
        "scalar": torch.tensor(7),
        "empty": torch.empty(0, 3),
        "flag": torch.tensor([True, False]),
        "half": base.half(),
        "bfloat": base.bfloat16(),
        "double": base.double(),
        "bytes": base.byte(),
        "parameter": nn.Parameter(base),
        "last": torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last),
    }
    save_model(tmp_path / "ours", SavedModel(None, weights))
    export_state_dict(tmp_path / "plain", weights)
    for name in ("ours", "plain"):
        loaded = load_model(tmp_path / name).weights
        assert equal(loaded, weights)
        assert not any(tensor.requires_grad for tensor in loaded.values())


def test_saving_gives_the_file_its_own_copy_and_leaves_the_model_alone(tmp_path: Path) -> None:
    layer = nn.Linear(2, 2)
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    save_model(tmp_path / "file", SavedModel(None, layer.state_dict()))
    assert equal(layer.state_dict(), before)
    loaded = load_model(tmp_path / "file").weights
    loaded["bias"].zero_()  # a loaded tensor can be written to
    assert equal(load_model(tmp_path / "file").weights, before)


def test_a_figure_that_is_not_finite_is_left_out(tmp_path: Path, saved: SavedModel) -> None:
    save_model(tmp_path / "file", replace(saved, metrics={"loss": float("nan"), "accuracy": 0.5}))
    assert load_model(tmp_path / "file").metrics == {"accuracy": 0.5}


def test_neither_saving_nor_loading_draws_a_random_number(tmp_path: Path, saved: SavedModel) -> None:
    before = torch.get_rng_state()
    save_model(tmp_path / "file", saved)
    load_model(tmp_path / "file")
    export_state_dict(tmp_path / "file", saved.weights)
    load_model(tmp_path / "file")
    assert torch.equal(before, torch.get_rng_state())


def test_a_save_that_fails_keeps_the_old_model(path: Path, saved: SavedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SaveFailed, match="disk is full"):
        save_model(path, replace(saved, metrics={}))
    assert load_model(path).metrics == saved.metrics


@pytest.mark.parametrize("kind", ["safetensors", "pt"])
@pytest.mark.parametrize("left", ["0", "1", "100", "half", "all but one"])
def test_a_file_cut_short_is_damaged(tmp_path: Path, saved: SavedModel, kind: str, left: str) -> None:
    """F6."""
    file = tmp_path / "file"
    if kind == "pt":
        export_state_dict(file, saved.weights)
    else:
        save_model(file, saved)
    content = file.read_bytes()
    count = {"half": len(content) // 2, "all but one": len(content) - 1}.get(left)
    file.write_bytes(content[: int(left) if count is None else count])
    with pytest.raises(ModelFileDamaged, match=r"damaged: .*\. Copy it again"):
        load_model(file)


@pytest.mark.parametrize("kind", ["safetensors", "pt"])
def test_no_flipped_bit_goes_unnoticed(tmp_path: Path, kind: str) -> None:
    """F7, for every byte of a small file: it is refused, or, in padding and time stamps, what is loaded is the same."""
    file = tmp_path / "file"
    weights = {"weight": torch.rand(4, 4), "bias": torch.rand(4)}
    original = SavedModel(None, weights, {"accuracy": 0.5}, ("a", "b"))
    if kind == "pt":
        export_state_dict(file, weights)
        original = SavedModel(None, weights)
    else:
        save_model(file, original)
    content = file.read_bytes()
    noticed = 0
    for position in range(len(content)):
        file.write_bytes(content[:position] + bytes([content[position] ^ 1 << position % 8]) + content[position + 1 :])
        try:
            loaded = load_model(file)
        except ModelFileError:
            noticed += 1
        else:
            assert equal(loaded.weights, weights), position
            assert (loaded.metrics, loaded.class_names) == (original.metrics, original.class_names), position
    assert noticed > len(content) / 3


def test_a_flipped_bit_in_the_weights_is_damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1000] ^= 4
    path.write_bytes(content)
    with pytest.raises(ModelFileDamaged, match="not what was written"):
        load_model(path)


def edited(path: Path, **changes: str | None) -> None:
    """Rewrite the metadata as somebody would who knows the format of safetensors, but not ours."""
    with safetensors.safe_open(path, "pt") as file:
        metadata = {**file.metadata(), **changes}
    weights = safetensors.torch.load_file(path)
    path.write_bytes(safetensors.torch.save(weights, {key: text for key, text in metadata.items() if text is not None}))


def signed(path: Path, **changes: str | None) -> None:
    """Rewrite the metadata as somebody would who knows our format, too."""
    with safetensors.safe_open(path, "pt") as file:
        metadata = {key: text for key, text in {**file.metadata(), **changes}.items() if text is not None}
    del metadata["sha256"]
    digest = model_file._digest(safetensors.torch.load_file(path), metadata)
    edited(path, sha256=digest, **changes)


@pytest.mark.parametrize("format_number", ["2", "10", "99999999999999999999999"])
def test_a_file_of_a_newer_version_says_so_and_is_left_alone(path: Path, format_number: str) -> None:
    """F13, whatever else such a version may write."""
    edited(path, desktop_trainer_format=format_number, sha256="of another kind", experiment="new")
    content = path.read_bytes()
    with pytest.raises(ModelFileRefused, match=r"newer version of Desktop Trainer .* left as it is"):
        load_model(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "changes",
    [
        {"desktop_trainer_format": "0"},
        {"desktop_trainer_format": "x"},
        {"desktop_trainer_format": ""},
        {"desktop_trainer_format": None},
        {"sha256": None},
        {"metrics": "{}"},
        {"class_names": "[]"},
        {"experiment": None},
        {"statistics": None},
    ],
)
def test_edited_metadata_are_damage(path: Path, changes: dict[str, str | None]) -> None:
    edited(path, **changes)
    with pytest.raises(ModelFileDamaged):
        load_model(path)


def test_settings_that_are_unknown_here_are_named(
    path: Path, saved: SavedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model of a plug-in that this machine does not have."""
    monkeypatch.setattr(model_file, "shared_values", lambda _experiment: {"model": {"name": "theirs"}})
    save_model(path, saved)
    with pytest.raises(ModelFileRefused, match=r"settings that this program does not know[^\n]*\nmodel: .*theirs"):
        load_model(path)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("metrics", "[" * 100_000),
        ("metrics", "[1]"),
        ("metrics", '{"a": "b"}'),
        ("metrics", '{"a": 1e999}'),
        ("class_names", '["\\ud800"]'),
        ("metrics", '{"\\ud800": 1}'),
        ("class_names", "{}"),
        ("class_names", "[1]"),
        ("class_names", "no json"),
        ("statistics", "null"),
        ("statistics", '{"mean": [0.5], "std": [0]}'),
        ("statistics", '{"mean": [NaN], "std": [1]}'),
    ],
)
def test_metadata_of_another_kind_are_damage_even_with_the_right_digest(path: Path, key: str, text: str) -> None:
    signed(path, **{key: text})
    with pytest.raises(ModelFileDamaged):
        load_model(path)


def test_a_file_without_statistics_is_read(path: Path, saved: SavedModel) -> None:
    """As they were before there were any: all else is there."""
    signed(path, statistics=None)
    loaded = load_model(path)
    assert loaded.statistics is None
    assert (loaded.metrics, loaded.class_names) == (saved.metrics, saved.class_names)


def test_safetensors_of_others_are_bare_weights(tmp_path: Path, saved: SavedModel) -> None:
    file = tmp_path / "model.pt"
    safetensors.torch.save_file(dict(saved.weights), file, {"format": "pt"})
    loaded = load_model(file)
    assert equal(loaded.weights, saved.weights)
    assert (loaded.experiment, loaded.metrics, loaded.class_names) == (None, {}, ())


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelFileUnreadable, match=r"nowhere\.pt cannot be read: No such file"):
        load_model(tmp_path / "nowhere.pt")
    with pytest.raises(ModelFileUnreadable, match="is not a file"):
        load_model(tmp_path)
    with pytest.raises(ModelFileUnreadable, match="cannot be read"):
        load_model(tmp_path / "a\0b")


@pytest.mark.parametrize("content", [b"<!DOCTYPE html><html>", b"\x89PNG\r\n\x1a\n" + bytes(100), "模型".encode() * 9])
def test_other_files_are_not_models(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(ModelFileRefused, match="not a model file"):
        load_model(tmp_path / "model.pt")


def test_the_same_model_is_the_same_file_byte_for_byte(tmp_path: Path, saved: SavedModel) -> None:
    """However often it is written: the library gives the metadata another order each time."""
    contents = set()
    for number in range(8):
        save_model(tmp_path / f"{number}", saved)
        contents.add((tmp_path / f"{number}").read_bytes())
    assert len(contents) == 1
    with safetensors.safe_open(tmp_path / "0", "pt") as file:
        assert file.metadata()["class_names"]
        assert set(file.keys()) == set(saved.weights)


def test_what_could_not_be_read_back_is_not_saved_and_that_is_said(tmp_path: Path, saved: SavedModel) -> None:
    """Neither more tensors than are read, nor a header that is longer; what was there stays."""
    save_model(tmp_path / "file", saved)
    before = (tmp_path / "file").read_bytes()
    many = {f"{number}": torch.zeros(1) for number in range(10_001)}
    for model in (replace(saved, weights=many), replace(saved, class_names=("x" * 5_000_000,))):
        for save in (lambda model: save_model(tmp_path / "file", model), check_savable):
            with pytest.raises(SaveFailed, match="could not be read back"):
                save(model)
    assert (tmp_path / "file").read_bytes() == before
    check_savable(saved)
