"""Threads that wait do not starve the work they wait for, unless the user wants it otherwise."""

import os

import pytest

from desktop_trainer.cli import main
from desktop_trainer.openmp import SPIN_COUNT

VARIABLES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


@pytest.fixture(autouse=True)
def undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has said how threads wait; what a test sets goes with it."""
    for name in VARIABLES:
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
