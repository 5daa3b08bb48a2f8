"""A run whose settings change in a pause is the run that was stopped there and went on with the others: in every
byte.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from desktop_trainer.engine.events import BatchEnded, RunEnded
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.fields import with_value
from desktop_trainer.experiment.problems import ExperimentError, parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.runs.continuing import propose
from desktop_trainer.runs.events import SettingsChanged
from desktop_trainer.runs.journal import read_journal
from desktop_trainer.runs.recording import Recording
from desktop_trainer.runs.resume import reopen
from desktop_trainer.runs.run_folder import LOG, read_settings

Same = Callable[[Any, Any], bool]
Values = dict[str, Any]
CHANGES: dict[str, Any] = {
    "optimizer.lr": 0.0003,
    "optimizer.beta1": 0.5,
    "optimizer.weight_decay": 0.01,
    "augmentation.shift": 1,
    "augmentation.flip": 0.5,
    "training.epochs": 4,
    "training.patience": 9,
}


def experiment_of(values: Values, **changes: Any) -> Experiment:
    for path, value in {"training.epochs": 3, "saving.every_minutes": 0, **changes}.items():
        values = with_value(values, path, value)
    return parse_experiment(values)


def begin(values: Values, folder: Path) -> Recording:
    folder.mkdir()
    return Recording(Training(experiment_of(values)), folder)


def pull_to(recording: Recording, epoch: int, batch: int) -> Any:
    """The events, at rest behind that batch, with all numbers shown."""
    events = recording.events()
    next(event for event in events if isinstance(event, BatchEnded) and (event.epoch, event.batch) == (epoch, batch))
    recording.flush()
    return events


def final(recording: Recording, events: Any) -> Any:
    """The state at the end, without its times."""
    *_, ended = events
    assert isinstance(ended, RunEnded)
    assert ended.outcome == "completed"
    state = recording.training.state()
    del state["seconds"]
    return state


def rows(folder: Path) -> list[Any]:
    blocks = read_journal(folder).records
    return [(block.epoch, block.loss.tolist(), block.correct.tolist(), block.lr.tolist()) for block in blocks]


def test_what_changes_in_a_pause_takes_effect_exactly_as_in_a_run_that_was_stopped_there(
    small: Values, tmp_path: Path, same: Same
) -> None:
    """In the middle of an epoch, with augmentation; also when it is killed right after the change."""
    stopped = begin(small, tmp_path / "stopped")
    pull_to(stopped, 2, 4).close()
    again = reopen(tmp_path / "stopped", CHANGES)
    expected = final(again, again.events())
    paused = begin(small, tmp_path / "paused")
    events = pull_to(paused, 2, 4)
    changed = paused.change(experiment_of(small, **CHANGES))
    assert paused.checkpoint() is None
    shutil.copytree(tmp_path / "paused", tmp_path / "killed")
    assert (changed.epoch, changed.batch) == (1, 4)
    assert same(final(paused, events), expected)
    killed = reopen(tmp_path / "killed")
    assert same(final(killed, killed.events()), expected)
    assert rows(tmp_path / "paused") == rows(tmp_path / "stopped") == rows(tmp_path / "killed")


def test_the_change_is_in_settings_journal_and_log_and_in_the_history_of_who_goes_on(
    small: Values, tmp_path: Path
) -> None:
    run = begin(small, tmp_path / "run")
    events = pull_to(run, 2, 4)
    run.change(experiment_of(small, **{"optimizer.lr": 0.0003}))
    assert run.checkpoint() is None
    events.close()
    assert read_settings(tmp_path / "run")["optimizer"]["lr"] == 0.0003
    lines = map(json.loads, (tmp_path / "run/events.jsonl").read_text().splitlines())
    line = next(line for line in lines if line["kind"] == "changed")
    assert (line["epoch"], line["batch"], line["changes"]) == (1, 4, ["optimizer.lr"])
    text = "Changed in epoch 2 after batch 4: Learning rate 0.001 → 0.0003"
    assert text in (tmp_path / "run" / LOG).read_text(encoding="utf-8")
    told: list[Any] = list(reopen(tmp_path / "run").history.events())
    (place,) = [at for at, event in enumerate(told) if isinstance(event, SettingsChanged)]
    assert told[place].line == text
    assert (told[place - 1].epoch, told[place - 1].batch) == (2, 4)


def test_a_run_that_goes_on_with_another_rate_says_from_where(small: Values, tmp_path: Path) -> None:
    """Once, at its place, also when it goes on again; what was trained anew since says it no longer."""
    pull_to(begin(small, tmp_path / "run"), 2, 4).close()
    again = reopen(tmp_path / "run", {"optimizer.lr": 0.0003})
    events = again.events()
    changed = next(event for event in events if isinstance(event, SettingsChanged))
    assert (changed.epoch, changed.batch, changed.text) == (1, 4, "Learning rate 0.001 → 0.0003")
    next(event for event in events if isinstance(event, BatchEnded) and event.batch == 5)
    events.close()
    third = reopen(tmp_path / "run")
    assert third.history.changes == [changed]
    assert not [event for event in third.events() if isinstance(event, SettingsChanged)]
    first = min(path.name for path in (tmp_path / "run/checkpoints").iterdir())
    back = reopen(tmp_path / "run", checkpoint=first)
    *_, started = (event for event in back.events() if isinstance(event, SettingsChanged))
    assert (started.epoch, started.batch) == (0, 0)
    assert [change.epoch for change in read_journal(tmp_path / "run").changes] == [0]


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("data.batch_size", 7, "cannot change while"),
        ("optimizer.fused", True, "cannot change while"),
        ("data.test_batch_size", 5, "cannot change while"),
        ("training.epochs", 1, "has done 1 epoch; ask for more"),
    ],
)
def test_what_cannot_change_in_a_pause_is_refused_and_nothing_has_changed(
    small: Values, tmp_path: Path, path: str, value: Any, words: str
) -> None:
    run = begin(small, tmp_path / "run")
    events = pull_to(run, 2, 4)
    before = run.training.experiment
    with pytest.raises(ExperimentError, match=words):
        run.change(experiment_of(small, **{path: value}))
    assert run.training.experiment is before
    events.close()
    assert read_journal(tmp_path / "run").changes == []


def test_what_the_form_leaves_to_the_images_is_no_change(small: Values, tmp_path: Path) -> None:
    """The run has decided by its images that they are in colour; the form still says auto."""
    for number in range(12):
        for name in ("ant", "bee"):
            (tmp_path / "insects" / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4), (number, 9, 0)).save(tmp_path / "insects" / name / f"{number}.png")
    data = {"dataset": {"name": "image_folder", "folder": str(tmp_path / "insects")}, "image_size": 4, "batch_size": 4}
    values = {**small, "data": data}
    run = begin(values, tmp_path / "run")
    events = pull_to(run, 2, 2)
    changed = run.change(experiment_of(values, **{"optimizer.lr": 0.0003}))
    assert [each.path for each in changed.changes] == ["optimizer.lr"]
    assert run.training.experiment.data.dataset.channels == "colour"  # type: ignore[attr-defined]
    events.close()
    assert read_settings(tmp_path / "run")["data"]["dataset"]["channels"] == "colour"
    proposal = propose(tmp_path / "run", experiment_of(values, **{"optimizer.lr": 0.1}))
    assert ([each.path for each in proposal.offered], proposal.kept) == (["optimizer.lr"], ())
    grey = experiment_of(values, **{"data.dataset.channels": "grey"})
    assert [each.path for each in propose(tmp_path / "run", grey).kept] == ["data.dataset.channels"]
