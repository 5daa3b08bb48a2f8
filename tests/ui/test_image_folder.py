"""The form of a folder of images: where to choose it, what is wrong with it, and no waiting for a large one."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from desktop_trainer.catalog import folder_scan
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.ui.batch_panel import BatchPlanPanel
from desktop_trainer.ui.editors import FolderEditor
from desktop_trainer.ui.form import ExperimentForm


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
