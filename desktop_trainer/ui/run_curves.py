"""Reads the curves of runs from their journals, in a thread, and has them drawn."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from desktop_trainer.report.series import Series
from desktop_trainer.ui.curves.overlay import MOST_RUNS, OverlaidRun
from desktop_trainer.ui.curves.overlay_legend import swatch
from desktop_trainer.ui.curves.panel import CurvesPanel
from desktop_trainer.ui.runs.differences import difference_texts
from desktop_trainer.ui.runs.model import Changes, RunModel
from desktop_trainer.ui.thread import IteratorThread

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary


class RunCurves(QObject):
    """Draws the curves of the chosen runs, and draws them again when they have grown.

    Args:
        at_hand: the folder of the run whose own curves are drawn, which is not to be drawn twice; or None.

    Signals:
        failed: the exception that ended a reading. cut: more runs were chosen than are drawn. already: the name of the
            only run that was chosen, which is the one at hand.
    """

    failed = Signal(object)
    cut = Signal()
    already = Signal(str)

    def __init__(
        self,
        curves: CurvesPanel,
        model: RunModel,
        at_hand: Callable[[], Path | None] = lambda: None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._curves, self._model, self._at_hand = curves, model, at_hand
        self._known: list[OverlaidRun] = []
        self._thread: IteratorThread | None = None
        self._chosen: list[RunSummary] = []
        self._wanted: list[RunSummary] = []
        curves.legend.clear_asked.connect(self.clear)

    def show(self, runs: Sequence[RunSummary]) -> None:
        """Draw the curves of `runs`, at most `MOST_RUNS`, instead of those that are drawn."""
        self._chosen = list(runs[:MOST_RUNS])
        if [run.folder for run in runs] == [self._at_hand()]:
            self.already.emit(runs[0].name)
        if len(runs) > MOST_RUNS:
            self.cut.emit()
        self._read(self._chosen)

    @Slot()
    def clear(self) -> None:
        """Draw no other run."""
        self._chosen, self._wanted = [], []
        self._draw([])

    def follow(self, difference: Changes) -> None:
        """Read again what has come an epoch further; a run whose folder is gone is drawn no longer."""
        fresh = {row.summary.folder: row.summary for row in difference.fresh}
        kept = [run for run in self._chosen if run.folder not in difference.gone]
        grown = [fresh[run.folder] for run in kept if run.folder in fresh and _further(run, fresh[run.folder])]
        self._chosen = [fresh.get(run.folder, run) for run in kept]
        if any(run.folder in difference.gone for run in self._known):
            self._draw([run for run in self._known if run.folder not in difference.gone])
        self._read(grown)

    @Slot(object, object)
    def moved(self, old: Path, new: Path | None) -> None:
        """A run has another name, or is in the bin: then it is drawn no longer."""
        if new is None:
            self.follow(Changes(frozenset([old]), ()))
            return
        self._chosen = [replace(run, folder=new, name=new.name) if run.folder == old else run for run in self._chosen]
        for run in self._known:
            if run.folder == old:
                run.folder, run.name = new, new.name
        self._draw(self._known)

    def close(self) -> None:
        """Let what is being read come to its end; the window is closing."""
        self._wanted = []
        if self._thread is not None:
            self._thread.stop()
            self._thread.wait()

    def _read(self, runs: Sequence[RunSummary]) -> None:
        self._wanted = [*(run for run in self._wanted if run.folder not in {each.folder for each in runs}), *runs]
        if self._thread is None and self._wanted:
            work, self._wanted = self._wanted, []
            self._thread = IteratorThread(partial(_read_all, work, self._curves.tools.smoothing), self)
            self._thread.item.connect(self._on_read)
            self._thread.failed.connect(self.failed)
            self._thread.finished.connect(self._on_finished)
            self._thread.start()

    @Slot(object)
    def _on_read(self, found: list[OverlaidRun]) -> None:
        """In the order in which they were chosen, with the boxes as they were."""
        before = {run.folder: run for run in self._known}
        fresh = {run.folder: run for run in found}
        for folder, run in fresh.items():
            run.shown = before[folder].shown if folder in before else True
        runs = [fresh.get(run.folder) or before.get(run.folder) for run in self._chosen]
        self._draw([run for run in runs if run is not None])

    @Slot()
    def refresh(self, *_: object) -> None:
        """Another run may be at hand."""
        at_hand, drawn = self._at_hand(), {run.folder for run in self._curves.overlay}
        if any((run.folder in drawn) is (run.folder == at_hand) for run in self._known):
            self._draw(self._known)

    def _draw(self, known: list[OverlaidRun]) -> None:
        self._known, at_hand = known, self._at_hand()
        runs = [run for run in known if run.folder != at_hand]
        chosen = {run.folder: run for run in self._chosen}
        values = [chosen[run.folder].values for run in runs if run.folder in chosen]
        if len(values) == len(runs):
            for run, text in zip(runs, difference_texts(values), strict=True):
                run.difference = text
        self._curves.show_overlay(runs)
        self.recolour()

    @Slot()
    def recolour(self) -> None:
        """Mark the runs in the table with the colours of their curves in the theme in use."""
        self._model.set_colours({run.folder: swatch(run) for run in self._curves.overlay})

    @Slot()
    def _on_finished(self) -> None:
        if self._thread is not None:
            self._thread.deleteLater()
        self._thread = None
        self._read([])


def _further(before: RunSummary, after: RunSummary) -> bool:
    return (before.epoch, before.outcome) != (after.epoch, after.outcome)


def _read_all(runs: Sequence[RunSummary], smoothing: float) -> Generator[list[OverlaidRun], None, None]:
    """Called in a thread: the curves of all runs together, so that the plots change once."""
    yield [OverlaidRun(run.folder, run.name, read_series(run.folder, smoothing)) for run in runs]


def read_series(folder: Path, smoothing: float) -> Series:
    """The numbers in the journal of the run in `folder`."""
    from desktop_trainer.runs.journal import read_journal

    history, series = read_journal(folder), Series(smoothing)
    batches = history.started.batches_per_epoch if history.started is not None else 1
    series.batches_per_epoch = max(batches, 1)
    for records in history.records:
        series.extend(records, batches)
    for ended in history.epochs:
        series.add_epoch(ended)
    return series
