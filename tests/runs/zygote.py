"""A process that has loaded everything and forks a child for each order, so that many can be started and killed
quickly.

An order is a line of JSON: ``folder``, and perhaps ``dies_at``, the number of the disk call before which the child
    kills
itself. The answers are lines: the child's process id, ``going`` when it trains, and at its end its wait status.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from desktop_trainer.engine.events import RunStarted
from desktop_trainer.experiment.choices import DATASETS
from desktop_trainer.experiment.fields import settings_of, to_values
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.runs.files import Disk
from desktop_trainer.runs.resume import reopen


def warm_up() -> None:
    """Let what is loaded when it is first used be loaded before the fork; no backward pass, which could start
    threads.
    """
    torch.set_num_threads(1)
    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.zeros(1)
    torch.optim.Adam([parameter]).step()
    torch.cuda.is_available()
    list(settings_of(to_values(Experiment())))
    tuple(DATASETS)


def answer(what: Any) -> None:
    os.write(1, f"{what}\n".encode())


class DeadlyDisk(Disk):
    """Kills the process before its n-th call."""

    def __init__(self, dies_at: int) -> None:
        self._left = dies_at

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_"):
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__getattribute__(name)


def train(order: dict[str, Any]) -> None:
    disk = DeadlyDisk(order["dies_at"]) if "dies_at" in order else None
    for event in reopen(Path(order["folder"]), order.get("changes"), disk=disk).events():
        if isinstance(event, RunStarted):
            answer("going")


def main() -> None:
    warm_up()
    answer("ready")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                train(json.loads(line))
            finally:
                os._exit(0 if sys.exc_info()[0] is None else 1)
        answer(child)
        answer(f"ended {os.waitpid(child, 0)[1]}")


if __name__ == "__main__":
    main()
