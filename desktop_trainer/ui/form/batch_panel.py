"""The batch arithmetic under the batch size, live: formulas with their numbers, and a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QFrame, QSizePolicy, QVBoxLayout, QWidget

from desktop_trainer.engine.lines import classes_line, images_line
from desktop_trainer.experiment.batches import BatchPlan
from desktop_trainer.experiment.data import DataUnknown
from desktop_trainer.experiment.data_settings import DataSettings
from desktop_trainer.experiment.fields import Values, get_value
from desktop_trainer.experiment.training_settings import TrainingSettings
from desktop_trainer.i18n import grouped, tr, trn
from desktop_trainer.ui.wrapped_label import WrappedLabel

_GAP = 1.0
_LEAST_CELL = 4.0
_LEAST_LAST = 3.0
"""In pixels: between cells, the narrowest cell worth drawing, and the last batch, which must be seen."""


@dataclass(frozen=True, slots=True)
class Plans:
    """The cutting of both sets, and the epochs, 0 if they are not known."""

    train: BatchPlan
    test: BatchPlan
    epochs: int = 0


def plans_of(values: Values) -> Plans | None:
    """What `values`, the draft of an experiment, say about batches; None if the settings that matter are wrong.

    Other settings may be wrong.
    """
    try:
        data = DataSettings.model_validate(_wanted(values, "dataset", "batch_size", "test_batch_size", "drop_last"))
        return None if data.dataset.counting() else Plans(data.train_plan, data.test_plan, _epochs(values))
    except (ValidationError, DataUnknown):
        return None


def describe_data(values: Values) -> str:
    """What the images become for the model, and how many each class has where files were counted; empty if that is
    not known.
    """
    try:
        data = DataSettings.model_validate(_wanted(values, "dataset", "image_size"))
        if data.dataset.counting():
            return ""
        info = data.dataset.info()
        text = "\n".join([images_line(data), *([classes_line(info)] if info.class_counts else [])])
        return text.replace(" x ", "\u00a0x\u00a0").replace(" + ", "\u00a0+\u00a0")  # what belongs together in one line
    except (ValidationError, DataUnknown):
        return ""


def _wanted(values: Values, *keys: str) -> dict[str, Any]:
    """These settings of the section of data, as far as they are there."""
    section = values.get("data")
    return {key: section[key] for key in keys if key in section} if isinstance(section, Mapping) else {}


def describe_training(plan: BatchPlan) -> str:
    """The formula, what it means, and what is left out: a line each."""
    lines = [tr("Training: {formula}", formula=plan.formula)]
    if plan.batches == 0:
        lines.append(tr("no batch at all"))
    elif plan.batches == 1:
        lines.append(
            trn(
                "a single batch an epoch, of {n} sample",
                "a single batch an epoch, of {n} samples",
                plan.last_batch_size,
            )
        )
    elif plan.last_batch_size < plan.batch_size:
        lines.append(tr("{full} full + {remainder} → {batches} batches an epoch", **_counts(plan)))
    else:
        lines.append(tr("{full} full → {batches} batches an epoch", **_counts(plan)))
    if plan.left_out:
        lines.append(
            trn("{n} sample is left out of each epoch", "{n} samples are left out of each epoch", plan.left_out)
        )
    return "\n".join(lines)


def describe_test(plan: BatchPlan) -> str:
    """The formula and what it means, for the test set, of which nothing is left out."""
    formula = tr("Test: {formula}", formula=plan.formula)
    if plan.batches == 1:
        meaning = trn("a single batch of {n} sample", "a single batch of {n} samples", plan.last_batch_size)
    elif plan.remainder:
        meaning = tr("{full} full + {remainder} → {batches} batches", **_counts(plan))
    else:
        meaning = tr("{full} full → {batches} batches", **_counts(plan))
    return f"{formula}\n{meaning}"


def describe_steps(plans: Plans) -> str:
    """The optimizer's steps in all; empty if the epochs are not known."""
    if not plans.epochs:
        return ""
    batches, epochs = plans.train.batches, plans.epochs
    return trn(
        "Optimizer steps: {batches} × {n} epoch = {steps}",
        "Optimizer steps: {batches} × {n} epochs = {steps}",
        epochs,
        batches=grouped(batches),
        steps=grouped(batches * epochs),
    )


class BatchPlanPanel(QFrame):
    """Shows the arithmetic as selectable text; the accessible description is that text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("batch_plan")
        self.setProperty("role", "card")
        self._data, self._train, self._test = WrappedLabel(), WrappedLabel(), WrappedLabel()
        self.bar = BatchBar()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.setSpacing(4)
        for widget in (self._data, self._train, self.bar, self._test):
            layout.addWidget(widget)

    @property
    def text(self) -> str:
        """All that is said."""
        return "\n".join(label.text() for label in (self._data, self._train, self._test) if label.text())

    def show_values(self, values: Values) -> None:
        """Show what the draft of an experiment says about batches, in the current language."""
        plans = plans_of(values)
        self._data.show_text("" if plans is None else describe_data(values))
        if plans is None:
            self._train.setText(tr("The batches are counted here once dataset and batch size are right."))
            self._test.clear()
        else:
            self._train.setText(describe_training(plans.train))
            self._test.setText("\n".join(filter(None, (describe_test(plans.test), describe_steps(plans)))))
        self._test.setVisible(plans is not None)
        self.bar.show_plan(None if plans is None else plans.train)
        self.setAccessibleName(tr("Batches"))
        self.setAccessibleDescription(self.text)


class BatchBar(QWidget):
    """An epoch as a bar: a cell for each batch when there is room, the smaller last one hatched, what is left out
    empty.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._plan: BatchPlan | None = None

    def sizeHint(self) -> QSize:
        """Qt's."""
        return QSize(120, 12)

    def show_plan(self, plan: BatchPlan | None) -> None:
        """Draw `plan`, or nothing."""
        self._plan = plan
        self.setVisible(plan is not None)
        self.update()

    def cells(self) -> tuple[list[QRectF], QRectF | None]:
        """The full batches, one rectangle for all if there is no room, and the samples that do not fill one."""
        plan, area = self._plan, QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if plan is None:
            return [], None
        rest = max(area.width() * plan.remainder / plan.samples, _LEAST_LAST) if plan.remainder else 0.0
        full = area.width() - rest if plan.full_batches else 0.0
        count = plan.full_batches if full / max(plan.full_batches, 1) >= _LEAST_CELL else 1
        width = full / count
        cells = [
            QRectF(area.left() + index * width, area.top(), width - _GAP, area.height())
            for index in range(count if plan.full_batches else 0)
        ]
        last = QRectF(area.left() + full, area.top(), area.width() - full, area.height())
        return cells, last if plan.remainder else None

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Qt's."""
        cells, last = self.cells()
        colour = self.palette().color(QPalette.ColorRole.Highlight)
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRects(cells)
        if last is not None and self._plan is not None:
            left_out = self._plan.drop_last
            painter.setPen(QPen(colour, 1, Qt.PenStyle.DotLine if left_out else Qt.PenStyle.SolidLine))
            painter.setBrush(QBrush(colour, Qt.BrushStyle.NoBrush if left_out else Qt.BrushStyle.BDiagPattern))
            painter.drawRect(last)
        painter.end()


def _counts(plan: BatchPlan) -> dict[str, str]:
    counts = {"full": plan.full_batches, "remainder": plan.remainder, "batches": plan.batches}
    return {name: grouped(count) for name, count in counts.items()}


def _epochs(values: Values) -> int:
    epochs = get_value(values, "training.epochs")
    try:
        return (TrainingSettings() if epochs is None else TrainingSettings.model_validate({"epochs": epochs})).epochs
    except ValidationError:
        return 0
