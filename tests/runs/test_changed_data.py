"""A run that goes on with other images than it was trained on says so, wherever such things are said."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from desktop_trainer.engine.events import BatchEnded, Evaluated, Event, Notice, RunEnded
from desktop_trainer.engine.examination import examine
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.fields import get_value, to_values, with_value
from desktop_trainer.experiment.problems import parse_experiment, read_experiment
from desktop_trainer.files.errors import OtherData
from desktop_trainer.runs import resume
from desktop_trainer.runs.checkpoint import newest_checkpoint
from desktop_trainer.runs.fixed import FOLDER
from desktop_trainer.runs.journal import read_journal
from desktop_trainer.runs.model_file import load_model
from desktop_trainer.runs.moved import FolderMoved
from desktop_trainer.runs.recording import Recording
from desktop_trainer.runs.resume import reopen
from desktop_trainer.runs.run_folder import EXPERIMENT, LOG, MODEL, read_settings

SENTENCE = "The images in the folder have changed since this run was saved."
Make = Callable[[Path], None]


def draw(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((5, 5, 3), sum(path.name.encode()) % 256, np.uint8)).save(path)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two classes of 30 images."""
    for number in range(30):
        for name in ("ant", "bee"):
            draw(tmp_path / "insects" / name / f"{number}.png")
    return tmp_path / "insects"


@pytest.fixture
def run(small: dict[str, Any], images: Path, tmp_path: Path) -> Path:
    """The folder of a run on them, stopped in its second epoch, after two of three batches."""
    values = with_value(small, "data.dataset", {"name": "image_folder", "folder": str(images), "size": 4})
    for path, value in {"training.epochs": 3, "saving.every_minutes": 0}.items():
        values = with_value(values, path, value)
    folder = tmp_path / "run"
    folder.mkdir()
    go_to(Recording(Training(parse_experiment(values)), folder), 2, 2)
    return folder


def go_to(recording: Recording, epoch: int, batch: int) -> list[Event]:
    """Pull until that batch has ended, and close."""
    events, said = recording.events(), list[Any]()
    for event in events:
        said.append(event)
        if isinstance(event, BatchEnded) and (event.epoch, event.batch) == (epoch, batch):
            break
    events.close()
    return said


def repaint(images: Path) -> None:
    (images / "bee/30.png").write_bytes((images / "bee/7.png").read_bytes())
    (images / "bee/30.png").replace(images / "bee/8.png")


def take_away(images: Path) -> None:
    """So many that an epoch has fewer batches than this one had already."""
    for number in range(22):
        for name in ("ant", "bee"):
            (images / name / f"{number}.png").unlink()


@pytest.mark.parametrize("change", [repaint, take_away, lambda images: draw(images / "ant/99.png")])
def test_other_images_are_noticed_and_the_run_goes_on(run: Path, images: Path, change: Make) -> None:
    """In the window, in the run's log and in its journal; once it was saved with them, they are its own."""
    change(images)
    again = reopen(run)
    assert again.inexact == ()
    said = go_to(again, 3, 1)
    (notice,) = [event.text for event in said if isinstance(event, Notice)]
    assert notice.startswith(SENTENCE)
    assert (run / LOG).read_text(encoding="utf-8").count(SENTENCE) == 1
    assert [start.inexact for start in read_journal(run).starts] == [(), (notice,)]
    *rest, ended = reopen(run).events()
    assert isinstance(ended, RunEnded)
    assert not [event for event in rest if isinstance(event, Notice)]
    assert ended.outcome == "completed"


def rewrite(images: Path) -> None:
    for path in images.rglob("*.png"):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
        os.utime(path, ns=(3, 3))


@pytest.mark.parametrize("change", [lambda _: None, rewrite])
def test_the_same_images_are_the_same_whatever_their_dates(run: Path, images: Path, change: Make) -> None:
    change(images)
    assert not [event for event in reopen(run).events() if isinstance(event, Notice)]
    assert read_journal(run).starts[-1].inexact == ()


def test_a_run_keeps_its_channels_whatever_images_come(run: Path, images: Path) -> None:
    """One that began with grey images makes grey ones of those that come in colour, and so does who examines its
    model.
    """
    for path in images.rglob("*.png"):
        Image.new("L", (5, 5), sum(path.name.encode()) % 256).save(path)
    folder = run.with_name("grey")
    folder.mkdir()
    begun = read_experiment((run / EXPERIMENT).read_text(encoding="utf-8"))
    begun = parse_experiment(with_value(to_values(begun), "data.dataset.channels", "auto"))
    go_to(Recording(Training(begun), folder), 2, 2)
    draw(images / "bee/99.png")
    again = reopen(folder)
    *_, ended = again.events()
    assert isinstance(ended, RunEnded)
    assert ended.outcome == "completed"
    assert again.training.info.channels == 1
    *_, ended = reopen(folder, {"training.epochs": 4}).events()
    assert isinstance(ended, RunEnded)
    model = load_model(folder / MODEL)
    assert model.experiment is not None
    *_, evaluated = examine(model.experiment, model.weights)
    assert isinstance(evaluated, Evaluated)


def test_a_run_saved_before_there_were_fingerprints_goes_on_as_it_did(
    run: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = newest_checkpoint(run)
    assert found.state.pop("fingerprint")
    monkeypatch.setattr(resume, "newest_checkpoint", lambda *_, **__: found)
    repaint(images)
    *said, ended = reopen(run).events()
    assert not [event for event in said if isinstance(event, Notice)]
    assert isinstance(ended, RunEnded)


def test_a_folder_that_was_moved_is_named_and_the_run_goes_on_as_if_nothing_had_happened(
    run: Path, images: Path, tmp_path: Path, same: Callable[[Any, Any], bool]
) -> None:
    shutil.copytree(run, tmp_path / "other")
    there = reopen(run)
    *_, ended = there.events()
    assert isinstance(ended, RunEnded)
    moved = images.rename(tmp_path / "照片 moved")
    with pytest.raises(FolderMoved, match="insects, which is not there"):
        reopen(tmp_path / "other")
    here = reopen(tmp_path / "other", {FOLDER: str(moved)})
    said = list(here.events())
    assert not [event for event in said if isinstance(event, Notice)]
    assert same(here.training.state()["model"], there.training.state()["model"])
    assert same(here.training.state()["optimizer"], there.training.state()["optimizer"])
    assert get_value(read_settings(tmp_path / "other"), FOLDER) == str(moved)
    assert reopen(tmp_path / "other", {"training.epochs": 4}).training.experiment.training.epochs == 4


def test_a_folder_with_other_images_is_refused_and_nothing_was_changed(run: Path, images: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    moved = images.rename(tmp_path / "moved")
    repaint(moved)
    with pytest.raises(OtherData, match="not those that the run was trained on"):
        list(reopen(run, {FOLDER: str(moved)}).events())
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_where_the_fingerprint_is_not_known_that_is_said(
    run: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = newest_checkpoint(run)
    assert found.state.pop("fingerprint")
    monkeypatch.setattr(resume, "newest_checkpoint", lambda _folder, **_: found)
    again = reopen(run, {FOLDER: str(images.rename(tmp_path / "moved"))})
    assert "It is not known whether the images" in again.inexact[0]
    again.events().close()
