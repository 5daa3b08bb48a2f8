"""The window: puts the panels together and connects them. Knows every panel; does no work of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QMainWindow,
    QMessageBox,
    QSplitter,
    QTabWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from desktop_trainer import __version__, folders
from desktop_trainer.engine.events import RunStarted
from desktop_trainer.engine.lines import subject
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.recipes import recipe
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr
from desktop_trainer.ui.actions import ROWS, TOOLBAR, Actions
from desktop_trainer.ui.banner import Banner
from desktop_trainer.ui.closing import ClosingGuard
from desktop_trainer.ui.curves.panel import CurvesPanel
from desktop_trainer.ui.data_menu import DataMenu
from desktop_trainer.ui.dropping import dropped, is_run
from desktop_trainer.ui.examiner import Examiner
from desktop_trainer.ui.experiment_files import ExperimentFiles
from desktop_trainer.ui.form.form import ExperimentForm
from desktop_trainer.ui.inside.model_panel import ModelPanel
from desktop_trainer.ui.last_session import LastSession, last_experiment
from desktop_trainer.ui.layout import Layout
from desktop_trainer.ui.live.continue_button import ContinueButton
from desktop_trainer.ui.live.continuing import Continuing
from desktop_trainer.ui.live.controls import RunControls
from desktop_trainer.ui.live.ends import RunEnds
from desktop_trainer.ui.live.epochs import EpochTable
from desktop_trainer.ui.live.log import LogPanel
from desktop_trainer.ui.live.progress import ProgressStrip
from desktop_trainer.ui.live.verify import VerifyDialog
from desktop_trainer.ui.look_menus import LookMenus
from desktop_trainer.ui.model_files import ModelFiles, describe
from desktop_trainer.ui.naming import named
from desktop_trainer.ui.preferences import Preferences
from desktop_trainer.ui.run_desk import RunDesk, open_runs_folder
from desktop_trainer.ui.run_view import RunView
from desktop_trainer.ui.runs.panel import RunsPanel
from desktop_trainer.ui.session import Session
from desktop_trainer.ui.theme import icon
from desktop_trainer.ui.thread import IteratorThread
from desktop_trainer.ui.undoing import Undoing

if TYPE_CHECKING:
    from collections.abc import Generator

    from desktop_trainer.runs.events import RunEvent
    from desktop_trainer.runs.model_file import SavedModel

FIRST_RECIPE = "digits_first_steps"
_LOGOUT_SECONDS = 5.0


class TrainerWindow(QMainWindow):
    """One window, one session. `experiment` fills the form, else the last session does, else the recipe for first
    steps.

    Signals:
        warmed: torch has been loaded behind the window; and again, when what the first run needs has been, too.
    """

    warmed = Signal()

    def __init__(self, experiment: Experiment | None = None) -> None:
        self._built = False
        super().__init__()
        self.setObjectName("window")
        self.setMinimumSize(1024, 640)
        self.setAcceptDrops(True)
        self.preferences, self.session, self.actions_ = Preferences(), Session(self), Actions(self)
        before, notice = (None, "") if experiment else last_experiment()
        experiment = experiment or before or parse_experiment(recipe(FIRST_RECIPE).experiment)
        self.form, self.banner, self.curves = ExperimentForm(experiment), Banner(), CurvesPanel()
        self.epochs, self.log, self.model_panel = EpochTable(), LogPanel(), ModelPanel()
        self.runs = RunsPanel(folders.runs())
        self.progress = ProgressStrip()
        self._lay_out()
        self.files = ModelFiles(self, self.session, self.banner, self.preferences)
        self.continuing = Continuing(self, self.session, self.form, self.banner)
        self.controls = RunControls(
            self, self.actions_, self.session, self.form, self.banner, self.files, self.continuing
        )
        ContinueButton(self.toolbar, self.actions_, self.continuing, self.session)
        self.ends = RunEnds(self.session, self.form, self.banner, self.preferences, self.continuing)
        self.examiner = Examiner(self, self.session, self.form, self.files, self.banner)
        self.experiment_files = ExperimentFiles(self, self.form, self.banner)
        self.data = DataMenu(self, self.form, self.actions_, self.banner)
        self.view = RunView(self.session, self.curves, self.epochs, self.log, self.progress)
        self.desk = RunDesk(
            self, self.runs, self.curves, self.form, self.session, self.banner, self.files, self.actions_["start"]
        )
        self.looks = LookMenus(self, self.actions_, self.preferences)
        self.closing = ClosingGuard(self, self.session)
        self.last_session = LastSession(self.form, self.banner)
        self.session.began.connect(self.last_session.save)  # the command line may have said what the form begins with
        self.undoing = Undoing(self.actions_, self.form.undo_stack, self.session)
        self._built = True
        self._connect()
        self._set_icons()
        self.layout_.keep_as_default()
        self.retranslate()
        self._restore_layout()
        self._warm_up()
        self.model_panel.show_experiment(experiment)
        if notice:
            self.banner.show_message(notice, kind="error")
        self.ends.look_for_interrupted()
        self.form.focus_first()

    def _lay_out(self) -> None:
        self.tabs = named(QTabWidget(documentMode=True), "tables")
        for panel in (self.epochs, self.runs, self.log):
            self.tabs.addTab(panel, "")
        self.splitter = named(QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False), "centre")
        self.splitter.addWidget(self.curves)
        self.splitter.addWidget(self.tabs)
        self.splitter.setStretchFactor(0, 1)
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.banner)
        layout.addWidget(self.splitter, 1)
        self.setCentralWidget(centre)
        self.layout_ = Layout(self, self.form, self.model_panel, self.splitter)
        self._lay_out_toolbar()

    def _lay_out_toolbar(self) -> None:
        self.toolbar = named(QToolBar(movable=False, floatable=False), "toolbar")
        self.toolbar.setIconSize(QSize(18, 18))
        self.toolbar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        for verb in TOOLBAR:
            if verb:
                self.toolbar.addAction(self.actions_[verb])
            else:
                self.toolbar.addSeparator()
        self.addToolBar(self.toolbar)
        self.status = named(QToolBar(movable=False, floatable=False), "status")
        self.status.toggleViewAction().setVisible(False)  # it is always there
        self.status.style().unpolish(self.status)  # it has kept what holds for a toolbar without this name
        self.status.addWidget(self.progress)
        self.addToolBar(Qt.ToolBarArea.BottomToolBarArea, self.status)

    def _connect(self) -> None:
        work = {
            "save_model": self.files.save,
            "export_model": self.files.export,
            "load_model": self._on_load_model,
            "save_experiment": self.experiment_files.save,
            "load_experiment": self.experiment_files.ask_and_load,
            "import_run": self._on_import_run,
            "quit": self.close,
            "evaluate_model": self.examiner.start,
            "fit_curves": self.curves.fit,
            "reset_layout": self.layout_.reset,
            "verify_resume": self._on_verify,
            "download_data": self.data.download,
            "choose_data_root": self.data.choose_root,
            "open_runs_folder": open_runs_folder,
            "about": self._on_about,
            "undo_discard": self.desk.bin.undo_discard,
            "show_bin": self.desk.show_bin,
        }
        for verb, slot in work.items():
            self.actions_[verb].triggered.connect(slot)
        self.runs.resume_requested.connect(self.continuing.resume)
        self.desk.files.moved.connect(self.continuing.folder_moved)
        self.desk.bin.moved.connect(self.continuing.folder_moved)
        self.form.experiment_changed.connect(self.model_panel.show_experiment)
        self.files.loaded.connect(self._on_loaded)
        self.files.recent_changed.connect(self.looks.fill_recent)
        self.files.progress.connect(self.progress.show_event)
        self.files.busy_changed.connect(self._on_busy)
        self.examiner.told.connect(self.log.add)
        self.looks.recent_chosen.connect(self._load)
        self.session.state_changed.connect(self._show_title)
        self.session.state_changed.connect(self._show_discard)
        self.progress.refreshed.connect(self._show_title)
        self.session.ended.connect(self._on_run_ended)
        self.session.happened.connect(self._on_happened)

    def _warm_up(self) -> None:
        """Load torch behind the window, and learn which devices there are."""
        self._warming = IteratorThread(_devices, self)
        self._warming.item.connect(self.form.set_machine)
        self._warming.finished.connect(self.warmed)
        self._warming.start()

    def warm(self) -> bool:
        """Whether torch has been loaded and the devices are known."""
        return self._warming.isFinished()

    def retranslate(self) -> None:
        """Set every text of the window itself in the current language."""
        self.actions_.retranslate()
        self.controls.retranslate()
        self.layout_.retranslate()
        for place, text in enumerate((tr("Each epoch"), tr("Runs"), tr("Log"))):
            self.tabs.setTabText(place, text)
        self.toolbar.setWindowTitle(tr("Toolbar"))
        self.status.setWindowTitle(tr("Status"))
        self.looks.fill()
        self.undoing.refresh()
        self._show_title()

    def _set_icons(self) -> None:
        for row in ROWS:
            if row.icon:
                self.actions_[row.verb].setIcon(icon(row.icon))
        self.controls.retranslate()

    @Slot()
    def _show_discard(self, *_: object) -> None:
        """Beside the safe buttons only while a run is going on; afterwards it stands in the menu."""
        discard, after = self.actions_["stop_and_discard"], self.actions_["stop_and_keep"]
        if self.session.active and discard not in self.toolbar.actions():
            buttons = self.toolbar.actions()
            self.toolbar.insertAction(buttons[buttons.index(after) + 1], discard)
        elif not self.session.active:
            self.toolbar.removeAction(discard)

    def show_fault(self, error: BaseException) -> None:
        """Show an error that nobody caught; the window goes on."""
        text = tr("Something went wrong: {kind}: {error}", kind=type(error).__name__, error=error)
        advice = tr("The window goes on. What happened is written to {path}.", path=folders.log_file())
        self.banner.show_error(f"{text}\n{advice}", error)

    def on_tick(self) -> None:
        """Nothing: while Python runs this, it sees the signals that came."""

    def on_logout(self, *_: object) -> None:
        """The session of the desktop ends: keep everything now, nobody can be asked."""
        self.last_session.save()
        self.session.stop_and_wait(_LOGOUT_SECONDS)

    def on_signal(self, *_: object) -> None:
        """SIGINT, SIGTERM or SIGHUP: stop and keep, then close, without asking."""
        self.closing.close_now()

    @Slot()
    def _show_title(self, *_: object) -> None:
        share, experiment = self.progress.share, self.session.experiment
        parts = ["Desktop Trainer"]
        if experiment is not None:
            parts.insert(0, subject(experiment))
            if self.session.active and share:
                parts.insert(0, share)
        title = " - ".join(parts)
        if title != self.windowTitle():
            self.setWindowTitle(title)

    @Slot()
    def _on_load_model(self) -> None:
        self.files.ask_and_load(self.form.experiment)

    @Slot()
    def _on_import_run(self) -> None:
        self.tabs.setCurrentWidget(self.runs)
        self.desk.files.ask_and_import()

    @Slot(object)
    def _load(self, path: Path) -> None:
        if not self.session.active:
            self.files.load(path, self.form.experiment)

    @Slot(object, object)
    def _on_loaded(self, path: Path, model: SavedModel) -> None:
        if model.experiment is not None:
            self.form.set_experiment(model.experiment, keep_local=True)
        self.view.clear()
        self.session.set_model(model)
        self._show_title()
        text = tr("Opened {file}: {description}.", file=path.name, description=describe(model))
        self.banner.show_message(
            text,
            kind="success",
            do=(tr("Evaluate"), self.actions_["evaluate_model"].trigger),
            until=(self.session.model_changed,),
        )
        self.log.add(text)

    @Slot()
    def _on_busy(self) -> None:
        self.progress.set_busy(self.files.busy)

    @Slot()
    def _on_verify(self) -> None:
        if self.form.experiment is not None:
            dialog = VerifyDialog(self.form.experiment, self)
            dialog.finished.connect(dialog.deleteLater)
            dialog.open()

    @Slot()
    def _on_about(self) -> None:
        text = tr("Train a neural network by pointing and clicking: every batch in sight, every number explained.")
        box = QMessageBox(self, text=f"<h3>Desktop Trainer {__version__}</h3><p>{text}</p>")
        box.setObjectName("about_box")
        box.setWindowTitle(tr("About Desktop Trainer"))
        box.finished.connect(box.deleteLater)
        box.open()

    @Slot(object)
    def _on_happened(self, event: RunEvent) -> None:
        if isinstance(event, RunStarted):
            self.session.happened.disconnect(self._on_happened)
            self.warmed.emit()

    @Slot(object)
    def _on_run_ended(self, _: object) -> None:
        self._show_title()
        QApplication.alert(self)

    def _restore_layout(self) -> None:
        self.layout_.restore(self.preferences)
        self.runs.table.layout_state = self.preferences.layout("runs_table")
        self.form.more_shown = self.preferences.more_shown

    def _save_layout(self) -> None:
        self.layout_.save(self.preferences)
        self.preferences.set_layout("runs_table", self.runs.table.layout_state)
        self.preferences.more_shown = self.form.more_shown
        self.preferences.sync()

    def changeEvent(self, event: QEvent) -> None:
        """Qt's: the language may have changed, or the palette, from which icons take their colour."""
        if event.type() is QEvent.Type.LanguageChange and self._built:
            self.retranslate()
        elif event.type() is QEvent.Type.PaletteChange and self._built:
            self._set_icons()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's: where both do not fit beside the curves, the docks are tabs."""
        super().resizeEvent(event)
        if self._built:
            self.layout_.fit()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Qt's: while a run is going on, ask first and close when it has ended."""
        if self.closing.may_close():
            self._save_layout()
            self.last_session.close()
            self.data.close()
            self.ends.close_thread()
            for dialog in self.findChildren(VerifyDialog):
                dialog.close_thread()
            self.model_panel.close_thread()
            self.desk.close()
            self.files.wait()
            self._warming.wait()
            super().closeEvent(event)
        else:
            event.ignore()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Qt's: a model, an experiment or a run may be dropped; a run also while another is going on."""
        path = dropped(event)
        if path is not None and (not self.session.active or is_run(path)):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Qt's: open what was dropped."""
        path = dropped(event)
        if path is not None and is_run(path):
            self.tabs.setCurrentWidget(self.runs)
            self.desk.files.take_over(path)
        elif path is not None:
            self.experiment_files.load(path) if path.suffix == ".json" else self._load(path)


def _devices() -> Generator[tuple[list[str], str, str], None, None]:
    """Called in a thread: see `ExperimentForm.set_machine`."""
    from desktop_trainer.engine.devices import available_devices, cuda_advice, cuda_command, unused_card

    yield (available_devices(), *((cuda_advice(), cuda_command()) if unused_card() else ("", "")))
