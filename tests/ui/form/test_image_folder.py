"""The form of a folder of images: where to choose it, what is wrong with it, and no waiting for a large one."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.recipes import recipes
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.files import folder_scan
from desktop_trainer.ui.form.batch_panel import BatchPlanPanel
from desktop_trainer.ui.form.editors import FolderEditor
from desktop_trainer.ui.form.form import ExperimentForm


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of five images."""
    for number in range(5):
        for name in ("ant", "bee"):
            path = tmp_path / "insects" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4), (number, 0, 0)).save(path)
    return tmp_path / "insects"


@pytest.fixture
def form(qtbot: QtBot) -> ExperimentForm:
    form = ExperimentForm(Experiment())
    qtbot.addWidget(form)
    return form


def plan(form: ExperimentForm) -> str:
    panel = form.findChild(BatchPlanPanel, "batch_plan")
    assert panel is not None
    return panel.text


def test_the_folder_is_asked_for_where_it_is_chosen(form: ExperimentForm, folder: Path) -> None:
    """A button beside it; until it is right there is nothing to start."""
    form.set_value("data.dataset", "image_folder")
    editor = form.editor("data.dataset.folder")
    assert isinstance(editor, FolderEditor)
    assert editor.findChild(QToolButton, "data.dataset.folder.browse") is not None
    assert not editor.setting.advanced
    assert form.experiment is None
    assert editor.problem.startswith("Choose the folder")
    assert "once dataset and batch size are right" in plan(form)
    form.set_value("data.dataset.folder", str(folder))
    assert editor.problem == ""
    assert form.experiment is not None
    assert "Training: (8 + 256 - 1) // 256 = 1" in plan(form)
    form.set_value("data.dataset.test_share", 0.4)
    assert "Training: (6 + 256 - 1) // 256 = 1" in plan(form)


def test_a_folder_does_not_take_the_image_size_of_a_recipe(form: ExperimentForm, folder: Path) -> None:
    """There is one setting of it. Another dataset begins with its own, and has its own again when one comes back."""
    recipe = parse_experiment(recipes()["digits_first_steps"].experiment)
    form.set_experiment(recipe)
    assert form.editor("data.image_size").value() == 28
    form.set_value("data.dataset", "image_folder")
    form.set_value("data.dataset.folder", str(folder))
    assert form.editor("data.image_size").value() == 64
    assert not form.editor("data.image_size").setting.advanced
    with pytest.raises(KeyError):
        form.editor("data.dataset.size")
    assert "Images: 4\u00a0x\u00a04 → 64\u00a0x\u00a064, 3 channels" in plan(form)
    form.set_value("data.image_size", 96)
    form.set_value("data.dataset", "digits")
    assert form.experiment == recipe
    form.set_value("data.dataset", "image_folder")
    assert form.editor("data.image_size").value() == 96


def test_classes_and_their_counts_are_shown_before_the_start(form: ExperimentForm, folder: Path) -> None:
    form.set_value("data.dataset", "image_folder")
    form.set_value("data.dataset.folder", str(folder))
    assert "2 classes (training\u00a0+\u00a0test): ant 4\u00a0+\u00a01, bee 4\u00a0+\u00a01" in plan(form)
    assert plan(form).endswith("Optimizer steps: 1 × 10 epochs = 10")


def test_the_share_for_the_test_cannot_be_set_where_a_folder_decides(form: ExperimentForm, folder: Path) -> None:
    """The reason is said; another folder, and it can."""
    form.set_value("data.dataset", "image_folder")
    form.set_value("data.dataset.folder", str(folder))
    share = form.editor("data.dataset.test_share")
    assert share.control.isEnabled()
    parted = folder.parent / "parted"
    parted.mkdir()
    shutil.copytree(folder, parted / "train")
    shutil.copytree(folder, parted / "val")
    form.set_value("data.dataset.folder", str(parted))
    assert not share.control.isEnabled()
    assert share.note == "Without effect: the images in the folder val are for the test."
    for enabled in (False, True):
        form.set_enabled_for_run(enabled)
        assert not share.control.isEnabled()
    form.set_value("data.dataset.folder", str(folder))
    assert share.control.isEnabled()
    assert share.note == ""


def test_two_sizes_of_an_earlier_version_are_shown_as_they_were(form: ExperimentForm, folder: Path) -> None:
    dataset = {"name": "image_folder", "folder": str(folder), "size": 48, "test_share": 0.2}
    form.set_experiment(parse_experiment({"data": {"dataset": dataset, "image_size": 28}}))
    assert form.editor("data.dataset.size").value() == 48
    assert "Images: 4\u00a0x\u00a04 → 28\u00a0x\u00a028, 3 channels" in plan(form)
    form.set_value("data.dataset.size", 0)
    with pytest.raises(KeyError):
        form.editor("data.dataset.size")


def test_an_experiment_of_another_machine_is_shown_with_what_is_missing(form: ExperimentForm) -> None:
    """It can be opened; its folder is not here."""
    form.set_experiment(parse_experiment({"data": {"dataset": {"name": "image_folder", "folder": "/not/here"}}}))
    assert form.experiment is None
    assert [problem.path for problem in form.problems] == ["data.dataset.folder"]
    assert "There is no folder /not/here" in form.editor("data.dataset.folder").problem


def test_a_large_folder_is_counted_while_the_form_lives(
    form: ExperimentForm, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile it says so; then the experiment is there without another key."""
    go_on, scandir = threading.Event(), os.scandir

    def slow(path: str) -> object:
        assert threading.current_thread() is not threading.main_thread()
        go_on.wait()
        return scandir(path)

    monkeypatch.setattr(folder_scan, "_PATIENCE", 0.0)
    form.set_value("data.dataset", "image_folder")
    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", slow)
        form.set_value("data.dataset.folder", str(folder))
        assert form.experiment is None
        assert "being counted" in form.editor("data.dataset").problem
        go_on.set()
        qtbot.waitUntil(lambda: form.experiment is not None, timeout=30_000)
    assert form.problems == ()
