"""Deletes, discards and restores runs, as changes on the form's undo stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QUndoCommand, QUndoStack

from desktop_trainer.i18n import tr, trn
from desktop_trainer.runs import store
from desktop_trainer.runs.files import SaveFailed
from desktop_trainer.ui.banner import Banner
from desktop_trainer.ui.runs.model import Changes
from desktop_trainer.ui.runs.panel import RunsPanel
from desktop_trainer.ui.session import Session

if TYPE_CHECKING:
    from desktop_trainer.runs.summary import RunSummary


@dataclass(slots=True, eq=False)
class _Run:
    """A run that was moved into the bin or out of it, wherever it is now.

    Attributes:
        place: where it lies. binned: whether that is in the bin. summary: what the panel shows of it, if it showed it.
        discarded: whether it was the last run of this session then.
    """

    place: Path
    binned: bool
    summary: RunSummary | None = None
    discarded: bool = False


class RunBin(QObject):
    """Every move into the bin and out of it is one change that Edit, Undo takes back, in its turn.

    Signals:
        moved: a run's folder has another path: the old one and the new one, or None if it is in the bin.
        changed: the bin holds others.
    """

    moved = Signal(object, object)
    changed = Signal()

    def __init__(self, panel: RunsPanel, session: Session, stack: QUndoStack, banner: Banner, parent: QObject) -> None:
        super().__init__(parent)
        self._panel, self._session, self._stack, self._banner = panel, session, stack, banner
        self._runs: list[_Run] = []
        self._moving = False
        session.discarded.connect(self._on_discarded)

    def delete(self, runs: Sequence[RunSummary]) -> None:
        """Move the runs to the bin; the banner offers to bring them back."""
        text = (
            trn("Delete {n} run", "Delete {n} runs", len(runs))
            if len(runs) > 1
            else tr("Delete {run}", run=runs[0].name)
        )
        self._push([self._run(run.folder, run, binned=False) for run in runs], text, to_bin=True)

    def restore(self, places: Sequence[Path]) -> None:
        """Bring runs back out of the bin."""
        text = (
            trn("Restore {n} run", "Restore {n} runs", len(places))
            if len(places) > 1
            else tr("Restore {run}", run=places[0].name)
        )
        self._push([self._run(place, None, binned=True) for place in places], text, to_bin=False)

    @Slot()
    def undo_discard(self) -> None:
        """Bring back the run that was discarded last."""
        if self._session.binned is not None:
            self._take_back([self._run(self._session.binned, None, binned=True)])

    def renamed(self, old: Path, new: Path | None) -> None:
        """A run has another name: it is deleted and restored under it."""
        for run in self._runs:
            if run.place == old and new is not None:
                run.place = new
                if run.summary is not None:
                    run.summary = replace(run.summary, folder=new, name=new.name)

    def move(self, runs: list[_Run], *, to_bin: bool) -> None:
        """For commands: move the runs until one cannot be; that, and what comes behind it, leaves the list."""
        self._moving = True
        problem: SaveFailed | None = None
        done = 0
        try:
            for run in runs:
                (self._put_away if to_bin else self._bring_back)(run)
                done += 1
        except SaveFailed as error:
            problem = error
        finally:
            self._moving = False
        del runs[done:]
        self.changed.emit()
        if problem is not None:
            self._banner.show_error(str(problem), problem, do=self._undo(runs) if to_bin and runs else None)
        elif to_bin:
            self._banner.show_message(_deleted(runs), do=self._undo(runs), until=[self.changed])

    def _put_away(self, run: _Run) -> None:
        folder = run.place
        if run.discarded and self._session.last_folder == folder:
            place = self._session.put_away()
        else:
            place = store.discard(folder)
        run.place, run.binned = place, True
        self._panel.apply(Changes(frozenset([folder]), ()))
        self.moved.emit(folder, None)

    def _bring_back(self, run: _Run) -> None:
        place = run.place
        if not place.is_dir():
            raise SaveFailed(tr("{run} is no longer in the bin.", run=place.name))
        folder = self._session.undo_discard() if place == self._session.binned else store.restore(place)
        run.place, run.binned = folder, False
        self.moved.emit(place, folder)
        if run.summary is None:
            self._panel.refresh()
        else:
            run.summary = replace(run.summary, folder=folder, name=folder.name)
            self._panel.put_back([run.summary])

    def _push(self, runs: list[_Run], text: str, *, to_bin: bool) -> None:
        if runs:
            self._stack.push(_Move(self, runs, text, to_bin=to_bin))

    def _run(self, place: Path, summary: RunSummary | None, *, binned: bool) -> _Run:
        """The one thing that all changes of this run speak of."""
        found = next((run for run in self._runs if run.place == place and run.binned is binned), None)
        if found is None:
            found = _Run(place, binned)
            self._runs.append(found)
        found.summary = summary or found.summary
        return found

    @Slot()
    def _on_discarded(self) -> None:
        """The session has moved its run already."""
        if self._session.binned is not None and not self._moving:
            run = self._run(self._session.binned, None, binned=True)
            run.discarded = True
            self._stack.push(_Move(self, [run], tr("Discard the run"), to_bin=True, done=True))
            self.changed.emit()
            self._banner.show_message(tr("The run was discarded."), do=self._undo([run]), until=[self.changed])

    def _undo(self, runs: Sequence[_Run]) -> tuple[str, partial[None]]:
        return tr("Undo"), partial(self._take_back, list(runs))

    def _take_back(self, runs: Sequence[_Run]) -> None:
        """Undo the change that binned them if it is the last one, else restore them as another change."""
        last = self._stack.command(self._stack.index() - 1) if self._stack.canUndo() else None
        if isinstance(last, _Move) and last.to_bin and last.runs == list(runs):
            self._stack.undo()
        else:
            self.restore([run.place for run in runs if run.binned])


class _Move(QUndoCommand):
    """Runs go into the bin, or come out of it; what cannot be done is said and leaves the stack."""

    def __init__(self, runs_bin: RunBin, runs: list[_Run], text: str, *, to_bin: bool, done: bool = False) -> None:
        super().__init__(text)
        self._bin, self.runs, self.to_bin, self._done = runs_bin, runs, to_bin, done

    def redo(self) -> None:
        """Qt's; also called when the change is made."""
        if not self._done:
            self._move(to_bin=self.to_bin)
        self._done = False

    def undo(self) -> None:
        """Qt's."""
        self._move(to_bin=not self.to_bin)

    def _move(self, *, to_bin: bool) -> None:
        self._bin.move(self.runs, to_bin=to_bin)
        self.setObsolete(not self.runs)


def _deleted(runs: Sequence[_Run]) -> str:
    days = store.KEPT_DAYS
    if len(runs) == 1:
        return tr("{run} was deleted. It lies in the bin for {days:.0f} days.", run=runs[0].place.name, days=days)
    return tr("{count} runs were deleted. They lie in the bin for {days:.0f} days.", count=len(runs), days=days)
