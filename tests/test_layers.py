"""What an import brings with it: plain values come without torch, the engine without Qt, the window before torch."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import desktop_trainer

HEAVY = ("torch", "torchvision", "sklearn", "PySide6", "pyqtgraph")
QT = ("PySide6", "pyqtgraph")


def modules_below(*names: str) -> list[str]:
    """Every module of these parts of the package."""
    found = pkgutil.walk_packages(desktop_trainer.__path__, "desktop_trainer.", onerror=_fail)
    return [item.name for item in found if item.name.split(".")[1] in names]


def _fail(name: str) -> None:
    raise ImportError(name)


def brought_by(modules: list[str], unwanted: tuple[str, ...]) -> str:
    """Which of the unwanted packages a new process has loaded after importing these modules."""
    assert modules
    code = f"import sys, {', '.join(modules)}; print(*[name for name in {unwanted} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_plain_values_and_the_catalogue_bring_nothing_heavy() -> None:
    """So that ``--help`` and ``list`` answer at once."""
    assert brought_by(modules_below("experiment", "catalog", "i18n", "folders"), HEAVY) == ""


def test_engine_files_and_insight_bring_no_qt() -> None:
    """They run on a machine that has none."""
    assert brought_by(modules_below("engine", "runs", "insight"), QT) == ""


def test_the_window_is_painted_before_torch_is_loaded() -> None:
    """No module of the window imports it."""
    pytest.importorskip("PySide6")
    assert brought_by(modules_below("ui"), ("torch", "torchvision", "sklearn")) == ""
