"""Runs the groups of a benchmark one after the other.

torch and Qt are loaded inside the functions that need them; without Qt what needs the window is left out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from desktop_trainer.benchmark.machine import describe_machine
from desktop_trainer.benchmark.measure import Run, alternate, in_thread
from desktop_trainer.benchmark.own_process import OwnProcess, own_process
from desktop_trainer.benchmark.results import ENGINE, GRAPH, HEART, LIMIT, PLAIN, WAYS, WINDOW, Results
from desktop_trainer.benchmark.workloads import Workload, has_fashion_mnist, workloads
from desktop_trainer.i18n import mark, tr

if TYPE_CHECKING:
    from desktop_trainer.ui.window import TrainerWindow

GROUPS = ("startup", "frames", "window", "t1", "t3", "resnet", "batch-sizes", "step")
_USUAL = GROUPS[:6]
"""What is measured unless asked otherwise; on CUDA the batch sizes too."""
_SIZES = (64, 256, 1024, 4096)
_COUNTS = (1_000, 10_000, 100_000, 1_000_000)
_FRAMES = 40
_PAIRS = 4
"""So many pairs of runs without and in the window are measured for each repetition: they differ by little."""
_BUSY = 0.4
"""Load a core from which on a note is made of it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure: `groups`, empty for those that suit the device, each contender `repeats` times."""

    data_root: Path
    device: str = "auto"
    repeats: int = 5
    groups: tuple[str, ...] = ()
    quick: bool = False


class Suite:
    """One benchmark.

    Args:
        say: is told what is being measured, a short line each time.
    """

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self._plan, self._say = plan, say
        self._results = Results({}, plan.repeats, plan.quick)

    def run(self) -> Results:
        """Measure everything.

        Raises:
            DeviceMissing, DataDamaged: see `Training.events`.
            BenchmarkFailed: if something did not come to its end.
        """
        with _own_home():
            self._results.machine = describe_machine(self._plan.device)
            self._cuda = self._results.machine["device"].startswith("cuda")
            usual = (*_USUAL, "batch-sizes") if self._cuda else _USUAL
            groups = [group for group in GROUPS if group in (self._plan.groups or usual)]
            self._take_notes(groups)
            if "startup" in groups:
                self._startup()
            if "frames" in groups and self._qt:
                self._frames()
            if "window" in groups and self._qt:
                self._pairs()
            self._training(groups)
        return self._results

    def _take_notes(self, groups: list[str]) -> None:
        self._qt = find_spec("PySide6") is not None
        note = self._results.notes.append
        if self._plan.quick:
            note(tr("A quick trial on tiny data: the times mean nothing, so no figure is judged."))
        elif {"window", "t1", "t3", "batch-sizes", "step"} & set(groups) and not has_fashion_mnist(
            self._plan.data_root
        ):
            note(
                tr(
                    "Fashion-MNIST is not in {folder}: synthetic images of the same shape are used, and the "
                    "plain loop makes PIL images of them.",
                    folder=self._plan.data_root,
                )
            )
        if {"t1", "t3", "resnet", "batch-sizes"} & set(groups):
            note(tr("The plain loop runs in a process of its own, which nothing of this program changes."))
        load = self._results.machine["load"]
        if load is not None and load[0] > _BUSY * self._results.machine["cores"]:
            text = tr(
                "The machine is busy with other things (load {load:.1f}): trust the ratios, not the times.",
                load=load[0],
            )
            note(text)
        if not self._qt:
            note(tr("PySide6 is not installed: everything that needs the window is left out."))
        elif _no_display():
            os.environ["QT_QPA_PLATFORM"] = "offscreen"
        if self._qt and os.environ.get("QT_QPA_PLATFORM") == "offscreen":
            note(tr("The window is drawn offscreen, in memory."))

    def _startup(self) -> None:
        from desktop_trainer.benchmark.startup import measure_first_paint, measure_help

        contenders: dict[str, Run] = {"help": measure_help}
        if self._qt:
            contenders["painted"] = measure_first_paint
        taken = alternate(contenders, self._plan.repeats, warm_up=self._warm_up, say=self._saying(tr("Start-up")))
        self._results.startup = {name: parts[name] for name, parts in taken.items()}

    def _frames(self) -> None:
        from desktop_trainer.benchmark.frames import measure_frames

        for count in _COUNTS[:2] if self._plan.quick else _COUNTS:
            self._say(tr("Frames with {count} records", count=count))
            self._results.frames[count], self._results.bytes_per_record[count] = measure_frames(count, _FRAMES)

    def _pairs(self) -> None:
        """The engine and the engine in the window, over and over, each time the other one first."""
        from desktop_trainer.benchmark.headless import measured_engine
        from desktop_trainer.benchmark.windowed import WindowedEngine

        loads = workloads(self._plan.data_root, self._plan.device, quick=self._plan.quick)
        number = _PAIRS * self._plan.repeats
        with self._window(wanted=True) as window:
            assert window is not None
            for load in (loads["t1"], loads["t3"]):
                contenders: dict[str, Run] = {
                    ENGINE: _apart(partial(measured_engine, load)),
                    WINDOW: WindowedEngine(window, load),
                }
                say = self._saying(tr("{work} in pairs", work=load.name), number)
                self._results.pairs[load.name] = alternate(contenders, number, warm_up=self._warm_up, say=say)

    def _training(self, groups: list[str]) -> None:
        loads = workloads(self._plan.data_root, self._plan.device, quick=self._plan.quick)
        chosen = [load for name, load in loads.items() if name in groups]
        sizes = _SIZES if "batch-sizes" in groups else ()
        if chosen or sizes:
            with own_process() as plain:
                with self._window(bool(chosen)) as window:
                    for load in chosen:
                        self._measure(load, partial(self._contenders, load, plain, window))
                for load in map(loads["t1"].with_batch_size, sizes):
                    self._measure(load, partial(self._contenders, load, plain, None))
        if "step" in groups:
            for load in (replace(loads[name], name=f"{loads[name].name}/step") for name in ("t1", "resnet")):
                self._measure(load, partial(self._ways, load))

    def _measure(self, load: Workload, contenders_of: Callable[[], dict[str, Run]]) -> None:
        self._say(tr("{work}: reading the data", work=load.name))
        contenders = contenders_of()
        say = self._saying(load.name)
        self._results.titles[load.name] = load.title
        self._results.training[load.name] = alternate(contenders, self._plan.repeats, warm_up=self._warm_up, say=say)

    def _contenders(self, load: Workload, plain: OwnProcess, window: TrainerWindow | None) -> dict[str, Run]:
        from desktop_trainer.benchmark.headless import measured_engine
        from desktop_trainer.benchmark.limits import measured_fixed_batch, measured_graph

        contenders: dict[str, Run] = {
            PLAIN: plain.contender(load.experiment),
            ENGINE: _apart(lambda: measured_engine(load)),
        }
        if window is not None:
            from desktop_trainer.benchmark.windowed import WindowedEngine

            contenders[WINDOW] = WindowedEngine(window, load)
            if not self._plan.quick:  # such a run ends before a beat is due
                contenders[HEART] = WindowedEngine(window, load, beating=True)
        contenders[LIMIT] = _apart(lambda: measured_fixed_batch(load))
        if self._cuda:
            contenders[GRAPH] = _apart(lambda: measured_graph(load))
        return contenders

    def _ways(self, load: Workload) -> dict[str, Run]:
        """The engine, and the engine in each other way of computing that the device has."""
        from desktop_trainer.benchmark.headless import measured_engine

        loads = {ENGINE: load} | {name: load.with_setting(*setting) for name, setting in WAYS.items()}
        return {
            name: _apart(partial(measured_engine, each))
            for name, each in loads.items()
            if self._cuda or each.experiment.device.precision != "tf32"
        }

    @contextmanager
    def _window(self, wanted: bool) -> Iterator[TrainerWindow | None]:
        if not wanted or not self._qt:
            yield None
            return
        from desktop_trainer.benchmark.windowed import opened_window

        with opened_window() as window:
            yield window

    @property
    def _warm_up(self) -> int:
        return 0 if self._plan.quick else 1

    def _saying(self, what: str, repeats: int = 0) -> Callable[[str, int], None]:
        def say(name: str, number: int) -> None:
            values = {"what": what, "number": number, "repeats": repeats or self._plan.repeats, "name": tr(name)}
            pattern = (
                mark("{what}, {number} of {repeats}: {name}") if number > 0 else mark("{what}, to warm up: {name}")
            )
            self._say(tr(pattern, **values))

        return say


def _apart(make: Callable[[], Run]) -> Run:
    """A contender that never computes in this thread, neither when it is made nor when it runs."""
    run = in_thread(make)
    return lambda: in_thread(run)


def _no_display() -> bool:
    """Whether Qt would find no screen, and was not told to do without one."""
    chosen = any(os.environ.get(name) for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"))
    return sys.platform.startswith("linux") and not chosen


@contextmanager
def _own_home() -> Iterator[None]:
    """A folder of the program that is deleted afterwards: runs and the window's layout do not mix with the user's."""
    before = os.environ.get("DESKTOP_TRAINER_HOME")
    with TemporaryDirectory(prefix="desktop-trainer-") as folder:
        os.environ["DESKTOP_TRAINER_HOME"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["DESKTOP_TRAINER_HOME"]
            else:
                os.environ["DESKTOP_TRAINER_HOME"] = before
