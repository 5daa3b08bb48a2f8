"""Whatever is wrong in a saved state is said with the name of the save, and the one before is used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_trainer.engine.events import BatchEnded, EpochEnded, RunEnded
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs import checkpoint
from desktop_trainer.runs.checkpoint import load_checkpoint, newest_checkpoint
from desktop_trainer.runs.checkpoint_errors import CheckpointDamaged
from desktop_trainer.runs.checkpoint_folders import checkpoints, remove
from desktop_trainer.runs.recording import Recording
from desktop_trainer.runs.resume import reopen
from desktop_trainer.runs.run_folder import CHECKPOINTS
from desktop_trainer.runs.state_check import BadValue, check_run_state
from tests.runs.conftest import SMALL, Hasty

GONE = object()
VALUES_OF: dict[str, Any] = SMALL
Keys = tuple[Any, ...]
VALUES: tuple[Any, ...] = (GONE, None, "x", -1, float("nan"), [], {}, {"x": 1})


def run_of(folder: Path, **settings: Any) -> Recording:
    folder.mkdir()
    values: dict[str, Any] = {**SMALL, "training": {"epochs": 3}, "saving": {"every_minutes": 0}, **settings}
    return Recording(Training(parse_experiment(values), block_seconds=float("inf")), folder, disk=Hasty())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of normalised images that was stopped in its second epoch, with numbers pending, and saved after the
    first.
    """
    folder = tmp_path_factory.mktemp("runs") / "run"
    run = run_of(folder, data={**VALUES_OF["data"], "normalization": "dataset"})
    events = run.events()
    for event in events:
        if isinstance(event, EpochEnded):
            assert run.checkpoint() is None
        if isinstance(event, BatchEnded) and (event.epoch, event.batch) == (2, 4):
            assert run.checkpoint() is None
            break
    events.close()
    assert [name[5:] for name in checkpoints(folder)] == ["epoch 0 batch 0", "epoch 1 batch 0", "epoch 1 batch 4"]
    return folder


def nodes(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every value in `value`, however deep, with the keys that lead to it."""
    if keys:
        yield keys, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, item in items:
        yield from nodes(item, (*keys, key))


def changed(value: Any, keys: Keys, new: Any) -> Any:
    """A copy of `value` with `new` at the place that `keys` lead to, or without it."""
    key, *rest = keys
    items = dict(value) if isinstance(value, dict) else dict(enumerate(value))
    items[key] = changed(items[key], tuple(rest), new) if rest else new
    left = {name: item for name, item in items.items() if item is not GONE}
    return left if isinstance(value, dict) else type(value)(left.values())


def of_another_kind(tensor: torch.Tensor) -> Iterator[torch.Tensor]:
    """Other tensors in its place."""
    yield tensor[None].repeat(2, *(1 for _ in tensor.shape))
    yield tensor.bool()
    if tensor.is_floating_point():
        yield torch.full_like(tensor, float("nan"))


def possible(keys: Keys, old: Any, new: Any) -> bool:
    """Whether a training may have written `new` here, so that only the hash of the file tells."""
    name = ".".join(map(str, keys))
    if keys[0] in ("versions", "threads", "fingerprint"):  # compared with those of here, and told if they differ
        return True
    if keys[0] == "experiment":  # defaults, which stand in a new file all the same
        return new is GONE or new == {}
    if keys[:2] == ("optimizer", "param_groups") and len(keys) == 4:  # what another PyTorch may have written
        return keys[3] not in ("params", "lr") and (new is GONE or (new is None and old is False) or old is None)
    if keys[:2] == ("optimizer", "state"):  # a parameter without a gradient has not been remembered yet
        return (len(keys) == 2 and new == {}) or (len(keys) == 3 and (new is GONE or new == {}))
    if new == -1:  # losses can be
        return name in ("patience.best_loss", "recorder.extremes.0", "recorder.extremes.1", "recorder.sums.0")
    return name in ("recorder.extremes", "channels") and new is GONE  # older ones have none


def test_every_value_that_is_missing_or_wrong_is_noticed(folder: Path) -> None:
    """Each in turn, wherever it stands."""
    state = newest_checkpoint(folder, of_run=True).state
    check_run_state(state)
    unnoticed, tried = set(), 0
    for keys, old in nodes(state):
        for new in of_another_kind(old) if isinstance(old, torch.Tensor) else VALUES:
            if repr(new) == repr(old) or (not isinstance(new, torch.Tensor) and possible(keys, old, new)):
                continue
            tried += 1
            try:
                check_run_state(changed(state, keys, new))
            except BadValue:
                continue
            unnoticed.add((".".join(map(str, keys)), "gone" if new is GONE else repr(new)))
    assert sorted(unnoticed) == []
    assert tried > 500


@pytest.mark.parametrize(
    ("keys", "new"),
    [
        (("rng",), GONE),
        (("patience",), GONE),
        (("device",), GONE),
        (("seconds",), None),
        (("epoch",), 2),
        (("epoch",), -1),
        (("experiment",), GONE),
        (("experiment", "optimizer", "lr"), "x"),
        (("optimizer", "state", 0, "exp_avg"), GONE),
        (("recorder", "rest"), []),
        (("statistics",), None),
    ],
)
def test_the_damaged_save_is_named_and_the_one_before_is_used(folder: Path, keys: Keys, new: Any) -> None:
    """As of a forged file whose hashes are right."""
    state = newest_checkpoint(folder).state
    name = "9999 epoch 1 batch 4"
    checkpoint._write(folder / CHECKPOINTS / name, checkpoint._files(changed(state, keys, new)), Hasty())
    try:
        found = newest_checkpoint(folder, of_run=True)
        with pytest.raises(CheckpointDamaged, match=rf"The checkpoint {name} is damaged: .* The one before is"):
            load_checkpoint(folder, name, of_run=True)
    finally:
        remove(folder, name, Hasty())
    assert found.name == checkpoints(folder)[-1]
    assert f"The checkpoint {name} is damaged: a value in state.json is missing or wrong ({keys[0]}" in found.notices[0]
    assert found.name in found.notices[1]


@pytest.mark.parametrize("gone", ["decoupled_weight_decay", "betas", "fused"])
def test_a_run_saved_by_a_pytorch_with_other_options_ends_in_the_same_bytes(
    tmp_path: Path, same: Any, gone: str
) -> None:
    """What a later PyTorch adds to an optimizer's group is missing in older saves; what it drops is too much in
    them.
    """
    ends = []
    for change in (False, True):
        run = run_of(tmp_path / str(change))
        events = run.events()
        assert any(isinstance(event, BatchEnded) and event.batch == 3 for event in events)
        events.close()
        if change:
            found = newest_checkpoint(run.folder)
            state = changed(found.state, ("optimizer", "param_groups", 0, gone), GONE)
            state = changed(state, ("optimizer", "param_groups", 0, "of the future"), 1.5)
            remove(run.folder, found.name, Hasty())
            checkpoint._write(run.folder / CHECKPOINTS / found.name, checkpoint._files(state), Hasty())
        again = reopen(run.folder, disk=Hasty())
        assert again.history.position == (0, 3)
        *_, ended = again.events()
        assert isinstance(ended, RunEnded)
        ends.append(again.training.model.state_dict())
    assert same(*ends)
