"""Threads that wait do not starve the work they wait for, unless the user wants it otherwise."""

import os

import pytest

from desktop_trainer.cli import main
from desktop_trainer.process import SPIN_COUNT, without_limit

VARIABLES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


@pytest.fixture(autouse=True)
def undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has said how threads wait; what a test sets goes with it."""
    for name in (*VARIABLES, "DESKTOP_TRAINER_SPINCOUNT"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_every_command_bounds_the_spinning_before_torch_is_loaded() -> None:
    assert main(["--version"]) == 0
    assert os.environ["GOMP_SPINCOUNT"] == str(SPIN_COUNT)


@pytest.mark.parametrize("name", VARIABLES)
def test_what_the_user_has_set_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "7")
    assert main(["--version"]) == 0
    assert {each: os.environ[each] for each in VARIABLES if each in os.environ} == {name: "7"}


def test_a_process_can_be_started_without_the_bound() -> None:
    """What the user has set it still finds."""
    assert main(["--version"]) == 0
    with without_limit():
        assert "GOMP_SPINCOUNT" not in os.environ
    assert os.environ["GOMP_SPINCOUNT"] == str(SPIN_COUNT)


def test_a_process_that_is_started_without_the_bound_finds_what_the_user_has_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    assert main(["--version"]) == 0
    with without_limit():
        assert os.environ["GOMP_SPINCOUNT"] == "7"
