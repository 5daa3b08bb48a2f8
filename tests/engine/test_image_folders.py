"""Runs on a folder of images: in memory or streamed they are one; what is left out is said; what goes can come back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from desktop_trainer.engine.events import BatchEnded, Loading, Notice, RunEnded, RunStarted
from desktop_trainer.engine.examination import examine
from desktop_trainer.engine.training import Training
from desktop_trainer.engine.weights import ModelMismatch
from desktop_trainer.experiment.problems import ExperimentError
from desktop_trainer.files import decoded_cache
from desktop_trainer.files.errors import DataGone
from desktop_trainer.files.folder_scan import FolderUnusable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of 55 images; one image is bad."""
    random = np.random.default_rng(0)
    for number in range(55):
        for name in ("ant", "bee"):
            path = tmp_path / "insects" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 256, (6, 5, 3), np.uint8)).save(path)
    (tmp_path / "insects/ant/3.png").write_bytes(b"")
    return tmp_path / "insects"


@pytest.fixture
def experiment(small: Any, folder: Path) -> Any:
    """Makes experiments on the folder."""

    def make(**values: Any) -> Any:
        model = {"name": "mlp", "hidden_sizes": [8], "dropout": 0.5}
        dataset = {"name": "image_folder", "folder": str(folder), "size": 6}
        return small(model, "adam", dataset=dataset, **{"batch_size": 16, **values})

    return make


@pytest.mark.parametrize("cached", [True, False])
def test_memory_and_stream_train_the_same(
    cached: bool, experiment: Any, same: Any, timeless: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the images are decoded anew each time that they are read."""
    if not cached:
        monkeypatch.setattr(decoded_cache, "MOST_BYTES", 0)
    ends = []
    for place in ({}, {"placement": "stream", "workers": 0}, {"placement": "stream", "workers": 1}):
        training = Training(experiment(**place))
        list(training.events())
        ends.append(timeless(training))
    assert same(ends[0], ends[1])
    assert same(ends[0], ends[2])


def test_a_run_says_what_it_decodes_and_what_it_leaves_out(experiment: Any, folder: Path) -> None:
    """Its numbers are those of the images that could be read: 110 - 1, 22 of them for the test."""
    training = Training(experiment())
    events = list(training.events())
    assert any(isinstance(event, Loading) and "Decoding the images: 64 of 110" in event.what for event in events)
    (notice,) = [event.text for event in events if isinstance(event, Notice)]
    assert f"{folder / 'ant/3.png'}: it is empty" in notice
    started = next(event for event in events if isinstance(event, RunStarted))
    assert started.train_samples + started.test_samples == 109
    assert training.info.class_names == ("ant", "bee")


def test_a_run_can_be_stopped_while_its_folder_is_listed(experiment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a file is opened; what was found is said before anything is decoded."""
    events = Training(experiment()).events()
    said = [next(event for event in events if isinstance(event, Loading)) for _ in range(3)]
    assert said[-1].what.startswith("Looking for images in")
    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", pytest.fail)
        patched.setattr(Image, "open", pytest.fail)
        events.close()
    kinds = [
        event.what if isinstance(event, Loading) else type(event).__name__ for event in Training(experiment()).events()
    ]
    first = next(number for number, what in enumerate(kinds) if what.startswith("Decoding"))
    assert kinds.index("DataCounted") < first


def test_images_that_go_during_a_run_hold_it_where_it_can_go_on(
    experiment: Any, folder: Path, same: Any, timeless: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is that after the last whole batch; put back, the run ends as if nothing had been."""
    monkeypatch.setattr(decoded_cache, "MOST_BYTES", 0)
    whole = Training(experiment())
    list(whole.events())
    training = Training(experiment(placement="stream", workers=0))
    events = training.events()
    next(event for event in events if isinstance(event, BatchEnded) and event.batch == 3)
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(DataGone, match="Put it back, then continue the run"):
        list(events)
    assert (training.epoch, training.batch) == (0, 3)
    folder.with_name("elsewhere").rename(folder)
    again = Training(training.experiment)
    again.load_state(training.state())
    assert isinstance(list(again.events())[-1], RunEnded)
    assert same(timeless(again), timeless(whole))


def test_a_folder_that_changes_after_the_start_does_not_change_the_run(experiment: Any, folder: Path) -> None:
    """What is saved with the model are the classes that it was trained on."""
    training = Training(experiment())
    events = training.events()
    next(event for event in events if isinstance(event, BatchEnded))
    folder.rename(folder.with_name("elsewhere"))
    assert isinstance(list(events)[-1], RunEnded)
    assert training.info.class_names == ("ant", "bee")


def test_a_folder_that_is_not_there_stops_a_run_before_it_begins(experiment: Any, folder: Path) -> None:
    made = experiment()
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(FolderUnusable, match="There is no folder"):
        list(Training(made).events())


def test_settings_that_do_not_fit_what_was_counted_are_named(experiment: Any) -> None:
    """An experiment is read without looking at files, so this shows when they are looked at."""
    with pytest.raises(ExperimentError, match=r"data.batch_size: No batch is left: 1000 is more than the 88"):
        list(Training(experiment(batch_size=1000, drop_last=True)).events())


def test_a_model_is_examined_on_the_folder(experiment: Any) -> None:
    training = Training(experiment(epochs=1))
    events = list(training.events())
    result = list(examine(training.experiment, training.model.state_dict()))[-1]
    assert result.loss == events[-2].test_loss  # type: ignore[union-attr]
    torch.testing.assert_close(result.accuracy, events[-2].test_accuracy)  # type: ignore[union-attr]


def test_classes_in_another_order_are_matched_by_name(experiment: Any) -> None:
    """Whatever numbers the labels have: the same model on the same images has the same figures, and it is said."""
    training = Training(experiment(epochs=1))
    events = list(training.events())
    weights = {
        key: tensor.flip(0) if len(tensor) == 2 else tensor for key, tensor in training.model.state_dict().items()
    }
    found = list(examine(training.experiment, weights, class_names=("bee", "ant")))
    assert found[-1].loss == pytest.approx(events[-2].test_loss)  # type: ignore[union-attr]
    assert found[-1].accuracy == pytest.approx(events[-2].test_accuracy)  # type: ignore[union-attr]
    assert any(isinstance(event, Notice) and "matched by name" in event.text for event in found)


def test_classes_of_other_names_are_not_examined(experiment: Any, folder: Path) -> None:
    """A renamed folder puts the classes in another order: the answers would be counted wrong without a word."""
    training = Training(experiment(epochs=1))
    list(training.events())
    (folder / "ant").rename(folder / "wasp")
    with pytest.raises(ModelMismatch, match=r"Only the model has: ant\. Only the dataset has: wasp\..*renaming"):
        list(examine(training.experiment, training.model.state_dict(), class_names=("ant", "bee")))
