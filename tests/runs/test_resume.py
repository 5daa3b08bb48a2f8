"""A run that goes on from its folder is the run that never stopped: in every byte, through real files."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from desktop_trainer.catalog.models.dense import MLP
from desktop_trainer.engine.events import BatchEnded, EpochEnded, Evaluating, Event, Notice, RunEnded, RunStarted
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.fields import with_value
from desktop_trainer.experiment.problems import ExperimentError, parse_experiment
from desktop_trainer.runs import resume
from desktop_trainer.runs.checkpoint import WEIGHTS, load_checkpoint, newest_checkpoint
from desktop_trainer.runs.checkpoint_errors import CheckpointDamaged, NoCheckpoint
from desktop_trainer.runs.checkpoint_folders import checkpoints
from desktop_trainer.runs.journal import read_journal
from desktop_trainer.runs.lock import RunBusy, RunLock, is_running
from desktop_trainer.runs.model_file import load_model
from desktop_trainer.runs.recording import Recording
from desktop_trainer.runs.resume import reopen
from desktop_trainer.runs.run_folder import (
    BEST,
    CHECKPOINTS,
    MANIFEST,
    MODEL,
    read_settings,
)

Same = Callable[[Any, Any], bool]
Values = dict[str, Any]
NEVER = {"training.epochs": 3, "saving.every_minutes": 0}


def experiment_of(values: Values, **changes: Any) -> Any:
    for path, value in {**NEVER, **{key.replace("__", "."): value for key, value in changes.items()}}.items():
        values = with_value(values, path, value)
    return parse_experiment(values)


def begin(values: Values, folder: Path, **changes: Any) -> Recording:
    folder.mkdir(exist_ok=True)
    return Recording(Training(experiment_of(values, **changes)), folder)


def run_to(recording: Recording, kind: type[Event], epoch: int, number: int, *, crash: bool = False) -> None:
    """Pull until that event and close; `number` is its batch, or how many test batches are done. A crash ends
    nothing.
    """
    events = recording.events()
    for event in events:
        place = getattr(event, "epoch", None), getattr(event, "batch", getattr(event, "done", 0))
        if type(event) is kind and place == (epoch, number):
            break
    else:
        raise AssertionError("The run ended before that event.")
    if crash:
        assert recording.checkpoint() is None
        copy = recording.folder.with_name("crashed")
        shutil.copytree(recording.folder, copy)
    events.close()
    if crash:
        shutil.rmtree(recording.folder)
        copy.rename(recording.folder)


def final(recording: Recording) -> Any:
    """The state at the end, without its times."""
    *_, ended = recording.events()
    assert isinstance(ended, RunEnded)
    assert ended.outcome == "completed"
    state = recording.training.state()
    del state["seconds"]
    return state


def rows(folder: Path) -> list[tuple[Any, ...]]:
    """Every batch and epoch that the journal tells, without times."""
    history = read_journal(folder)
    batches = [
        (block.epoch, block.first + index, float(loss), int(correct), int(count), float(lr))
        for block in history.records
        for index, (loss, correct, count, lr) in enumerate(
            zip(block.loss, block.correct, block.count, block.lr, strict=True)
        )
    ]
    epochs = [
        (event.epoch, event.train_loss, event.train_accuracy, event.test_loss, event.test_accuracy)
        for event in history.epochs
    ]
    return [*batches, *epochs]


POINTS = [
    pytest.param((RunStarted, 0, 0), id="before the first batch"),
    pytest.param((BatchEnded, 1, 1), id="after the first batch"),
    pytest.param((BatchEnded, 2, 4), id="in the middle of an epoch"),
    pytest.param((BatchEnded, 1, 6), id="after the last batch of an epoch"),
    pytest.param((Evaluating, 2, 1), id="during the evaluation"),
    pytest.param((Evaluating, 1, 2), id="after the evaluation"),
    pytest.param((EpochEnded, 2, 0), id="at the end of an epoch"),
    pytest.param((BatchEnded, 3, 5), id="before the last batch of all"),
]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("crash", [False, True], ids=["stopped", "crashed"])
def test_a_run_resumed_at_any_point_ends_in_the_same_bytes(
    small: Values, tmp_path: Path, same: Same, point: Any, crash: bool
) -> None:
    """Dropout and Adam. State, every record, every epoch's figures, the best and the last model."""
    whole = begin(small, tmp_path / "whole")
    expected = final(whole)
    run_to(begin(small, tmp_path / "run"), *point, crash=crash)
    torch.manual_seed(999)
    again = reopen(tmp_path / "run")
    assert again.inexact == ()
    assert same(final(again), expected)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    for name in (BEST, MODEL):
        mine, other = load_model(tmp_path / "run" / name), load_model(tmp_path / "whole" / name)
        assert same(mine.weights, other.weights)
        assert mine.metrics == other.metrics


def with_batch_norm(_choice: Any, info: Any) -> nn.Module:
    pixels = info.channels * info.height * info.width
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, info.classes))


@pytest.mark.parametrize("optimizer", [{"name": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True}, "adamw"])
def test_momentum_and_batch_norm_come_back_too(
    small: Values, tmp_path: Path, same: Same, monkeypatch: pytest.MonkeyPatch, optimizer: Any
) -> None:
    monkeypatch.setattr(MLP, "build", with_batch_norm)
    small = with_value(small, "optimizer", optimizer)
    expected = final(begin(small, tmp_path / "whole"))
    assert int(expected["model"]["2.num_batches_tracked"]) == 18
    run_to(begin(small, tmp_path / "run"), BatchEnded, 2, 4)
    assert same(final(reopen(tmp_path / "run")), expected)


@pytest.mark.parametrize("lost", ["rng", "optimizer", "recorder", "epoch", "batch"])
def test_without_any_part_of_the_state_it_ends_elsewhere(
    small: Values, tmp_path: Path, same: Same, state_after: Any, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """Negative controls: the tests above can see each of them."""
    expected = final(begin(small, tmp_path / "whole"))
    run_to(begin(small, tmp_path / "run"), BatchEnded, 2, 4)
    load, fresh = Training.load_state, state_after(0)
    monkeypatch.setattr(Training, "load_state", lambda self, state: load(self, {**state, lost: fresh[lost]}))
    resumed = final(reopen(tmp_path / "run"))
    assert not (same(resumed, expected) and rows(tmp_path / "run") == rows(tmp_path / "whole"))


def test_the_history_ends_where_the_run_goes_on(small: Values, tmp_path: Path) -> None:
    run_to(begin(small, tmp_path), BatchEnded, 2, 4)
    again = reopen(tmp_path)
    history = again.history
    assert history.position == (1, 4)
    assert sum(map(len, history.records)) == 10
    assert [event.epoch for event in history.epochs] == [1]
    assert history.ended is None
    events = again.events()
    started = next(event for event in events if isinstance(event, RunStarted))
    assert (started.epoch, started.batch) == (1, 4)
    events.close()


def test_a_completed_run_goes_on_with_more_epochs(small: Values, tmp_path: Path, same: Same) -> None:
    expected = final(begin(small, tmp_path / "whole"))
    final(begin(small, tmp_path / "run", training__epochs=2))
    again = reopen(tmp_path / "run", {"training.epochs": 3})
    assert same(final(again), expected)
    assert read_settings(tmp_path / "run")["training"]["epochs"] == 3
    assert read_journal(tmp_path / "run").starts[-1].changes == ("training.epochs",)


@pytest.mark.parametrize(("stop", "epochs"), [((EpochEnded, 2, 0), 1), ((BatchEnded, 3, 2), 2), (None, 3), (None, 2)])
def test_fewer_epochs_than_are_done_are_refused(small: Values, tmp_path: Path, stop: Any, epochs: int) -> None:
    run = begin(small, tmp_path)
    if stop is None:
        final(run)
    else:
        run_to(run, *stop)
    with pytest.raises(ExperimentError, match=r"training\.epochs: The run has done \d epochs; ask for more"):
        reopen(tmp_path, {"training.epochs": epochs})
    assert read_settings(tmp_path)["training"]["epochs"] == 3
    assert not is_running(tmp_path)


def test_settings_with_which_the_run_never_trained_are_not_kept(
    small: Values, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_to(begin(small, tmp_path), BatchEnded, 2, 4)
    before = read_settings(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr("desktop_trainer.engine.training.prepare", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            list(reopen(tmp_path, {"optimizer.lr": 0.5}).events())
    assert read_settings(tmp_path) == before


def test_a_smaller_learning_rate_takes_effect_and_the_optimizer_remembers(
    small: Values, tmp_path: Path, same: Same
) -> None:
    run_to(begin(small, tmp_path), BatchEnded, 2, 4)
    before, _ = load_checkpoint(tmp_path)
    again = reopen(tmp_path, {"optimizer.lr": 0.0001})
    run_to(again, BatchEnded, 2, 5, crash=True)
    (group,) = again.training.optimizer.param_groups
    assert (group["lr"], group["betas"]) == (0.0001, (0.9, 0.999))
    assert same(
        load_checkpoint(tmp_path)[0]["optimizer"]["state"][0]["step"], before["optimizer"]["state"][0]["step"] + 1
    )
    third = reopen(tmp_path)
    events = third.events()
    next(event for event in events if isinstance(event, RunStarted))
    assert third.training.optimizer.param_groups[0]["lr"] == 0.0001
    events.close()


def test_a_changed_rate_outlives_a_crash_before_the_next_save(small: Values, tmp_path: Path) -> None:
    """The checkpoint is of the old rate, the settings are of the new one."""
    run_to(begin(small, tmp_path / "run"), BatchEnded, 2, 4)
    events = reopen(tmp_path / "run", {"optimizer.lr": 0.0001}).events()
    next(event for event in events if isinstance(event, RunStarted))
    shutil.copytree(tmp_path / "run", tmp_path / "crashed")
    events.close()
    again = reopen(tmp_path / "crashed")
    events = again.events()
    next(event for event in events if isinstance(event, RunStarted))
    assert again.training.optimizer.param_groups[0]["lr"] == 0.0001
    events.close()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model", "softmax"),
        ("data.batch_size", 7),
        ("training.seed", 5),
        ("optimizer", "sgd"),
        ("model.dropout", 0.1),
        ("data.normalization", "dataset"),
    ],
)
def test_what_would_make_it_another_run_is_refused(small: Values, tmp_path: Path, path: str, value: Any) -> None:
    run_to(begin(small, tmp_path), BatchEnded, 1, 2)
    before = read_settings(tmp_path)
    with pytest.raises(ExperimentError, match=rf"{path}: A run that goes on keeps this setting"):
        reopen(tmp_path, {path: value})
    assert read_settings(tmp_path) == before
    assert not is_running(tmp_path)


def test_augmentation_can_be_switched_off_for_the_last_epochs(small: Values, tmp_path: Path) -> None:
    """From where the run goes on; its journal says so."""
    run_to(begin(small, tmp_path, augmentation__shift=1), BatchEnded, 2, 4)
    events = reopen(tmp_path, {"augmentation.shift": 0}).events()
    started = next(event for event in events if isinstance(event, RunStarted))
    assert (started.epoch, started.batch, started.step) == (1, 4, "threads=1")
    events.close()
    assert read_journal(tmp_path).starts[-1].changes == ("augmentation.shift",)


def test_a_setting_that_does_not_exist_or_fit_is_refused(small: Values, tmp_path: Path) -> None:
    run_to(begin(small, tmp_path), BatchEnded, 1, 2)
    for changes in ({"optimizer.lr": -1}, {"optimizer.none": 1}):
        with pytest.raises(ExperimentError):
            reopen(tmp_path, changes)
    assert not is_running(tmp_path)


def test_only_one_goes_on_at_a_time(small: Values, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunLock.acquire, "__defaults__", (0.0,))
    run_to(begin(small, tmp_path), BatchEnded, 1, 2)
    first = reopen(tmp_path)
    with pytest.raises(RunBusy):
        reopen(tmp_path)
    final(first)
    assert not is_running(tmp_path)


def test_a_damaged_checkpoint_is_told_and_the_one_before_gives_the_same_end(
    small: Values, tmp_path: Path, same: Same
) -> None:
    expected = final(begin(small, tmp_path / "whole"))
    run_to(begin(small, tmp_path / "run"), BatchEnded, 2, 4)
    newest = tmp_path / "run" / CHECKPOINTS / checkpoints(tmp_path / "run")[-1]
    data = bytearray((newest / WEIGHTS).read_bytes())
    data[len(data) // 2] ^= 1
    (newest / WEIGHTS).write_bytes(data)
    again = reopen(tmp_path / "run")
    assert "not what was written" in again.inexact[0]
    assert again.history.position == (0, 0)
    assert same(final(again), expected)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    assert newest.name not in checkpoints(tmp_path / "run")


def test_going_back_on_purpose_leaves_the_later_checkpoint_behind(small: Values, tmp_path: Path) -> None:
    """After a crash the run goes on from where it went back to, not from the later checkpoint of before."""
    run_to(begin(small, tmp_path / "run", saving__every_epochs=1), BatchEnded, 3, 2)
    _, earlier, later = checkpoints(tmp_path / "run")
    events = reopen(tmp_path / "run", {"optimizer.lr": 0.0001}, checkpoint=earlier).events()
    next(event for event in events if isinstance(event, RunStarted))
    shutil.copytree(tmp_path / "run", tmp_path / "crashed")
    events.close()
    again = reopen(tmp_path / "crashed")
    assert again.history.position == (2, 0)
    assert later not in checkpoints(tmp_path / "crashed")
    again.events().close()


def test_a_run_that_crashed_while_it_loaded_begins_anew_with_the_weights_it_was_given(
    small: Values, tmp_path: Path, same: Same
) -> None:
    weights = experiment_of(small).model.build(experiment_of(small).data.info).state_dict()
    (tmp_path / "run").mkdir()
    events = Recording(Training(experiment_of(small), weights=weights), tmp_path / "run").events()
    next(events)
    shutil.copytree(tmp_path / "run", tmp_path / "crashed")
    events.close()
    assert not (tmp_path / "run").exists()
    again = reopen(tmp_path / "crashed")
    events = again.events()
    next(event for event in events if isinstance(event, RunStarted))
    assert same(again.training.model.state_dict(), weights)
    events.close()


def test_a_run_whose_checkpoints_are_gone_is_not_begun_anew(small: Values, tmp_path: Path) -> None:
    run_to(begin(small, tmp_path), BatchEnded, 2, 4)
    before = rows(tmp_path)
    shutil.rmtree(tmp_path / CHECKPOINTS)
    with pytest.raises(NoCheckpoint, match="checkpoints are gone"):
        reopen(tmp_path)
    assert rows(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("threads", 3, "3 CPU threads; here are 1"),
        ("device", "cuda:0", "trained on cuda:0; here it goes on on cpu"),
        ("versions", {"torch": "2.99"}, "PyTorch 2.99"),
        ("versions", {"cpu": "vax"}, "another processor .vax"),
    ],
)
def test_where_it_cannot_be_exact_it_says_why(
    small: Values, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: Any, words: str
) -> None:
    run_to(begin(small, tmp_path), BatchEnded, 1, 2)
    found = newest_checkpoint(tmp_path)
    found.state[name] = {**found.state[name], **value} if name == "versions" else value
    monkeypatch.setattr(resume, "newest_checkpoint", lambda *_, **__: found)
    again = reopen(tmp_path)
    (sentence,) = again.inexact
    assert re.search(words, sentence)
    assert [event.text for event in again.events() if isinstance(event, Notice)] == [sentence]
    assert read_journal(tmp_path).starts[-1].inexact == (sentence,)


def test_a_state_that_does_not_say_of_what_it_is_counts_as_damaged(
    small: Values, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_to(begin(small, tmp_path), BatchEnded, 1, 2)
    found = newest_checkpoint(tmp_path)
    del found.state["experiment"]
    monkeypatch.setattr(resume, "newest_checkpoint", lambda *_, **__: found)
    with pytest.raises(CheckpointDamaged, match="what was trained"):
        reopen(tmp_path)


def test_a_run_can_be_moved_and_goes_on_elsewhere(small: Values, tmp_path: Path, same: Same) -> None:
    expected = final(begin(small, tmp_path / "whole"))
    run_to(begin(small, tmp_path / "run", data__data_root=str(tmp_path / "gone")), BatchEnded, 2, 4)
    moved = (tmp_path / "run").rename(tmp_path / "另一处 elsewhere")
    again = reopen(moved)
    assert again.training.experiment.data.data_root == ""
    assert same(final(again), expected)


def test_nothing_of_a_checkpoint_says_where_it_was_written(small: Values, tmp_path: Path) -> None:
    run_to(begin(small, tmp_path, data__data_root="/somewhere/of/mine"), BatchEnded, 1, 2)
    place = tmp_path / CHECKPOINTS / checkpoints(tmp_path)[-1]
    assert all(b"/somewhere" not in path.read_bytes() for path in place.iterdir())
    assert json.loads((place / MANIFEST).read_bytes())["format"] == 1
