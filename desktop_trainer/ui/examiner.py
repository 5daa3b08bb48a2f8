"""What *Evaluate* does: asks which model and which data where there is a choice, and says what was found of which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from desktop_trainer.engine.events import Notice
from desktop_trainer.experiment.data import DataUnknown
from desktop_trainer.experiment.fields import to_values, with_local, with_value
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr, trn
from desktop_trainer.quantities import figure
from desktop_trainer.ui.banner import Banner
from desktop_trainer.ui.examine_dialog import ExamineDialog
from desktop_trainer.ui.form.form import ExperimentForm
from desktop_trainer.ui.model_files import ModelFiles
from desktop_trainer.ui.session import Session

if TYPE_CHECKING:
    from desktop_trainer.engine.events import Evaluated, Event
    from desktop_trainer.experiment.choices import DatasetChoice
    from desktop_trainer.runs.model_file import SavedModel


@dataclass(frozen=True, slots=True)
class _Subject:
    """Something to choose, and what to call it."""

    name: str
    value: Any


class Examiner(QObject):
    """Has the model of the session examined, or the best one of its run, on its own data or on those of the form.

    Signals:
        told: a line for the log.
    """

    told = Signal(str)

    def __init__(
        self, window: QWidget, session: Session, form: ExperimentForm, files: ModelFiles, banner: Banner
    ) -> None:
        super().__init__(window)
        self._window, self._session, self._form, self._files, self._banner = window, session, form, files, banner
        self._opened = self._subject = ""
        files.loaded.connect(self._on_loaded)
        files.progress.connect(self._on_progress)
        files.evaluated.connect(self._on_evaluated)
        session.began.connect(self._on_own)
        session.restored.connect(self._on_own)

    @Slot()
    def start(self) -> None:
        """Examine, or ask first."""
        best = self._session.best
        if best is None:
            self._choose(None)
        else:
            self._files.read(best, self._choose)

    def _choose(self, best: SavedModel | None) -> None:
        model = self._session.model
        if model is None:
            return
        models, datasets = self._models(model, best), self._datasets(model)
        if not datasets:
            problem = str(self._form.problems[0]) if self._form.problems else ""
            self._banner.show_message(
                tr("The form does not say on which data: {problem}", problem=problem), kind="error"
            )
        elif len(models) == len(datasets) == 1:
            self._examine(models[0], datasets[0])
        else:
            dialog = ExamineDialog([item.name for item in models], [item.name for item in datasets], self._window)
            dialog.chosen.connect(partial(self._on_chosen, models, datasets))
            dialog.finished.connect(dialog.deleteLater)
            dialog.open()

    def _on_chosen(self, models: list[_Subject], datasets: list[_Subject], model: int, dataset: int) -> None:
        if not self._session.active:
            self._examine(models[model], datasets[dataset])

    def _models(self, model: SavedModel, best: SavedModel | None) -> list[_Subject]:
        if self._opened:
            return [_Subject(tr("the opened model {file}", file=self._opened), model)]
        last = _Subject(_after(tr("the last model"), model), model)
        if best is None or _same(best, model):
            return [last]
        return [last, _Subject(_after(tr("the best model"), best), best)]

    def _datasets(self, model: SavedModel) -> list[_Subject]:
        """The data that the model was made for, if it says so, and those of the form, if they are others."""
        own, here = model.experiment, self._form.experiment
        if own is None:
            return [] if here is None else [_Subject(_data_name(here), here)]
        values = to_values(own)
        if here is not None:
            values = with_value(with_local(values, to_values(here)), "device.name", here.device.name)
        found = [_Subject(_data_name(own), parse_experiment(values))]
        if here is not None and here.settled_as(own).data.dataset != own.data.dataset:
            found[0] = _Subject(tr("{dataset}, as the model was trained", dataset=found[0].name), found[0].value)
            values = with_value(values, "data.dataset", to_values(here)["data"]["dataset"])
            values = with_value(values, "data.image_size", _size_for(own, here.data.dataset))
            found.append(
                _Subject(tr("{dataset}, as the form says", dataset=_data_name(here)), parse_experiment(values))
            )
        return found

    def _examine(self, model: _Subject, data: _Subject) -> None:
        experiment: Experiment = data.value
        self._subject = tr("{model} on {dataset}", model=model.name, dataset=_data_name(experiment))
        self._files.examine(model.value, experiment)

    @Slot(object)
    def _on_evaluated(self, result: Evaluated) -> None:
        figures = {"subject": self._subject, "loss": figure(result.loss), "accuracy": result.accuracy}
        text = trn(
            "Evaluated {subject}, {n} test sample: loss {loss}, accuracy {accuracy:.4f}.",
            "Evaluated {subject}, {n} test samples: loss {loss}, accuracy {accuracy:.4f}.",
            result.samples,
            **figures,
        )
        self._banner.show_message(text, kind="success", until=(self._session.began, self._session.model_changed))
        self.told.emit(text)

    @Slot(object)
    def _on_progress(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.told.emit(event.text)

    @Slot(object, object)
    def _on_loaded(self, path: Path, _: SavedModel) -> None:
        self._opened = path.name

    @Slot()
    def _on_own(self, *_: object) -> None:
        """The model is that of a run of this session."""
        self._opened = ""


def _after(name: str, model: SavedModel) -> str:
    """`name`, what it is, and the last whole epoch behind it."""
    if model.experiment is not None:
        name = tr("{name}, {model}", name=name, model=tr(model.experiment.model.label))
    if "epoch" not in model.metrics:
        return name
    return tr(
        "{model} (last whole epoch {epoch:.0f}, test accuracy {accuracy:.3f})",
        model=name,
        epoch=model.metrics["epoch"],
        accuracy=model.metrics.get("test_accuracy", float("nan")),
    )


def _same(one: SavedModel, other: SavedModel) -> bool:
    return one.weights.keys() == other.weights.keys() and all(
        tensor.equal(other.weights[name]) for name, tensor in one.weights.items()
    )


def _data_name(experiment: Experiment) -> str:
    """The dataset's label; a folder of images by its own name, too."""
    dataset = experiment.data.dataset
    folder = Path(getattr(dataset, "folder", "")).name
    return tr("{dataset} “{folder}”", dataset=tr(dataset.label), folder=folder) if folder else tr(dataset.label)


def _size_for(own: Experiment, dataset: DatasetChoice) -> int:
    """The image size with which a model sees another dataset as large as it saw its own."""
    try:
        saw, has = own.data.info, dataset.info()
    except DataUnknown:
        return own.data.image_size
    return 0 if (has.height, has.width) == (saw.height, saw.width) or saw.height != saw.width else saw.height
