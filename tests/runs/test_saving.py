"""When a run is saved, and what never is: saving alters nothing, costs little, and keeps only what is good."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_trainer.engine.events import BatchEnded, EpochEnded, Evaluating, RunEnded, RunStarted
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.saving_settings import SavingSettings
from desktop_trainer.runs.checkpoint import load_checkpoint, newest_checkpoint
from desktop_trainer.runs.checkpoint_folders import all_names, checkpoints
from desktop_trainer.runs.files import SaveFailed
from desktop_trainer.runs.journal import read_journal
from desktop_trainer.runs.lock import RunBusy, is_running
from desktop_trainer.runs.model_file import load_model
from desktop_trainer.runs.recording import Recording
from desktop_trainer.runs.resume import reopen
from desktop_trainer.runs.run_folder import BEST, CHECKPOINTS, MODEL, read_facts
from desktop_trainer.runs.save_times import PATIENCE, Schedule

Values = dict[str, Any]
STARTED = RunStarted(96, 20, 6, 2, 16, 3, "cpu", 1, "in memory", 1, 0, 0)


def recording(values: Values, folder: Path, epochs: int = 2, **saving: Any) -> Recording:
    folder.mkdir(exist_ok=True)
    return Recording(Training(parse_experiment({**values, "training": {"epochs": epochs}, "saving": saving})), folder)


def saves(run: Recording) -> list[tuple[int, int]]:
    """The positions at which the run was saved, as the newest checkpoint tells after each event."""
    seen: list[tuple[int, int]] = []
    for _ in run.events():
        for name in all_names(run.folder)[-1:]:
            _, _, epoch, _, batch = name.split()
            if (int(epoch), int(batch)) not in seen:
                seen.append((int(epoch), int(batch)))
    return seen


def test_without_any_setting_a_run_is_saved_at_its_start_and_end(small: Values, tmp_path: Path) -> None:
    assert saves(recording(small, tmp_path, every_minutes=0)) == [(0, 0), (2, 0)]


def test_every_so_many_batches_counted_over_the_run(small: Values, tmp_path: Path) -> None:
    assert saves(recording(small, tmp_path, every_batches=4)) == [(0, 0), (0, 4), (1, 2), (1, 6), (2, 0)]


def test_every_so_many_epochs(small: Values, tmp_path: Path) -> None:
    assert saves(recording(small, tmp_path, epochs=5, every_epochs=2)) == [(0, 0), (2, 0), (4, 0), (5, 0)]


def test_by_the_clock_never_sooner_than_a_hundred_times_the_last_save(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the loop stands still for less than one percent of the time, however slow the disk is."""
    now = [0.0]
    monkeypatch.setattr("desktop_trainer.runs.save_times.monotonic", lambda: now[0])
    schedule = Schedule(SavingSettings(every_minutes=1))
    due_at = []
    for second in range(1000):
        now[0] = float(second)
        if schedule.due(Evaluating(1, 1, 2)):
            due_at.append(second)
            schedule.saved(0.01 if second < 100 else 3.0)
    assert due_at == [60, 120, 420, 720]
    assert PATIENCE >= 100


def test_the_clock_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = Schedule(SavingSettings(every_minutes=0))
    monkeypatch.setattr("desktop_trainer.runs.save_times.monotonic", lambda: 1e12)
    assert not any(schedule.due(event) for event in (STARTED, BatchEnded(1, 1), Evaluating(1, 1, 2)))


def test_saving_all_the_time_alters_no_byte_of_the_run(small: Values, tmp_path: Path, same: Any) -> None:
    """Its random numbers, its optimizer and the model are as if nothing had been saved."""
    states = []
    for name, every in (("saved", 1), ("not", 0)):
        run = recording(small, tmp_path / name, every_batches=every, every_minutes=0)
        list(run.events())
        state = run.training.state()
        states.append({key: value for key, value in state.items() if key != "seconds"})
    assert same(*states)


def test_what_is_not_finite_is_never_saved(small: Values, tmp_path: Path) -> None:
    run = recording(small, tmp_path, every_batches=1)
    events = run.events()
    for event in events:
        if isinstance(event, BatchEnded) and event.batch == 3:
            next(run.training.model.parameters()).data[0, 0] = float("inf")
            break
    assert run.checkpoint() is None
    outcome = [event.outcome for event in events if isinstance(event, RunEnded)]
    assert outcome == ["diverged"]
    for name in checkpoints(tmp_path):
        state, _ = load_checkpoint(tmp_path, name)
        assert state["batch"] <= 3
        assert all(tensor.isfinite().all() for tensor in state["model"].values())


def test_after_divergence_the_run_goes_back_with_a_smaller_rate(small: Values, tmp_path: Path) -> None:
    run = recording(small, tmp_path, every_minutes=0)
    for event in run.events():
        if isinstance(event, BatchEnded) and event.batch == 4:
            run.training.optimizer.param_groups[0]["lr"] = float("inf")
    assert run.ended is not None
    assert run.ended.outcome == "diverged"
    again = reopen(tmp_path, {"optimizer.lr": 0.01})
    assert again.history.position == (0, 0)
    *_, ended = again.events()
    assert isinstance(ended, RunEnded)
    assert ended.outcome == "completed"
    assert len(read_journal(tmp_path).epochs) == 2


def test_a_divergence_is_gone_back_behind_however_often_the_run_was_saved(small: Values, tmp_path: Path) -> None:
    """The last checkpoints are of parameters that are huge already: from there no learning rate helps."""
    hot = {**small, "model": {"name": "mlp", "hidden_sizes": [8, 8, 8]}, "optimizer": {"name": "sgd", "lr": 1e9}}
    run = recording(hot, tmp_path, epochs=9, every_batches=1)
    list(run.events())
    assert run.ended is not None
    assert run.ended.outcome == "diverged"
    again = reopen(tmp_path, {"optimizer.lr": 0.1})
    assert again.history.position == (0, 0)
    *_, ended = again.events()
    assert isinstance(ended, RunEnded)
    assert ended.outcome == "completed"


def test_a_late_divergence_does_not_cost_the_whole_run(small: Values, tmp_path: Path) -> None:
    """It goes back a hundred batches, if there is a checkpoint so far back."""
    run = recording(small, tmp_path, epochs=40, every_minutes=0)
    events = run.events()
    for event in events:
        if isinstance(event, EpochEnded) and event.epoch == 10:
            assert run.checkpoint() is None
        if isinstance(event, EpochEnded) and event.epoch == 30:
            run.training.optimizer.param_groups[0]["lr"] = float("inf")
    assert run.ended is not None
    assert run.ended.outcome == "diverged"
    again = reopen(tmp_path)
    assert again.history.position == (10, 0)
    again.events().close()


def test_an_early_divergence_costs_only_the_batches_that_went_wrong(small: Values, tmp_path: Path) -> None:
    """A run of fewer than a hundred batches has no checkpoint so far back but its start."""
    run = recording(small, tmp_path, epochs=9, every_minutes=0)
    for event in run.events():
        if isinstance(event, EpochEnded) and event.epoch in (3, 4):
            assert run.checkpoint() is None
        if isinstance(event, BatchEnded) and (event.epoch, event.batch) == (6, 2):
            run.training.optimizer.param_groups[0]["lr"] = float("inf")
    assert run.ended is not None
    assert run.ended.outcome == "diverged"
    again = reopen(tmp_path)
    assert again.history.position == (4, 0)
    again.events().close()


def test_a_run_that_exploded_and_stayed_finite_goes_back_behind_the_explosion(small: Values, tmp_path: Path) -> None:
    """Its newest checkpoints are whole and finite, and worth nothing."""
    cold = {**small, "optimizer": {"name": "sgd", "lr": 0.01}, "model": {"name": "mlp", "hidden_sizes": [32]}}
    run = recording(cold, tmp_path, epochs=6, every_minutes=0)
    for event in run.events():
        if isinstance(event, EpochEnded) and event.epoch == 2:
            assert run.checkpoint() is None
        if isinstance(event, BatchEnded) and event.epoch == 3:
            run.training.optimizer.param_groups[0]["lr"] = 1e6 if event.batch == 1 else 0.01
    assert run.ended is not None
    assert (run.ended.outcome, run.ended.epoch) == ("diverged", 5)
    again = reopen(tmp_path)
    assert again.history.position == (2, 0)
    again.events().close()


def test_what_the_optimizer_remembers_must_be_finite_too(small: Values, tmp_path: Path) -> None:
    """Adam's squares overflow long before the model does, which then does not learn any more."""
    run = recording(small, tmp_path, every_batches=1)
    for event in run.events():
        if isinstance(event, BatchEnded) and event.batch == 3:
            for remembered in run.training.optimizer.state.values():
                remembered["exp_avg_sq"].fill_(float("inf"))
    assert checkpoints(tmp_path)[-1].endswith("epoch 0 batch 3")


def failing(run: Recording, spoil: Callable[[], None]) -> None:
    """Pull the run, which is spoilt after its fourth batch."""
    for event in run.events():
        if isinstance(event, BatchEnded) and event.batch == 4:
            spoil()


def test_a_step_that_failed_half_way_is_not_saved(
    small: Values, tmp_path: Path, same: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The optimizer may have moved some parameters: the run goes on from the checkpoint before."""

    def half_a_step(*_: Any) -> None:
        for parameter in run.training.model.parameters():
            parameter.data += 1
        raise ZeroDivisionError("in the step")

    list(recording(small, tmp_path / "whole", every_minutes=0).events())
    run = recording(small, tmp_path / "run", every_minutes=0)
    with pytest.raises(ZeroDivisionError, match="in the step"):
        failing(run, lambda: monkeypatch.setattr(run.training.optimizer, "step", half_a_step))
    assert run.ended is not None
    assert (run.ended.outcome, run.ended.reason) == ("failed", "in the step")
    history = read_journal(tmp_path / "run")
    assert history.ended is not None
    assert history.ended.reason == "in the step"
    list(reopen(tmp_path / "run").events())
    ends = (newest_checkpoint(tmp_path / name).state for name in ("run", "whole"))
    assert same(*({key: value for key, value in end.items() if key != "seconds"} for end in ends))


def test_an_error_between_two_steps_saves_first(small: Values, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = recording(small, tmp_path, every_minutes=0)
    with pytest.raises(ZeroDivisionError):
        failing(run, lambda: monkeypatch.setattr(run.training.recorder, "due", lambda *_: 1 / 0))
    state = newest_checkpoint(tmp_path).state
    assert (state["epoch"], state["batch"]) == (0, 5)


def test_the_best_model_is_that_of_the_highest_test_accuracy_the_earlier_of_two(small: Values, tmp_path: Path) -> None:
    run = recording(small, tmp_path, epochs=8, every_epochs=1)
    epochs = []
    for event in run.events():
        if isinstance(event, EpochEnded):
            epochs.append(event)
            best = max(epochs, key=lambda each: each.test_accuracy)
            assert load_model(tmp_path / BEST).metrics["epoch"] == best.epoch


def test_an_earlier_best_outlives_a_resume_and_a_superseded_one_does_not(small: Values, tmp_path: Path) -> None:
    run = recording(small, tmp_path, epochs=4, every_epochs=1)
    list(run.events())
    best = load_model(tmp_path / BEST).metrics
    list(reopen(tmp_path, {"training.epochs": 5}).events())
    after = load_model(tmp_path / BEST).metrics
    assert after["test_accuracy"] >= best["test_accuracy"]
    history = read_journal(tmp_path)
    first_best = max(history.epochs, key=lambda each: each.test_accuracy)
    assert after["epoch"] == first_best.epoch


def test_a_pause_is_a_checkpoint_and_a_second_look_is_not(small: Values, tmp_path: Path) -> None:
    run = recording(small, tmp_path, every_minutes=0)
    events = run.events()
    for event in events:
        if isinstance(event, BatchEnded) and event.batch == 3:
            break
    assert run.checkpoint() is None
    assert run.checkpoint() is None
    assert checkpoints(tmp_path) == ["0001 epoch 0 batch 0", "0002 epoch 0 batch 3"]
    events.close()


def test_a_checkpoint_before_there_is_anything_is_none(small: Values, tmp_path: Path) -> None:
    run = recording(small, tmp_path)
    events = run.events()
    next(events)
    assert run.checkpoint() is None
    assert not (tmp_path / CHECKPOINTS).exists()
    events.close()


def test_the_facts_hold_what_belongs_to_the_machine_and_the_recipe(small: Values, tmp_path: Path) -> None:
    experiment = parse_experiment({**small, "saving": {"every_epochs": 3}})
    list(Recording(Training(experiment), tmp_path, recipe="digits_first_steps").events())
    facts = read_facts(tmp_path)
    assert facts.recipe == "digits_first_steps"
    assert facts.local["saving.every_epochs"] == 3


def test_two_recordings_of_one_folder_are_refused(small: Values, tmp_path: Path) -> None:
    first, second = (recording(small, tmp_path) for _ in range(2))
    events = first.events()
    next(events)
    assert is_running(tmp_path)
    with pytest.raises(RunBusy):
        next(second.events())
    next(event for event in events if isinstance(event, RunStarted))
    events.close()
    assert not is_running(tmp_path)
    assert load_model(tmp_path / MODEL).weights


def test_the_journal_tells_each_save_and_where_it_was(small: Values, tmp_path: Path) -> None:
    list(recording(small, tmp_path, every_epochs=1).events())
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    saved = [line for line in lines if '"kind":"saved"' in line]
    assert [f'"checkpoint":"{name}"' in line for name, line in zip(checkpoints(tmp_path), saved, strict=True)] == [
        True
    ] * 3


def test_a_crash_right_after_a_resume_keeps_what_was_there(small: Values, tmp_path: Path) -> None:
    run = recording(small, tmp_path / "run", every_epochs=1)
    events = run.events()
    for event in events:
        if isinstance(event, EpochEnded):
            break
    events.close()
    again = reopen(tmp_path / "run").events()
    next(event for event in again if isinstance(event, RunStarted))
    shutil.copytree(tmp_path / "run", tmp_path / "crashed")
    again.close()
    assert newest_checkpoint(tmp_path / "crashed").state["epoch"] == 1
    assert load_model(tmp_path / "crashed" / MODEL).metrics["epoch"] == 1
    assert torch.equal(
        newest_checkpoint(tmp_path / "run").state["rng"], newest_checkpoint(tmp_path / "crashed").state["rng"]
    )


def test_two_equal_runs_leave_the_same_model_files_byte_for_byte(small: Values, tmp_path: Path) -> None:
    for name in ("one", "other"):
        list(recording(small, tmp_path / name).events())
    for name in (MODEL, BEST):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_a_model_that_could_not_be_read_back_is_said_before_the_first_batch(
    small: Values, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop_trainer.runs.safetensors_file.MAX_TENSORS", 3)
    run = recording(small, tmp_path)
    seen: list[Any] = []
    with pytest.raises(SaveFailed, match="4 tensors; 1 to 3 are read"):
        seen.extend(run.events())
    assert not any(isinstance(event, RunStarted | BatchEnded) for event in seen)
