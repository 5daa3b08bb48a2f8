"""Says how a run ended, and offers the next step: resume, go back, need less memory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QObject, Slot

from desktop_trainer.engine.lines import said_of
from desktop_trainer.experiment.fields import settings_of, to_values
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import joined, listed, tr
from desktop_trainer.report.next_steps import smaller_lr
from desktop_trainer.runs.events import FilesMended, SaveProblem
from desktop_trainer.runs.run_folder import EVENTS
from desktop_trainer.ui.banner import Banner
from desktop_trainer.ui.live.continuing import Continuing
from desktop_trainer.ui.preferences import Preferences
from desktop_trainer.ui.session import RunState, Session
from desktop_trainer.ui.thread import IteratorThread

if TYPE_CHECKING:
    from collections.abc import Generator

    from desktop_trainer.engine.events import RunEnded
    from desktop_trainer.runs.events import RunEvent
    from desktop_trainer.runs.summary import RunSummary
    from desktop_trainer.ui.form.form import ExperimentForm

_FAILED = ("failed", "diverged")
_SAVING = "saving the run"


class RunEnds(QObject):
    """Shows in the banner what became of a run, with one button for what to do about it."""

    def __init__(
        self,
        session: Session,
        form: ExperimentForm,
        banner: Banner,
        preferences: Preferences,
        continuing: Continuing,
    ) -> None:
        super().__init__(session)
        self.resume = continuing.resume
        self._continuing = continuing
        self._session, self._form, self._banner, self._preferences = session, form, banner, preferences
        self._ended: RunEnded | None = None
        self._looking: IteratorThread | None = None
        self._telling = "", frozenset[str]()
        banner.closed.connect(self._on_closed)
        session.began.connect(self._on_began)
        session.ended.connect(self._on_ended)
        session.failed.connect(self._on_failed)
        session.happened.connect(self._on_event)
        session.state_changed.connect(self._on_state)

    def look_for_interrupted(self) -> None:
        """In a thread: which was the last run, and did a crash or a power cut end one? That is told of until it was
        read.
        """
        self._looking = IteratorThread(partial(_interrupted, self._preferences.told_runs), self)
        self._looking.item.connect(self._on_interrupted)
        self._looking.finished.connect(self._on_looked)
        self._looking.start()

    def close_thread(self) -> None:
        """Wait for the thread: the window is closing."""
        if self._looking is not None:
            self._looking.wait()

    @Slot()
    def _on_looked(self) -> None:
        if self._looking is not None:
            self._looking.deleteLater()
        self._looking = None

    @Slot(object)
    def _on_interrupted(self, found: _Interrupted | RunSummary) -> None:
        if not isinstance(found, _Interrupted):
            if not self._session.active:
                self._continuing.found(found.folder, found.outcome)
            return
        run, (epoch, batch) = found.newest, found.saved
        if self._session.active or self._banner.isVisible():
            return
        figures = {
            "name": run.name,
            "epoch": run.epoch + 1,
            "batch": run.batch,
            "saved_epoch": epoch + 1,
            "saved": batch,
        }
        text = tr(
            "The run {name} was interrupted in epoch {epoch} after batch {batch}. It was saved last "
            "in epoch {saved_epoch} after batch {saved}, and can go on from there.",
            **figures,
        )
        if found.others:
            others = tr("Interrupted runs beside it: {count}. The Runs panel shows them.", count=found.others)
            text = f"{text}\n{others}"
        self._telling = text, found.keys
        self._say(text, run.folder, do=(tr("Resume"), lambda: self.resume(run.folder)))

    @Slot()
    def _on_closed(self) -> None:
        text, keys = self._telling
        if self._banner.text == text:
            self._preferences.told_runs = keys

    @Slot(object)
    def _on_began(self, _: object) -> None:
        self._ended = None

    @Slot(object)
    def _on_event(self, event: RunEvent) -> None:
        if isinstance(event, SaveProblem):
            text = tr("The run is paused because it could not be saved. {reason}", reason=event.reason)
            self._banner.show_message(
                said_of(self._session.experiment, text),
                kind="error",
                do=(tr("Try again"), self._session.resume),
                about=_SAVING,
            )
        elif isinstance(event, FilesMended):
            self._banner.show_message(event.text)

    @Slot(object)
    def _on_ended(self, ended: RunEnded | None) -> None:
        self._ended = ended
        if ended is None or ended.outcome not in ("diverged", "early_stopped"):
            return
        text = said_of(self._session.experiment, joined(ended.reason, ended.next_step))
        if ended.outcome == "early_stopped":
            self._say(text, self._kept())
        else:
            self._say(text, self._kept(), kind="error", do=self._back_with_smaller_lr())

    @Slot(object)
    def _on_state(self, state: RunState) -> None:
        if state is RunState.RUNNING:
            self._banner.settle(_SAVING)

    def _say(self, text: str, folder: Path | None, **how: Any) -> None:
        """Show what is true of the run in `folder` until another begins, or this one is gone."""
        self._banner.show_message(text, about=str(folder or ""), until=(self._session.began,), **how)

    def _back_with_smaller_lr(self) -> tuple[str, Any] | None:
        folder, experiment = self._folder(), self._session.experiment
        if folder is None or experiment is None:
            return None
        changes = smaller_lr(to_values(experiment))
        if not changes:
            return None
        label = tr("Go back, with learning rate {lr:g}", lr=next(iter(changes.values())))
        return label, lambda: self.resume(folder, changes)

    @Slot(object)
    def _on_failed(self, error: BaseException) -> None:
        text, until = said_of(self._session.experiment, explain(error)), (self._session.began,)
        self._banner.show_error(text, error, do=self._remedy(error), about=str(self._kept() or ""), until=until)

    def _remedy(self, error: BaseException) -> tuple[str, Any] | None:
        """A button for what the error says would help, else for going on where the run was saved last."""
        changes: Mapping[str, Any] = getattr(error, "changes", {})
        folder = self._folder()
        if changes and (folder is None or "data.batch_size" in changes):
            return tr("Change the settings"), lambda: self._change(changes)
        if folder is None:
            return None
        if changes:
            return tr("Continue with {changes}", changes=self._named(changes)), lambda: self.resume(folder, changes)
        return tr("Resume"), lambda: self.resume(folder)

    def _folder(self) -> Path | None:
        """Where the run lies that ended last, if it failed and anything of it was kept."""
        return self._kept() if self._ended is not None and self._ended.outcome in _FAILED else None

    def _kept(self) -> Path | None:
        """Where the run lies that ended last, if anything of it was kept."""
        kept = self._ended.paths.get("run") if self._ended is not None else None
        return Path(kept) if kept else None

    def _change(self, changes: Mapping[str, Any]) -> None:
        for path, value in changes.items():
            self._form.set_value(path, value)

    def _named(self, changes: Mapping[str, Any]) -> str:
        labels = {item.path: tr(item.label) for item in settings_of(to_values(Experiment()))}
        return listed(f"{labels.get(path, path)} {value}" for path, value in changes.items())


def explain(error: BaseException) -> str:
    """What to tell a person: our own errors speak for themselves, others are introduced."""
    if type(error).__module__.startswith("desktop_trainer"):
        return str(error)
    kind = type(error).__name__
    text = tr("The run failed: {kind}: {error}", kind=kind, error=error)
    advice = tr("What was saved is kept. Copy the details when you ask for help; Start works again.")
    return f"{text}\n{advice}"


class _Interrupted(NamedTuple):
    """Runs that were interrupted: the `newest` that is not told of yet, where it was `saved` last, how many `others`.

    `keys` are of every run that is interrupted now, so that those of runs that went on are forgotten.
    """

    newest: RunSummary
    saved: tuple[int, int]
    others: int
    keys: frozenset[str]


def _interrupted(told: frozenset[str]) -> Generator[_Interrupted | RunSummary, None, None]:
    """Called in a thread: the run that trained last, if it can go on; and those that were interrupted and can go on, if
    one of them is not among those `told` of."""
    from desktop_trainer.runs.checkpoint_folders import checkpoints, place_of
    from desktop_trainer.runs.index import RunIndex

    every = [run for run in RunIndex().refresh() if run.checkpoint and run.outcome != "running"]
    if every:
        yield max(every, key=_last_written)
    runs = [run for run in every if run.outcome == "interrupted"]
    new = [run for run in runs if _key(run) not in told]
    if new:
        saved = place_of(checkpoints(new[0].folder)[-1])
        yield _Interrupted(new[0], saved, len(new) - 1, frozenset(map(_key, runs)))


def _last_written(run: RunSummary) -> float:
    """When the run wrote its journal last, in seconds since 1970."""
    try:
        return (run.folder / EVENTS).stat().st_mtime
    except OSError:
        return 0.0


def _key(run: RunSummary) -> str:
    """Tells this interruption from every other: the same run may be interrupted again, further on."""
    return f"{run.id or run.name} {run.epoch} {run.batch}"
