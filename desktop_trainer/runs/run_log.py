"""The log of a run: lines for people, with their time, in a text file.

The journal holds everything that counts, so a line that cannot be written is left out and holds up nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from desktop_trainer.engine.events import DataCounted, EpochEnded, Event, Notice, RunEnded, RunStarted
from desktop_trainer.engine.lines import end_line, epoch_line, start_line
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.printable import printable
from desktop_trainer.runs.files import Disk
from desktop_trainer.runs.run_folder import LOG


class RunLog:
    """Adds lines to the log of the run in `folder`, once it has come to train: what comes before is held until then."""

    def __init__(self, experiment: Experiment, folder: Path, disk: Disk) -> None:
        self._experiment, self._path, self._disk = experiment, folder / LOG, disk
        self._device = ""
        self._held: list[str] | None = []

    def tell(self, event: Event) -> None:
        """Say in one line what happened, if it is worth one."""
        match event:
            case RunStarted():
                self._device = event.device
                held, self._held = self._held, None
                self.add([*(held or ()), start_line(self._experiment, event)])
            case EpochEnded():
                self.add([epoch_line(event, self._device)])
            case RunEnded():
                self.add([end_line(event)])
            case Notice() | DataCounted():
                self.add([event.text])
            case _:
                pass

    def add(self, lines: Iterable[str]) -> None:
        """Write `lines`, each with the local time."""
        if self._held is not None:
            self._held += lines
            return
        now = f"{datetime.now():%Y-%m-%d %H:%M:%S}"
        data = "".join(f"{now}  {part}\n" for line in lines for part in printable(line).splitlines()).encode(
            errors="backslashreplace"
        )
        with suppress(OSError), self._disk.append(self._path) as file:
            self._disk.write(file, data)
