"""What stands in the place of a file, opened in the window: it is said at once, and nothing waits or is changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from desktop_trainer.runs.run_folder import BEST
from desktop_trainer.runs.summary import read_summary
from tests.runs.conftest import make_run

Opener = Callable[..., Any]
needs_fifo = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@needs_fifo
def test_a_pipe_is_neither_an_experiment_nor_a_model(qtbot: QtBot, open_window: Opener, tmp_path: Path) -> None:
    window = open_window()
    before = window.form.experiment
    os.mkfifo(tmp_path / "pipe.json")
    window.experiment_files.load(tmp_path / "pipe.json")
    assert "pipe.json was not opened; nothing was changed.\nIt cannot be read: it is not a file" in window.banner.text
    window.banner.hide()
    window.files.load(tmp_path / "pipe.json", before)
    qtbot.waitUntil(lambda: "cannot be read: it is not a file" in window.banner.text, timeout=30_000)
    qtbot.waitUntil(lambda: not window.files.busy, timeout=30_000)
    assert window.form.experiment == before


@needs_fifo
def test_a_pipe_in_the_place_of_the_last_session_does_not_hold_up_the_start(open_window: Opener, home: Path) -> None:
    home.mkdir()
    os.mkfifo(home / "session.json")
    window = open_window()
    assert "It cannot be read: it is not a file" in window.banner.text
    assert window.form.experiment is not None


def test_the_model_of_a_run_is_not_opened_through_a_link(open_window: Opener, home: Path, tmp_path: Path) -> None:
    run = make_run(home / "runs" / "mine")
    (tmp_path / "elsewhere").write_bytes(b"x")
    (run / BEST).symlink_to(tmp_path / "elsewhere")
    window = open_window()
    window.desk.open_best([read_summary(run)])
    assert "best.safetensors in" in window.banner.text
    assert "is a link" in window.banner.text
    assert not window.files.busy
