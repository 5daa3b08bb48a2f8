"""A checkpoint gives back every byte, or says why it cannot and what can be had instead."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_trainer.runs.checkpoint import (
    OPTIMIZER,
    WEIGHTS,
    load_checkpoint,
    newest_checkpoint,
    save_checkpoint,
)
from desktop_trainer.runs.checkpoint_errors import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointIncomplete,
    CheckpointTooLarge,
    CheckpointTooNew,
    CheckpointUnreadable,
    NoCheckpoint,
)
from desktop_trainer.runs.checkpoint_folders import all_names, checkpoints, sweep
from desktop_trainer.runs.files import SaveFailed
from desktop_trainer.runs.run_folder import CHECKPOINTS, MANIFEST, STATE

Same = Callable[[Any, Any], bool]
FILES = [WEIGHTS, OPTIMIZER, STATE]


@pytest.fixture
def two(tmp_path: Path, state_after: Callable[[int], Any]) -> Path:
    """A run with two checkpoints: after 3 batches and after 5."""
    save_checkpoint(tmp_path, state_after(3))
    save_checkpoint(tmp_path, state_after(5))
    return tmp_path


def newest(folder: Path) -> Path:
    return folder / CHECKPOINTS / all_names(folder)[-1]


@pytest.mark.parametrize("batches", [0, 1, 5, 9])
def test_every_byte_of_a_state_comes_back(tmp_path: Path, state_after: Any, same: Same, batches: int) -> None:
    state = state_after(batches)
    assert not state["optimizer"]["state"] or batches
    name = save_checkpoint(tmp_path, state)
    assert same(load_checkpoint(tmp_path)[0], state)
    assert same(load_checkpoint(tmp_path, name)[0], state)


def test_a_scaler_or_anything_plain_beside_it_comes_back(tmp_path: Path, state_after: Any, same: Same) -> None:
    state = {**state_after(2), "scaler": {"scale": 65536.0, "_growth_tracker": 3}, "schedule": None}
    save_checkpoint(tmp_path, state)
    assert same(load_checkpoint(tmp_path)[0], state)


def test_the_first_and_the_newest_two_are_kept_and_numbers_only_rise(tmp_path: Path, state_after: Any) -> None:
    state = state_after(3)
    names = [save_checkpoint(tmp_path, state) for _ in range(4)]
    assert names == [f"000{number} epoch 0 batch 3" for number in (1, 2, 3, 4)]
    assert all_names(tmp_path) == [names[0], *names[-2:]]
    shutil.rmtree(tmp_path / CHECKPOINTS / names[-2])
    assert save_checkpoint(tmp_path, state) == "0005 epoch 0 batch 3"


def test_number_ten_thousand_comes_after_9999(tmp_path: Path, state_after: Any) -> None:
    save_checkpoint(tmp_path, state_after(3))
    newest(tmp_path).rename(tmp_path / CHECKPOINTS / "9999 epoch 0 batch 3")
    save_checkpoint(tmp_path, state_after(5))
    assert newest(tmp_path).name == "10000 epoch 0 batch 5"
    (newest(tmp_path) / WEIGHTS).write_bytes(b"")
    with pytest.raises(CheckpointDamaged, match="The one before is 9999"):
        load_checkpoint(tmp_path, "10000 epoch 0 batch 5")


def test_a_run_without_a_checkpoint_says_so(two: Path, tmp_path: Path) -> None:
    with pytest.raises(NoCheckpoint):
        load_checkpoint(tmp_path / "other")
    with pytest.raises(NoCheckpoint, match=r"has: 0001 .*, 0002 "):
        load_checkpoint(two, "0007 epoch 1 batch 1")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("cut", [0, 1, 100, 0.5, -1])
def test_a_truncated_file_is_named_and_the_one_before_is_used(two: Path, file: str, cut: float) -> None:
    path = newest(two) / file
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 if cut == 0.5 else int(cut)])
    with pytest.raises(
        CheckpointDamaged, match=rf"{file} has \d+ bytes instead of {len(data)}.*The one before is 0001"
    ):
        load_checkpoint(two, path.parent.name)
    found = newest_checkpoint(two)
    assert (found.name, found.state["batch"]) == ("0001 epoch 0 batch 3", 3)
    assert "damaged" in found.notices[0]
    assert found.notices[-1] == "The one before is used: 0001 epoch 0 batch 3."


@pytest.mark.parametrize("file", FILES)
def test_a_flipped_bit_anywhere_is_found(two: Path, file: str) -> None:
    path = newest(two) / file
    data = path.read_bytes()
    for place in (0, 9, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        with pytest.raises(CheckpointDamaged, match="not what was written"):
            load_checkpoint(two, path.parent.name)
    assert newest_checkpoint(two).name.startswith("0001")


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(two: Path, file: str) -> None:
    (newest(two) / file).unlink()
    with pytest.raises(CheckpointDamaged, match=f"{file} is missing"):
        load_checkpoint(two, newest(two).name)


def edited(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    return lambda path: path.write_text(json.dumps(change(json.loads(path.read_text()))))  # type: ignore[return-value]


@pytest.mark.parametrize(
    "spoil",
    [
        Path.unlink,
        lambda path: path.write_text(""),
        lambda path: path.write_text("[1]"),
        lambda path: path.write_text('{"format": 1'),
        edited(lambda values: {**values, "files": {}}),
        edited(lambda values: {**values, "format": "1"}),
        edited(lambda values: {**values, "files": {**values["files"], "../../x": {}}}),
        edited(lambda values: {**values, "files": {**values["files"], WEIGHTS: {"bytes": -1}}}),
        edited(lambda values: {**values, "files": {**values["files"], STATE: {"bytes": 2**60}}}),
    ],
)
def test_without_its_manifest_a_checkpoint_is_incomplete(two: Path, spoil: Callable[[Path], None]) -> None:
    spoil(newest(two) / MANIFEST)
    with pytest.raises(CheckpointIncomplete, match=r"not whole.*The one before is 0001"):
        load_checkpoint(two, newest(two).name)
    found = newest_checkpoint(two)
    assert found.name.startswith("0001")
    assert "not whole" in found.notices[0]


def test_a_newer_format_is_left_alone_and_not_passed_over(two: Path) -> None:
    manifest = newest(two) / MANIFEST
    edited(lambda values: {**values, "format": 2})(manifest)
    before = manifest.read_bytes()
    for name in (None, newest(two).name):
        with pytest.raises(CheckpointTooNew, match=r"newer version .*format 2; this one reads up to 1"):
            load_checkpoint(two, name)
    assert manifest.read_bytes() == before


def test_when_none_can_be_used_it_is_said_rather_than_begun_anew(two: Path) -> None:
    for name in all_names(two):
        (two / CHECKPOINTS / name / WEIGHTS).write_bytes(b"")
    with pytest.raises(CheckpointDamaged, match="None of the run's checkpoints can be used"):
        newest_checkpoint(two)


def test_what_the_system_does_not_give_is_unreadable_not_damaged(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("desktop_trainer.runs.checkpoint.open_regular", refuse)
    with pytest.raises(CheckpointUnreadable, match="cannot be read: Permission denied"):
        load_checkpoint(two, newest(two).name)


@pytest.mark.parametrize(
    "state",
    [
        "[]",
        '{"epoch": 1}',
        '{"epoch": -1, "batch": 0}',
        "{" * 10,
        '{"$tuple": []}',
        '{"a": ' * 200_000,
        '{"epoch": 1e999}',
        '{"epoch": 1, "batch": 1, "optimizer": {"state": {}, "param_groups": []}, "recorder": '
        '{}, "seconds": {"$tuple": ["1", 2, 3]}}',
    ],
)
def test_a_forged_state_with_the_right_digest_is_damaged(two: Path, state: str) -> None:
    """Whoever can write the manifest can make any file fit it: what is in it is checked all the same."""
    import hashlib

    path = newest(two) / STATE
    path.write_text(state)
    listed = {"bytes": len(state), "sha256": hashlib.sha256(state.encode()).hexdigest()}
    edited(lambda values: {**values, "files": {**values["files"], STATE: listed}})(path.with_name(MANIFEST))
    with pytest.raises(CheckpointDamaged):
        load_checkpoint(two, path.parent.name)


def test_what_a_crash_left_is_swept_and_nothing_else(two: Path) -> None:
    half = two / CHECKPOINTS / "0003 epoch 0 batch 6"
    half.mkdir()
    (half / WEIGHTS).write_bytes(b"half")
    strays = [two / ".0123456789abcdef.tmp", half / ".0123456789abcdef.tmp", newest(two) / ".fedcba9876543210.tmp"]
    strays.append(two / CHECKPOINTS / checkpoints(two)[0] / ".fedcba9876543210.tmp")
    mine = [two / "mine.tmp", two / CHECKPOINTS / "my copy" / WEIGHTS]
    mine[1].parent.mkdir()
    for path in (*strays, *mine):
        path.write_bytes(b"x")
    sweep(two)
    assert not half.exists()
    assert not any(path.exists() for path in strays)
    assert all(path.exists() for path in mine)
    assert len(checkpoints(two)) == 2


def test_nothing_of_a_checkpoint_is_a_pickle(two: Path) -> None:
    """Every file is JSON, or safetensors, whose ninth byte begins a JSON header."""
    for path in newest(two).iterdir():
        data = path.read_bytes()
        assert json.loads(data) if path.suffix == ".json" else data[8:9] == b"{"


def test_loading_and_saving_leave_the_random_numbers_alone(two: Path, state_after: Any) -> None:
    state, before = state_after(5), torch.get_rng_state()
    save_checkpoint(two, state)
    load_checkpoint(two)
    assert torch.equal(torch.get_rng_state(), before)


def test_every_error_is_one_of_ours() -> None:
    kinds = (CheckpointDamaged, CheckpointIncomplete, CheckpointTooNew, CheckpointUnreadable, NoCheckpoint)
    assert all(issubclass(kind, CheckpointError) for kind in kinds)


def test_an_optimizer_may_remember_more_tensors_than_a_model_can_have(tmp_path: Path, state_after: Any) -> None:
    state = {**state_after(1), "many": [torch.zeros(1) for _ in range(12_000)]}
    save_checkpoint(tmp_path, state)
    assert len(newest_checkpoint(tmp_path).state["many"]) == 12_000


@pytest.mark.parametrize("part", ["model", "text"])
def test_what_could_not_be_read_back_is_not_saved(tmp_path: Path, state_after: Any, part: str) -> None:
    save_checkpoint(tmp_path, state_after(1))
    more: dict[str, Any] = {
        "model": {f"{number}": torch.zeros(1) for number in range(10_001)},
        "text": "x" * (17 << 20),
    }
    with pytest.raises(SaveFailed, match="could not be read back"):
        save_checkpoint(tmp_path, {**state_after(5), part: more[part]})
    assert checkpoints(tmp_path) == all_names(tmp_path) == ["0001 epoch 0 batch 1"]


def test_a_checkpoint_for_which_memory_is_short_is_not_passed_over(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To go on from the one before would lose what came since, for want of closing another program."""
    monkeypatch.setattr("desktop_trainer.engine.memory.free_memory", lambda _: 1000)
    with pytest.raises(CheckpointTooLarge, match=r"needs about 0\.\d MB of memory, and 0\.0 MB are free\. Close"):
        newest_checkpoint(two)
