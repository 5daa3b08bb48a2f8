"""A recording keeps the model however the run ends, and never a bad one over a good one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from desktop_trainer.engine.devices import DeviceLost
from desktop_trainer.engine.events import BatchEnded, EpochEnded, Evaluating, RunEnded
from desktop_trainer.engine.streaming import WorkerDied
from desktop_trainer.engine.training import Training
from desktop_trainer.engine.weights import StateMismatch
from desktop_trainer.experiment.problems import parse_experiment, read_experiment
from desktop_trainer.runs.checkpoint import newest_checkpoint
from desktop_trainer.runs.checkpoint_folders import checkpoints
from desktop_trainer.runs.files import SaveFailed
from desktop_trainer.runs.journal import read_journal
from desktop_trainer.runs.model_file import load_model
from desktop_trainer.runs.recording import Recording
from desktop_trainer.runs.resume import reopen
from desktop_trainer.runs.run_folder import BEST, CHECKPOINTS, EXPERIMENT, LOG, MODEL

SMALL = {
    "data": {"dataset": {"name": "synthetic", "train_samples": 50, "test_samples": 20, "size": 4}, "batch_size": 16}
}


def recording(folder: Path, **settings: Any) -> Recording:
    return Recording(Training(parse_experiment({**SMALL, "training": {"epochs": 2}, **settings})), folder)


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_the_log_tells_people_what_happened(tmp_path: Path) -> None:
    """Its start, each epoch, its end; and again when it goes on."""
    values = {**SMALL, "training": {"epochs": 2}}
    list(Recording(Training(parse_experiment(values)), tmp_path).events())
    list(reopen(tmp_path, {"training.epochs": 3}).events())
    lines = (tmp_path / LOG).read_text().splitlines()
    words = [
        "batches",
        "epoch 1,",
        "epoch 2,",
        "Finished: epoch 2",
        "Epochs 2 → 3",
        "batches",
        "epoch 3,",
        "Finished: epoch 3",
    ]
    assert len(lines) == len(words)
    assert all(word in line for word, line in zip(words, lines, strict=True))


def test_a_completed_run_leaves_its_model_figures_and_settings(tmp_path: Path) -> None:
    run = recording(tmp_path)
    events = list(run.events())
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert ended.outcome == "completed"
    assert ended.paths == {"run": str(tmp_path), "model": str(tmp_path / MODEL), "best": str(tmp_path / BEST)}
    model = load_model(tmp_path / MODEL)
    assert same(dict(model.weights), run.training.model.state_dict())
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert model.metrics["test_accuracy"] == epochs[-1].test_accuracy
    assert model.class_names == tuple("0123456789")
    assert read_experiment((tmp_path / EXPERIMENT).read_text()) == run.training.experiment


@pytest.mark.parametrize("kind", [BatchEnded, Evaluating, EpochEnded])
def test_closing_at_any_event_keeps_the_model_of_that_moment(tmp_path: Path, kind: type) -> None:
    run = recording(tmp_path)
    events = run.events()
    for event in events:
        if isinstance(event, kind):
            break
    events.close()
    assert run.ended is not None
    assert run.ended.outcome == "stopped"
    assert same(dict(load_model(tmp_path / MODEL).weights), run.training.model.state_dict())


def test_a_run_that_never_came_to_train_leaves_no_folder(tmp_path: Path) -> None:
    run = recording(tmp_path / "run")
    run.folder.mkdir()
    events = run.events()
    next(events)
    events.close()
    assert run.ended is not None
    assert run.ended.outcome == "stopped"
    assert run.ended.paths == {}
    assert not run.folder.exists()


def test_a_diverged_run_leaves_the_model_of_its_last_whole_epoch(tmp_path: Path) -> None:
    run = recording(tmp_path)
    good: dict[str, torch.Tensor] = {}
    events = []
    for event in run.events():
        events.append(event)
        if isinstance(event, EpochEnded):
            good = {name: tensor.clone() for name, tensor in run.training.model.state_dict().items()}
            run.training.optimizer.param_groups[0]["lr"] = float("inf")
    assert isinstance(events[-1], RunEnded)
    assert events[-1].outcome == "diverged"
    assert same(dict(load_model(tmp_path / MODEL).weights), good)


def test_stopping_when_the_parameters_are_not_numbers_any_more_keeps_the_last_good_model(tmp_path: Path) -> None:
    run = recording(tmp_path)
    events = run.events()
    for event in events:
        if isinstance(event, EpochEnded):
            next(run.training.model.parameters()).data.fill_(float("nan"))
            break
    events.close()
    assert all(tensor.isfinite().all() for tensor in load_model(tmp_path / MODEL).weights.values())


def test_a_continued_run_keeps_figures_and_model_until_it_has_better_ones(tmp_path: Path) -> None:
    first = recording(tmp_path)
    list(first.events())
    run = reopen(tmp_path, {"training.epochs": 4})
    events = run.events()
    while not isinstance(next(events), BatchEnded):
        pass
    next(run.training.model.parameters()).data.fill_(float("nan"))
    events.close()
    assert run.kept is not None
    assert first.kept is not None
    assert same(dict(run.kept.weights), dict(first.kept.weights))
    model = load_model(tmp_path / MODEL)
    assert model.metrics["epoch"] == 2
    assert all(tensor.isfinite().all() for tensor in model.weights.values())


def test_with_each_checkpoint_the_model_of_the_last_epoch_is_written(tmp_path: Path) -> None:
    run = recording(tmp_path, saving={"every_epochs": 1})
    for event in run.events():
        if isinstance(event, EpochEnded):
            written = load_model(tmp_path / MODEL)
            assert written.metrics["epoch"] == event.epoch
            assert same(dict(written.weights), run.training.model.state_dict())


def test_a_run_that_raises_is_recorded_as_failed(tmp_path: Path) -> None:
    run = recording(tmp_path)
    events = run.events()
    while not isinstance(next(events), BatchEnded):
        pass
    run.training.loss_fn = lambda _logits, _labels: 1 / 0  # type: ignore[assignment, return-value]
    with pytest.raises(ZeroDivisionError):
        next(events)
    assert run.ended is not None
    assert run.ended.outcome == "failed"
    assert not run.resumable


def test_an_unwritable_folder_is_said_before_anything_is_trained(tmp_path: Path) -> None:
    run = recording(tmp_path / "is gone")
    with pytest.raises(SaveFailed):
        next(run.events())
    assert not run.training.started


def files(folder: Path) -> dict[str, bytes]:
    """What lies in the checkpoints of a run, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in (folder / CHECKPOINTS).rglob("*.*")}


def raising(error: Exception) -> Callable[..., Any]:
    def raise_it(*_: Any, **__: Any) -> Any:
        raise error

    return raise_it


@pytest.mark.parametrize(
    ("place", "error", "words"),
    [
        ("desktop_trainer.engine.data.InMemory.open", WorkerDied("A worker died."), "A worker died"),
        ("desktop_trainer.engine.training.restore", StateMismatch("x"), "does not fit it"),
        ("desktop_trainer.engine.state.load_weights", torch.OutOfMemoryError("out of memory"), "not enough memory"),
        ("desktop_trainer.runs.keeper.write_experiment", SaveFailed("The disk is full."), "disk is full"),
    ],
)
def test_a_resume_that_fails_replaces_no_checkpoint_by_an_untrained_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, error: Exception, words: str
) -> None:
    """Going back to a checkpoint that is not the newest, from which the run still goes on afterwards."""
    run = recording(tmp_path, saving={"every_epochs": 1})
    list(run.events())
    earlier, newest = checkpoints(tmp_path)[-2:]
    before = files(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(place, raising(error))
        again = reopen(tmp_path, {"optimizer.lr": 0.01, "training.epochs": 3}, checkpoint=earlier)
        with pytest.raises(Exception, match=words):
            list(again.events())
    assert again.ended is not None
    assert (again.ended.outcome, again.begun) == ("failed", place.startswith("desktop_trainer.runs"))
    written = {name: data for name, data in files(tmp_path).items() if name in before}
    assert written == {name: data for name, data in before.items() if name in written}
    assert newest in checkpoints(tmp_path) or again.begun
    *_, ended = reopen(tmp_path, {"training.epochs": 3}).events()
    assert isinstance(ended, RunEnded)
    assert ended.outcome == "completed"


def lose_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing can be read from the device, as after an illegal access on CUDA."""
    error = torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nCompile with ...")
    for name in ("cpu", "to"):
        monkeypatch.setattr(torch.Tensor, name, raising(error))


@pytest.mark.parametrize("how", ["read", "saved", "closed", "shown"])
def test_a_device_that_is_lost_while_numbers_are_read_is_explained_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A step that fails on CUDA shows only then: at a block of records, at a checkpoint, or when the run is stopped.

    Also when it is stopped with all numbers shown: then it shows when the model is to be kept.
    """
    run = recording(tmp_path, saving={"every_batches": int(how == "saved")})
    run.read_every(0.0 if how in ("read", "shown") else float("inf"))
    events = run.events()
    while not isinstance(next(events), BatchEnded):
        pass
    before = files(tmp_path)
    with monkeypatch.context() as patch:
        lose_device(patch)
        with pytest.raises(
            DeviceLost, match=r"cpu failed: CUDA error: an illegal memory access was encountered\. Start"
        ):
            events.close() if how in ("closed", "shown") else next(events)
    for ended in (run.ended, read_journal(tmp_path).ended):
        assert ended is not None
        assert ended.outcome == "failed"
        assert "illegal memory access" in ended.reason
    assert files(tmp_path) == before
    assert newest_checkpoint(tmp_path).state["batch"] == int(how == "saved")
