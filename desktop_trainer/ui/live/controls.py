"""What Start, Pause, Step, Stop and Discard do, and when they can be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QMessageBox, QWidget

from desktop_trainer import folders
from desktop_trainer.i18n import tr
from desktop_trainer.ui.actions import Actions
from desktop_trainer.ui.banner import Banner
from desktop_trainer.ui.live.continuing import Continuing
from desktop_trainer.ui.model_files import ModelFiles
from desktop_trainer.ui.session import RunState, Session
from desktop_trainer.ui.theme import icon

if TYPE_CHECKING:
    from desktop_trainer.experiment.settings import Experiment
    from desktop_trainer.ui.form.form import ExperimentForm


class RunControls(QObject):
    """Connects the Run menu with the session."""

    def __init__(
        self,
        window: QWidget,
        actions: Actions,
        session: Session,
        form: ExperimentForm,
        banner: Banner,
        files: ModelFiles,
        continuing: Continuing,
    ) -> None:
        super().__init__(window)
        self._files, self._continuing = files, continuing
        self._window, self._actions, self._session, self._form, self._banner = window, actions, session, form, banner
        slots: dict[str, Callable[[], None]] = {
            "start": self.start,
            "pause": self.pause_or_resume,
            "step": self.step,
            "continue_run": self.go_on,
            "stop_and_keep": self.stop_and_keep,
            "stop_and_discard": self.ask_to_discard,
        }
        for verb, slot in slots.items():
            actions[verb].triggered.connect(slot)
        continuing.changed.connect(self.refresh)
        form.experiment_changed.connect(self.refresh)
        session.state_changed.connect(self.refresh)
        session.model_changed.connect(self.refresh)
        session.restored.connect(self.refresh)
        files.busy_changed.connect(self.refresh)
        session.discarded.connect(self.refresh)
        session.ended.connect(self.refresh)
        form.problems_changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def start(self) -> None:
        """Train from new parameters."""
        self._begin(step=False)

    @Slot()
    def step(self) -> None:
        """One batch; without a run, the first one of a new run."""
        if self._session.active:
            self._session.step(self._form.experiment)
        else:
            self._begin(step=True)

    @Slot()
    def pause_or_resume(self) -> None:
        """Hold, or go on."""
        if self._session.state is RunState.RUNNING:
            self._session.pause()
        else:
            self._session.resume(self._form.experiment)

    @Slot()
    def go_on(self) -> None:
        """Continue the last run; a model from a file is trained with the settings of the form."""
        experiment = self._form.experiment
        if not self._opened:
            self._continuing.go_on()
        elif experiment is not None and self._data_present(experiment):
            self._session.start(experiment, weights_of=self._session.model)

    @property
    def _opened(self) -> bool:
        """Whether the model that is there is one of a file, not that of the last run."""
        return self._session.model is not None and self._session.last_folder is None and not self._session.active

    @Slot()
    def stop_and_keep(self) -> None:
        """End the run and keep its model, or end an examination."""
        self._files.stop()
        self._session.stop()

    @Slot()
    def ask_to_discard(self) -> None:
        """Discard the run, or the last one, if the answer is yes."""
        box = QMessageBox(self._window)
        box.setObjectName("ask_discard")
        box.setIcon(QMessageBox.Icon.Question)
        box.setText(tr("Discard this run and its model?"))
        box.setInformativeText(
            tr(
                "It can be brought back with Edit, Undo, and for a week from the bin, which Tools and "
                "the list of runs open."
            )
        )
        yes = box.addButton(tr("Discard"), QMessageBox.ButtonRole.DestructiveRole)
        yes.setObjectName("discard")
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        yes.clicked.connect(self._discard)
        box.finished.connect(box.deleteLater)
        box.open()

    @Slot()
    def _discard(self) -> None:
        if self._session.active:
            self._session.stop(discard=True)
        else:
            self._session.discard_last()

    def _begin(self, *, step: bool) -> None:
        experiment = self._form.experiment
        if experiment is not None and not self._session.active and self._data_present(experiment):
            self._session.start(experiment, step=step, recipe=self._form.recipe)

    def _data_present(self, experiment: Experiment) -> bool:
        """Whether the dataset is there; if not, say so and offer to fetch it."""
        dataset, root = experiment.data.dataset, folders.data_root(experiment.data.data_root)
        if dataset.present(root):
            return True
        text = tr(
            "{dataset} is not in the data folder {folder}. Download it, or choose the folder that holds it.",
            dataset=tr(dataset.label),
            folder=root,
        )
        do = (tr("Download…"), self._actions["download_data"].trigger)
        until = (self._form.experiment_changed, self._session.began)
        self._banner.show_message(text, kind="error", do=do, until=until)
        return False

    @Slot()
    def refresh(self, *_: object) -> None:
        """Enable what can be done now; Start says why it cannot."""
        session, actions, state = self._session, self._actions, self._session.state
        idle = not session.active and not self._files.busy
        usable = self._form.experiment is not None
        ready = idle and usable
        enabled = {
            "start": ready,
            "pause": state in (RunState.RUNNING, RunState.PAUSING) or (state is RunState.PAUSED and usable),
            "step": (state is RunState.PAUSED and usable) or ready,
            "continue_run": ready and (self._opened or self._continuing.folder is not None),
            "stop_and_keep": self._files.busy or (session.active and state is not RunState.STOPPING),
            "stop_and_discard": state is not RunState.STOPPING and (session.active or session.can_discard),
            "undo_discard": idle and session.can_undo_discard,
            "save_model": session.has_model,
            "export_model": session.has_model,
            "load_model": idle,
            "load_experiment": idle,
            "evaluate_model": idle and session.model is not None,
            "verify_resume": ready,
            "download_data": idle,
            "choose_data_root": idle,
        }
        for verb, on in enabled.items():
            actions[verb].setEnabled(on)
        self._form.set_enabled_for_run(not session.active, paused=session.can_change)
        self.retranslate()

    def retranslate(self) -> None:
        """Set the texts and the icon that depend on the state."""
        held = self._session.state in (RunState.PAUSED, RunState.PAUSING)
        self._actions["pause"].setIcon(icon("resume" if held else "pause"))
        if held:
            changed = self._session.can_change and self._form.experiment not in (None, self._session.experiment)
            hint = tr("Go on with the changed settings.") if changed else tr("Go on with the next batch.")
            self._actions.set_text("pause", tr("&Resume"), hint)
        else:
            self._actions.set_text("pause", tr("&Pause"), tr("Hold after the batch in hand; again to go on."))
        problems = self._form.problems
        hint = tr("Train from the beginning.")
        if problems:
            hint = problems[0].message if problems[0].waiting else tr("Cannot start. {problem}", problem=problems[0])
        self._actions.set_text("start", tr("&Start"), hint)
        if not self._opened:
            self._actions.set_text("continue_run", tr("&Continue last run"), tr("Go on where the last run ended."))
        else:
            hint = tr("Go on from the parameters of the opened model.")
            self._actions.set_text("continue_run", tr("Train the opened &model"), hint)
