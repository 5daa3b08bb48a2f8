"""What the Tools menu does about datasets: look at one, fetch it, choose the folder that holds them."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop_trainer import folders
from desktop_trainer.i18n import tr
from desktop_trainer.ui.actions import Actions
from desktop_trainer.ui.banner import Banner
from desktop_trainer.ui.download import DownloadDialog
from desktop_trainer.ui.form.form import ExperimentForm
from desktop_trainer.ui.inside.samples import SamplesDialog


class DataMenu(QObject):
    """Shows samples of the form's dataset, downloads it, and sets its folder."""

    def __init__(self, window: QWidget, form: ExperimentForm, actions: Actions, banner: Banner) -> None:
        super().__init__(window)
        self._window, self._form, self._actions, self._banner = window, form, actions, banner
        self._actions["look_at_samples"].triggered.connect(self.look_at_samples)
        self._form.problems_changed.connect(self._refresh)
        self._refresh()

    def close(self) -> None:
        """End what is being fetched or shown; the window is closing."""
        for dialog in self._window.findChildren(DownloadDialog) + self._window.findChildren(SamplesDialog):
            dialog.close_thread()

    @Slot()
    def _refresh(self) -> None:
        self._actions["look_at_samples"].setEnabled(self._form.experiment is not None)

    @Slot()
    def look_at_samples(self) -> None:
        """Show training samples of the form's experiment beside the window; one that is there gets the keyboard."""
        dialog = next(filter(QWidget.isVisible, self._window.findChildren(SamplesDialog)), None)
        if dialog is None:
            dialog = SamplesDialog(self._form, self._window)
            dialog.finished.connect(dialog.deleteLater)
        dialog.show()
        dialog.activateWindow()

    @Slot()
    def download(self) -> None:
        """Fetch the form's dataset, if it is not there."""
        experiment = self._form.experiment
        if experiment is None:
            return
        dataset, root = experiment.data.dataset, folders.data_root(experiment.data.data_root)
        if dataset.remote is None or dataset.present(root):
            self._banner.show_message(tr("{dataset} is there already.", dataset=tr(dataset.label)))
            return
        dialog = DownloadDialog(dataset, root, self._window)
        dialog.accepted.connect(self._on_downloaded)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot()
    def _on_downloaded(self) -> None:
        do, experiment = (tr("Start"), self._actions["start"].trigger), self._form.experiment
        dataset = "" if experiment is None else tr(experiment.data.dataset.label)
        text = tr("{dataset}: the files are verified and in place.", dataset=dataset)
        until = (self._form.experiment_changed, self._actions["start"].triggered)
        self._banner.show_message(text, kind="success", do=do, until=until)

    @Slot()
    def choose_root(self) -> None:
        """Ask for the folder of the datasets."""
        name = QFileDialog.getExistingDirectory(self._window, tr("Choose the data folder"), str(folders.data_root()))
        if name:
            folders.name_computer(name)
            self._form.set_value("data.data_root", name)
