"""Runs from elsewhere come into the window: dropped on it, or chosen in the File menu."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from desktop_trainer.runs.export import export_run
from tests.runs.conftest import make_run
from tests.ui.conftest import Opener


@pytest.fixture
def runs(home: Path) -> Path:
    return make_run(home / "runs" / "first").parent


@pytest.fixture
def window(qtbot: QtBot, open_window: Opener, runs: Path) -> Any:
    """The window with its one run in sight."""
    window = open_window()
    window.tabs.setCurrentWidget(window.runs)
    qtbot.waitUntil(lambda: listed(window) == {"first"}, timeout=30_000)
    return window


def listed(window: Any) -> set[str]:
    return {row.summary.name for row in window.runs.table.runs.rows}


def drop(window: Any, path: Path) -> bool:
    """Drop `path` on the window; returns whether it is taken."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    buttons = Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), *buttons)
    enter.ignore()
    window.dragEnterEvent(enter)
    if enter.isAccepted():
        window.dropEvent(QDropEvent(QPointF(5, 5), *buttons))
    return enter.isAccepted()


def test_a_run_from_elsewhere_is_dropped_on_the_window_or_imported_and_listed(
    qtbot: QtBot, window: Any, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(export_run(runs / "first", tmp_path / "x.zip"))
    folder = make_run(tmp_path / "stick" / "elsewhere 论文")
    assert not drop(window, tmp_path)  # no run's folder
    window.tabs.setCurrentWidget(window.log)
    assert drop(window, folder)
    qtbot.waitUntil(lambda: "elsewhere 论文" in listed(window), timeout=30_000)
    qtbot.waitUntil(lambda: window.desk.files._import is None, timeout=30_000)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "x.zip"), ""))
    window.actions_["import_run"].trigger()
    qtbot.waitUntil(lambda: "first 2" in listed(window), timeout=30_000)
    assert "first 2" in window.banner.text


def test_a_file_without_a_run_is_refused_in_the_banner(qtbot: QtBot, window: Any, tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"no archive")
    assert drop(window, tmp_path / "no.zip")
    qtbot.waitUntil(lambda: "no.zip was not imported" in window.banner.text, timeout=30_000)
    assert listed(window) == {"first"}
