"""The programs that an installation makes: each is a function without arguments, which returns an exit code."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from inspect import Parameter, signature

import pytest

from tests.test_house import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_a_window_without_a_console_and_commands_with_one() -> None:
    """Windows gives a console to `scripts` and none to `gui-scripts`; no name is both."""
    assert list(PROJECT["scripts"]) == ["desktop-trainer"]
    assert list(PROJECT["gui-scripts"]) == ["desktop-trainer-window"]


@pytest.mark.parametrize("kind", ["scripts", "gui-scripts"])
def test_each_can_be_called_as_it_is(kind: str) -> None:
    if kind == "gui-scripts":
        pytest.importorskip("PySide6")
    for name, target in PROJECT[kind].items():
        main = EntryPoint(name, target, kind).load()
        needed = [item for item in signature(main).parameters.values() if item.default is Parameter.empty]
        assert needed == []
