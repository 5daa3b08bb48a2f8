"""Folders that the environment names, and what it may name wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop_trainer import folders
from desktop_trainer.cli import main
from desktop_trainer.folders import NoSuchUser

NOBODY = "~no such user/here"


@pytest.mark.parametrize("variable", ["DESKTOP_TRAINER_HOME", "DESKTOP_TRAINER_DATA"])
def test_the_home_of_a_user_that_is_not_there_is_told_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, NOBODY)
    with pytest.raises(NoSuchUser) as told:
        folders.data_root()
    assert (told.value.variable, told.value.value) == (variable, NOBODY)


def test_a_home_that_is_there_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKTOP_TRAINER_HOME", "~/here")
    assert folders.home() == Path.home() / "here"
    assert folders.data_root("~/there") == Path.home() / "there"


def test_what_was_typed_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked for, not found, and told: nothing here may fail while somebody types."""
    monkeypatch.delenv("DESKTOP_TRAINER_DATA", raising=False)
    assert folders.data_root(NOBODY) == Path(NOBODY)


@pytest.mark.parametrize("argv", [["runs", "list"], ["train", "--dataset", "digits", "--epochs", "1"], []])
def test_a_command_then_ends_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    if not argv:  # the window
        pytest.importorskip("PySide6")
        monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setenv("DESKTOP_TRAINER_HOME", NOBODY)
    assert main(argv) == 2
    assert (
        capsys.readouterr().err
        == f"desktop-trainer: DESKTOP_TRAINER_HOME is {NOBODY}, and this machine has no such user. Let it name a folder, or leave it out.\n"
    )
