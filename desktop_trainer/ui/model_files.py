"""Saves, exports, loads and examines models for the window."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from desktop_trainer.engine.events import Evaluated
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import grouped, listed, tr, trn
from desktop_trainer.ui.banner import Banner
from desktop_trainer.ui.preferences import Preferences
from desktop_trainer.ui.session import Session
from desktop_trainer.ui.thread import IteratorThread

if TYPE_CHECKING:
    from desktop_trainer.engine.events import Event
    from desktop_trainer.runs.model_file import SavedModel

ENDINGS = (".safetensors", ".pt", ".pth")
"""Names of files that can be dropped on the window as models."""


class ModelFiles(QObject):
    """What the File menu does with models.

    Signals:
        loaded: path and `SavedModel` of a file that was read and fits; nothing has been changed yet. Its experiment is
            None if the file does not say.
        recent_changed: the list of recent files is another one.
        progress: an `Event` of an examination.
        evaluated: the `Evaluated` at its end.
        busy_changed: `busy` is another.
    """

    loaded = Signal(object, object)
    recent_changed = Signal()
    progress = Signal(object)
    evaluated = Signal(object)
    busy_changed = Signal()

    def __init__(self, window: QWidget, session: Session, banner: Banner, preferences: Preferences) -> None:
        super().__init__(window)
        self._window, self._session, self._banner, self._preferences = window, session, banner, preferences
        self._thread: IteratorThread | None = None
        self._receive: Callable[[Any], None] = self.progress.emit
        self._failure = ""
        self._then: Callable[[], None] = _nothing
        self._writers: list[IteratorThread] = []

    @property
    def busy(self) -> bool:
        """Whether a file is being read or a model examined."""
        return self._thread is not None

    def save(self) -> None:
        """Ask where, then write the model as it is now."""
        name, _ = QFileDialog.getSaveFileName(
            self._window, tr("Save model"), self._suggested(".safetensors"), tr("Model (*.safetensors)")
        )
        if name:
            path = Path(name) if Path(name).suffix else Path(name + ".safetensors")
            self._session.with_model(lambda model: self._write(path, model))

    def export(self) -> None:
        """Ask where, then write the parameters alone."""
        name, _ = QFileDialog.getSaveFileName(
            self._window, tr("Export state_dict"), self._suggested(".pt"), tr("PyTorch state_dict (*.pt)")
        )
        if name:
            path = Path(name) if Path(name).suffix else Path(name + ".pt")
            self._session.with_model(lambda model: self._write(path, model, bare=True))

    def ask_and_load(self, current: Experiment | None) -> None:
        """Ask which file, then read it."""
        pattern = " ".join(f"*{ending}" for ending in ENDINGS)
        name, _ = QFileDialog.getOpenFileName(
            self._window, tr("Open model"), "", tr("Models ({pattern})", pattern=pattern)
        )
        if name:
            self.load(Path(name), current)

    def load(self, path: Path, current: Experiment | None) -> None:
        """Read `path`; weights without settings must fit the model of `current`."""
        failure = tr("{file} was not opened; nothing was changed.", file=path.name)
        self._run(lambda: _read(path, current), lambda model: self._on_read(path, model), failure)

    def read(self, path: Path, receive: Callable[[SavedModel | None], None]) -> None:
        """Read `path`, and hand the model to `receive` once another file can be read; None if it is not a good one."""

        def found(model: SavedModel | None) -> None:
            self._then = lambda: receive(model)

        self._run(lambda: _read_if_good(path), found, tr("{file} was not opened; nothing was changed.", file=path.name))

    def examine(self, model: SavedModel, experiment: Experiment) -> None:
        """Examine `model` on the test set of `experiment`."""
        from desktop_trainer.engine.examination import examine

        examination = examine(
            experiment, model.weights, model.statistics, trained=model.experiment, class_names=model.class_names
        )
        self._run(lambda: examination, self._on_progress, tr("The model was not examined."))

    def stop(self) -> None:
        """End an examination after the batch in hand."""
        if self._thread is not None:
            self._thread.stop()

    def wait(self) -> None:
        """Let what is going on come to its end; the window is closing."""
        if self._thread is not None:
            self._thread.stop()
            self._thread.wait()
        for writer in self._writers:
            writer.wait()

    def _suggested(self, ending: str) -> str:
        experiment = self._session.experiment or (self._session.model.experiment if self._session.model else None)
        name = f"{experiment.model.name}-{experiment.data.dataset.name}" if experiment else "model"
        recent = self._preferences.recent_models
        return str((recent[0].parent if recent else Path.home()) / (name + ending))

    def _write(self, path: Path, model: SavedModel, *, bare: bool = False) -> None:
        """In a thread: a large model takes a slow disk some seconds."""
        writer = IteratorThread(lambda: _written(path, model, bare=bare), self)
        writer.item.connect(self._on_written)
        writer.failed.connect(self._on_not_written)
        writer.finished.connect(self._on_writer_finished)
        self._writers.append(writer)
        writer.start()

    @Slot(object)
    def _on_written(self, written: tuple[Path, bool]) -> None:
        path, bare = written
        if not bare:
            self._remember(path)
        self._banner.show_message(tr("Saved {file}.", file=path), kind="success")

    @Slot(object)
    def _on_not_written(self, error: BaseException) -> None:
        self._banner.show_error(str(error), error)

    @Slot()
    def _on_writer_finished(self) -> None:
        for writer in [writer for writer in self._writers if writer.isFinished()]:
            self._writers.remove(writer)
            writer.deleteLater()

    def _remember(self, path: Path) -> None:
        self._preferences.add_recent_model(path.absolute())
        self.recent_changed.emit()

    def _run(
        self, make: Callable[[], Generator[Any, None, None]], receive: Callable[[Any], None], failure: str
    ) -> None:
        if self._thread is not None:
            self._banner.show_message(tr("Another file is being read, or a model examined. Try again when it is done."))
            return
        self._receive, self._failure = receive, failure
        self._thread = IteratorThread(make, self)
        self._thread.item.connect(self._on_item)
        self._thread.failed.connect(self._on_failed)
        self._thread.finished.connect(self._on_finished)
        self._thread.start()
        self.busy_changed.emit()

    @Slot(object)
    def _on_item(self, item: Any) -> None:
        self._receive(item)

    @Slot(object)
    def _on_failed(self, error: BaseException) -> None:
        self._banner.show_error(f"{self._failure}\n{error}", error)

    @Slot()
    def _on_finished(self) -> None:
        if self._thread is not None:
            self._thread.deleteLater()
        self._thread = None
        self.busy_changed.emit()
        then, self._then = self._then, _nothing
        then()

    def _on_read(self, path: Path, model: SavedModel) -> None:
        self._remember(path)
        self.loaded.emit(path, model)

    def _on_progress(self, event: Event | Evaluated) -> None:
        if isinstance(event, Evaluated):
            self.evaluated.emit(event)
        else:
            self.progress.emit(event)


def _written(path: Path, model: SavedModel, *, bare: bool) -> Generator[tuple[Path, bool], None, None]:
    """Called in a thread: write the model, or its parameters alone, then tell what was written."""
    from desktop_trainer.runs.model_file import export_state_dict, save_model

    if bare:
        export_state_dict(path, model.weights)
    else:
        save_model(path, model)
    yield path, bare


def _read(path: Path, current: Experiment | None) -> Generator[SavedModel, None, None]:
    """Called in a thread: what the file holds, if it fits its own experiment's model, else that of `current`."""
    from desktop_trainer.engine.examination import check_fit
    from desktop_trainer.runs.model_file import load_model

    model = load_model(path)
    experiment = model.experiment or current
    if experiment is not None:
        check_fit(experiment, model.weights)
    yield model


def _read_if_good(path: Path) -> Generator[SavedModel | None, None, None]:
    """Called in a thread."""
    from desktop_trainer.runs.model_errors import ModelFileError
    from desktop_trainer.runs.model_file import load_model

    try:
        yield load_model(path)
    except ModelFileError:
        yield None


def _nothing() -> None:
    """What follows where nothing does."""


def describe(model: SavedModel) -> str:
    """What a model is, in one line: what its file knows, and what that does not know."""
    parameters = sum(tensor.numel() for tensor in model.weights.values())
    parts = [tr("{count} parameters", count=grouped(parameters))]
    if model.experiment is not None:
        parts.insert(0, tr(model.experiment.model.label))
        parts.append(tr("trained on {dataset}", dataset=tr(model.experiment.data.dataset.label)))
    else:
        parts.append(tr("the file does not say of which model, nor what it was trained on"))
    if model.class_names:
        parts.append(trn("{n} class", "{n} classes", len(model.class_names)))
    if "test_accuracy" in model.metrics:
        parts.append(tr("test accuracy {accuracy:.3f}", accuracy=model.metrics["test_accuracy"]))
    return listed(parts)
