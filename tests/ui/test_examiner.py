"""Evaluating in the window: of which model, on which data, and what of it is known; asked where there is a choice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from PySide6.QtWidgets import QDialog, QRadioButton
from pytestqt.qtbot import QtBot

from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs.model_file import SavedModel, load_model, save_model

Opener = Callable[..., Any]
DATA = {"dataset": {"name": "synthetic", "train_samples": 64, "test_samples": 32, "size": 4}, "batch_size": 16}
SHORT = {"data": DATA, "model": "softmax", "training": {"epochs": 1}}


@pytest.fixture
def trained(qtbot: QtBot, open_window: Opener) -> Any:
    """A window in which a run of one epoch has ended: its best model is its last one."""
    window = open_window(SHORT)
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["start"].trigger()
    return window


def evaluate(qtbot: QtBot, window: Any, *choices: str) -> Any:
    """Press F8, choose what is named, and wait for the result; without choices nothing must be asked."""
    with qtbot.waitSignal(window.files.evaluated, timeout=60_000) as caught:
        window.actions_["evaluate_model"].trigger()
        if choices:
            qtbot.waitUntil(lambda: window.findChild(QDialog, "examine") is not None, timeout=30_000)
            dialog = window.findChild(QDialog, "examine")
            for name in choices:
                dialog.findChild(QRadioButton, name).setChecked(True)
            dialog.accept()
    qtbot.waitUntil(window.actions_["start"].isEnabled, timeout=30_000)
    return caught.args[0]


def test_without_a_choice_nothing_is_asked_and_the_result_names_model_and_data(qtbot: QtBot, trained: Any) -> None:
    result = evaluate(qtbot, trained)
    assert result.accuracy == trained.session.model.metrics["test_accuracy"]
    assert "the last model, Softmax regression (last whole epoch 1" in trained.banner.text
    assert "on Synthetic patterns, 32 test samples" in trained.banner.text


def test_where_the_form_shows_other_data_one_chooses_and_the_model_stays_as_it_was_trained(
    qtbot: QtBot, trained: Any
) -> None:
    trained.form.set_value("model", "mlp")
    trained.form.set_value("data.dataset", "digits")
    own = evaluate(qtbot, trained, "examined_data_0")
    assert own.accuracy == trained.session.model.metrics["test_accuracy"]
    assert "on Synthetic" in trained.banner.text


def test_the_data_of_the_form_are_made_as_large_as_the_model_knows_images(qtbot: QtBot, trained: Any) -> None:
    """Digits of 8 x 8 pixels for a model of 4 x 4; their ten classes have the same names."""
    trained.form.set_value("data.dataset", "digits")
    assert evaluate(qtbot, trained, "examined_data_1").samples == 297
    assert "on Handwritten digits (bundled), 297 test samples" in trained.banner.text


def test_the_best_model_of_a_run_can_be_examined_where_it_is_not_the_last(qtbot: QtBot, trained: Any) -> None:
    best = load_model(trained.session.best)
    weights = {name: torch.zeros_like(tensor) for name, tensor in best.weights.items()}
    save_model(trained.session.best, SavedModel(best.experiment, weights, best.metrics, best.class_names))
    result = evaluate(qtbot, trained, "examined_model_1")
    assert result.loss == pytest.approx(torch.log(torch.tensor(float(len(best.class_names)))).item())
    assert "the best model, Softmax regression (last whole epoch 1" in trained.banner.text


def test_renamed_class_folders_do_not_permute_the_answers(qtbot: QtBot, open_window: Opener, tmp_path: Path) -> None:
    """Nothing is counted: the classes that only one of both has are named."""
    pets = tmp_path / "pets"
    for name, shade in (("cat", 0), ("dog", 255)):
        (pets / name).mkdir(parents=True)
        for number in range(8):
            Image.new("RGB", (4, 4), (shade, shade, number)).save(pets / name / f"{number}.png")
    data = {"dataset": {"name": "image_folder", "folder": str(pets), "size": 4}, "batch_size": 4}
    training = Training(parse_experiment({**SHORT, "data": data}))
    list(training.events())
    path = tmp_path / "model.safetensors"
    save_model(path, SavedModel(training.experiment, training.model.state_dict(), {}, training.info.class_names))
    (pets / "cat").rename(pets / "pussycat")
    window = open_window(SHORT)
    with qtbot.waitSignal(window.files.loaded, timeout=60_000):
        window.files.load(path, window.form.experiment)
    qtbot.waitUntil(window.actions_["evaluate_model"].isEnabled, timeout=30_000)
    window.actions_["evaluate_model"].trigger()
    qtbot.waitUntil(
        lambda: "Only the model has: cat. Only the dataset has: pussycat." in window.banner.text, timeout=30_000
    )


def test_a_folder_that_the_form_shows_as_the_model_knows_it_is_no_choice(
    qtbot: QtBot, open_window: Opener, tmp_path: Path
) -> None:
    """The model's settings say how many channels there are; the form leaves that to the files."""
    for name, shade in (("cat", 0), ("dog", 255)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(8):
            Image.new("RGB", (4, 4), (shade, shade, number)).save(tmp_path / "pets" / name / f"{number}.png")
    data = {"dataset": {"name": "image_folder", "folder": str(tmp_path / "pets")}, "image_size": 4, "batch_size": 4}
    window = open_window({**SHORT, "data": data})
    qtbot.waitUntil(window.actions_["start"].isEnabled, timeout=60_000)
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["start"].trigger()
    evaluate(qtbot, window)
    assert "on Folder of images “pets”, " in window.banner.text


def test_of_bare_weights_only_what_the_file_knows_is_said(qtbot: QtBot, open_window: Opener, tmp_path: Path) -> None:
    """The form shows a dataset, which is not what they were trained on; nor is it written into a file saved from
    them.
    """
    window = open_window(SHORT)
    path = tmp_path / "bare.pt"
    torch.save(window.form.experiment.model.build(window.form.experiment.data.info).state_dict(), path)
    with qtbot.waitSignal(window.files.loaded, timeout=60_000):
        window.files.load(path, window.form.experiment)
    assert "trained on Synthetic" not in window.banner.text
    assert "parameters, the file does not say" in window.banner.text
    assert "Synthetic" not in window.windowTitle()
    assert window.session.model.experiment is None
    qtbot.waitUntil(window.actions_["evaluate_model"].isEnabled, timeout=30_000)
    assert evaluate(qtbot, window).samples == 32
    assert "the opened model bare.pt on Synthetic" in window.banner.text


def test_a_model_is_examined_on_its_own_data_while_the_form_is_wrong(qtbot: QtBot, trained: Any) -> None:
    trained.form.set_value("data.batch_size", -1)
    with qtbot.waitSignal(trained.files.evaluated, timeout=60_000) as caught:
        trained.actions_["evaluate_model"].trigger()
    assert caught.args[0].accuracy == trained.session.model.metrics["test_accuracy"]


def test_a_run_on_colours_that_the_form_leaves_open_is_examined_on_its_own_data_without_a_question(
    qtbot: QtBot, open_window: Opener, tmp_path: Path
) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(8):
            Image.new("RGB", (4, 4), (9, 0, number)).save(tmp_path / "pets" / name / f"{number}.png")
    dataset = {"name": "image_folder", "folder": str(tmp_path / "pets")}
    window = open_window({**SHORT, "data": {"dataset": dataset, "image_size": 4, "batch_size": 4}})
    qtbot.waitUntil(window.actions_["start"].isEnabled, timeout=30_000)
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["start"].trigger()
    assert evaluate(qtbot, window).accuracy == window.session.model.metrics["test_accuracy"]


def test_a_run_that_is_brought_back_is_not_called_by_the_file_that_was_opened_meanwhile(
    qtbot: QtBot, trained: Any, tmp_path: Path
) -> None:
    path = tmp_path / "other.safetensors"
    save_model(path, trained.session.model)
    trained.session.discard_last()
    with qtbot.waitSignal(trained.files.loaded, timeout=60_000):
        trained.files.load(path, trained.form.experiment)
    qtbot.waitUntil(trained.actions_["start"].isEnabled, timeout=30_000)
    trained.desk.bin.undo_discard()
    evaluate(qtbot, trained)
    assert "the last model" in trained.banner.text
