"""The programs that an installation makes: each is a function without arguments, which returns an exit code."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from inspect import Parameter, signature

import pytest
from packaging.requirements import Requirement

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


@pytest.mark.parametrize(
    ("version", "fits"), [("6.10.1", False), ("6.11.0", True), ("6.11.1", False), ("6.11.2", True), ("6.12.0", False)]
)
def test_a_qt_that_is_known_to_be_broken_is_not_installed(version: str, fits: bool) -> None:
    requirement = next(item for item in map(Requirement, PROJECT["dependencies"]) if item.name == "PySide6-Essentials")
    assert (version in requirement.specifier) == fits
