"""Killed for good, again and again, while it trains and saves: the run goes on each time and ends in the same bytes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_trainer.engine.events import RunStarted
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs.checkpoint import newest_checkpoint
from desktop_trainer.runs.journal import read_journal
from desktop_trainer.runs.recording import Recording
from desktop_trainer.runs.resume import reopen

pytestmark = pytest.mark.skipif(os.name == "nt", reason="fork and SIGKILL of POSIX")
KILLS = 50


class Zygote:
    """See ``zygote.py``."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("zygote.py"))]
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}  # a device that was asked for does not survive a fork
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment
        )
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def train(self, folder: Path, **order: Any) -> Iterator[str]:
        """Let a child go on with the run; yields its answers, the process id not necessarily first, until it has
        ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"folder": str(folder), **order}) + "\n")
        while not (said := self._answer()).startswith("ended"):
            assert said, "the zygote died"
            yield said
        yield said

    def killed_after(self, folder: Path, seconds: float) -> bool:
        """Kill the child so long after it began to train; whether it was killed before its end."""
        child = 0
        answers = self.train(folder)
        for said in answers:
            child = int(said) if said.isdecimal() else child
            if said == "going" and not child:
                child = int(next(answers))
            if said == "going":
                time.sleep(seconds)
                os.kill(child, signal.SIGKILL)
        return os.WIFSIGNALED(int(said.partition(" ")[2]))

    def status(self, folder: Path, **order: Any) -> int:
        """The wait status of a child that is left alone."""
        *_, said = self.train(folder, **order)
        return int(said.partition(" ")[2])

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


def begun(values: dict[str, Any], folder: Path, epochs: int) -> None:
    """A run that is at its first batch, as a crash would leave it."""
    saving = {"every_batches": 1, "every_minutes": 0}
    experiment = parse_experiment({**values, "training": {"epochs": epochs}, "saving": saving})
    origin = folder.with_name(f"{folder.name} origin")
    origin.mkdir()
    events = Recording(Training(experiment), origin).events()
    next(event for event in events if isinstance(event, RunStarted))
    shutil.copytree(origin, folder)
    events.close()


def ended(folder: Path) -> dict[str, Any]:
    """The state at the run's end, without times."""
    state = newest_checkpoint(folder).state
    return {key: value for key, value in state.items() if key != "seconds"}


def losses(folder: Path) -> list[tuple[int, int, list[float]]]:
    return [(block.epoch, block.first, block.loss.tolist()) for block in read_journal(folder).records]


def test_fifty_kills_at_random_moments_change_nothing(
    small: dict[str, Any], tmp_path: Path, zygote: Zygote, same: Any
) -> None:
    """Each time a checkpoint loads, and the run goes on; its end, and every loss on the way, are those of the run
    left alone.
    """
    begun(small, tmp_path / "killed", 200)
    shutil.copytree(tmp_path / "killed", tmp_path / "whole")
    assert zygote.status(tmp_path / "whole", changes={"saving.every_batches": 0}) == 0
    moments = random.Random(4)
    killed, places = 0, []
    for _ in range(KILLS):
        killed += zygote.killed_after(tmp_path / "killed", moments.uniform(0, 0.1))
        state = newest_checkpoint(tmp_path / "killed").state
        places.append((state["epoch"], state["batch"]))
    assert killed == KILLS
    assert places == sorted(places)
    assert len(set(places)) > 5, "hardly any child came to save"
    assert zygote.status(tmp_path / "killed", changes={"saving.every_batches": 0}) == 0
    assert same(ended(tmp_path / "killed"), ended(tmp_path / "whole"))
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")


def test_killed_before_any_of_its_disk_calls_it_goes_on_all_the_same(
    small: dict[str, Any], tmp_path: Path, zygote: Zygote, same: Any
) -> None:
    """The moments that matter, one after the other: a save is some 30 calls."""
    begun(small, tmp_path / "killed", 40)
    shutil.copytree(tmp_path / "killed", tmp_path / "whole")
    assert zygote.status(tmp_path / "whole", changes={"saving.every_batches": 0}) == 0
    for call in range(1, 66, 2):
        status = zygote.status(tmp_path / "killed", dies_at=call)
        assert os.WIFSIGNALED(status)
        newest_checkpoint(tmp_path / "killed")
    again = reopen(tmp_path / "killed", {"saving.every_batches": 0})
    list(again.events())
    assert same(ended(tmp_path / "killed"), ended(tmp_path / "whole"))
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    assert not list((tmp_path / "killed").rglob("*.tmp"))
