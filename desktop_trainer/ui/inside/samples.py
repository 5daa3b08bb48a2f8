"""The dialog that shows training images as the model sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QTimer, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import joined, tr
from desktop_trainer.ui.inside.sample_grid import SampleGrid, Tile
from desktop_trainer.ui.naming import named
from desktop_trainer.ui.thread import IteratorThread
from desktop_trainer.ui.wrapped_label import WrappedLabel

if TYPE_CHECKING:
    from collections.abc import Generator

    from desktop_trainer.engine.events import Event
    from desktop_trainer.insight.samples import SampleSheet
    from desktop_trainer.ui.form.form import ExperimentForm

_COUNT = 32
_LAST_EPOCH = 100_000
_PATIENCE_MS = 200
"""A setting that is being typed is not shown at every key."""


class SamplesDialog(QDialog):
    """The first training samples of an epoch of the form's experiment, made in a thread a moment after the last
    change.
    """

    def __init__(self, form: ExperimentForm, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("samples")
        self._form = form
        self._sheet: SampleSheet | None = None
        self._made_for: tuple[object, ...] | None = None
        self._thread: IteratorThread | None = None
        self._error: BaseException | None = None
        self._closing = False
        self._timer = QTimer(self, singleShot=True, interval=_PATIENCE_MS)
        self._epoch_label = QLabel()
        self.epoch = named(QSpinBox(minimum=1, maximum=_LAST_EPOCH), "samples_epoch")
        self.as_stored = named(QCheckBox(), "samples_as_stored")
        self._bar = named(QProgressBar(textVisible=False), "samples_bar")
        self.grid = named(SampleGrid(), "samples_grid")
        self.words = named(WrappedLabel(), "samples_words")
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._lay_out()
        self._connect()
        self.retranslate()
        self.resize(880, 600)
        self._load()

    def _lay_out(self) -> None:
        self._epoch_label.setBuddy(self.epoch)
        self._bar.setFixedWidth(160)
        policy = self._bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._bar.setSizePolicy(policy)
        top = QHBoxLayout()
        for widget in (self._epoch_label, self.epoch, self.as_stored):
            top.addWidget(widget)
        top.addStretch(1)
        top.addWidget(self._bar)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(self.grid, 1)
        layout.addWidget(self.words)
        layout.addWidget(self._buttons)
        # Else Enter behind a typed epoch would close the dialog.
        self._buttons.button(QDialogButtonBox.StandardButton.Close).setAutoDefault(False)
        self.epoch.setFocus()

    def _connect(self) -> None:
        self._timer.timeout.connect(self._load)
        self.epoch.valueChanged.connect(self._timer.start)
        self.as_stored.toggled.connect(self._show)
        self._buttons.rejected.connect(self.reject)
        self._form.experiment_changed.connect(self._timer.start)
        self._form.problems_changed.connect(self._timer.start)

    def retranslate(self) -> None:
        """Show everything anew in the current language."""
        self.setWindowTitle(tr("Samples as the model sees them"))
        self._epoch_label.setText(tr("&Epoch"))
        self.as_stored.setText(tr("As &stored"))
        self.as_stored.setToolTip(tr("Show the same samples without augmentation, to compare."))
        self.grid.setAccessibleName(tr("Training samples"))
        self._show()

    def close_thread(self) -> None:
        """Close, and wait for the thread: the window is closing."""
        self.reject()
        if self._thread is not None:
            self._thread.wait()

    @Slot()
    def _load(self) -> None:
        """Make the sheet that is wanted now; if another is being made, that comes first to its end."""
        experiment, epoch = self._form.experiment, self.epoch.value()
        wanted = self._wanted()
        if self._closing or (wanted == self._made_for and self._error is None):
            return
        if self._thread is not None:
            self._thread.stop()
            return
        self._made_for, self._error = wanted, None
        if experiment is None:
            self._sheet = None
            self._show()
            return
        self._bar.setRange(0, 0)
        self._bar.show()
        self._thread = IteratorThread(lambda: _sheets(experiment, epoch), self)
        self._thread.item.connect(self._on_item)
        self._thread.failed.connect(self._on_failed)
        self._thread.finished.connect(self._on_finished)
        self._thread.start()

    def _wanted(self) -> tuple[object, ...]:
        """What decides what is shown."""
        experiment = self._form.experiment
        if experiment is None:
            return self._form.problems
        return experiment.data, experiment.augmentation, experiment.training.seed, self.epoch.value()

    @Slot(object)
    def _on_item(self, item: Event | SampleSheet) -> None:
        from desktop_trainer.engine.events import Loading
        from desktop_trainer.insight.samples import SampleSheet

        if isinstance(item, SampleSheet):
            self._sheet = item
            self._show()
        elif isinstance(item, Loading):
            self._bar.setRange(0, item.total if item.total > 1 else 0)
            self._bar.setValue(item.done)
            if self._sheet is None:
                self._say(item.what)

    @Slot(object)
    def _on_failed(self, error: BaseException) -> None:
        self._sheet, self._error = None, error
        self._show()

    @Slot()
    def _on_finished(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.deleteLater()
        self._bar.hide()
        if self._closing:
            super().reject()
        elif self._wanted() != self._made_for:
            self._timer.start()

    @Slot()
    def _show(self) -> None:
        """Fill in what there is: the images, or why there are none."""
        self.grid.show_tiles([] if self._sheet is None else _tiles(self._sheet, stored=self.as_stored.isChecked()))
        self.as_stored.setEnabled(self._sheet is not None)
        if self._sheet is not None:
            self._say(_words(self._sheet, stored=self.as_stored.isChecked()))
        elif self._error is not None:
            self._say(_explained(self._error), "problem")
        elif self._form.problems:
            self._say(str(self._form.problems[0]), "problem")

    def _say(self, text: str, role: str = "") -> None:
        self.words.setProperty("role", role)
        self.words.style().polish(self.words)
        self.words.setText(text)

    def reject(self) -> None:
        """Qt's, for Close and Escape: gone from the screen at once, and for good when the thread has ended."""
        self._timer.stop()
        self._closing = True
        if self._thread is None:
            super().reject()
        else:
            self._thread.stop()
            self.hide()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Qt's: the thread must not outlive the dialog."""
        event.ignore()
        self.reject()

    def changeEvent(self, event: QEvent) -> None:
        """Qt's: the language may have changed, in which an error was told; or somebody comes back who mended its
        cause.
        """
        if event.type() is QEvent.Type.LanguageChange:
            self.retranslate()
        again = event.type() is QEvent.Type.LanguageChange or (
            event.type() is QEvent.Type.ActivationChange and self.isActiveWindow()
        )
        if again and self._error is not None:
            self._timer.start()
        super().changeEvent(event)


def _tiles(sheet: SampleSheet, *, stored: bool) -> list[Tile]:
    tiles = []
    for pixels, index, label in zip(sheet.stored if stored else sheet.seen, sheet.indices, sheet.labels, strict=True):
        name = sheet.class_names[label]
        details = tr(
            "Number {index} in the training set, counted from 0. Label {label}: {name}",
            index=index,
            label=label,
            name=name,
        )
        tiles.append(Tile(pixels, name, details))
    return tiles


def _words(sheet: SampleSheet, *, stored: bool) -> str:
    """Which samples these are, and what the model gets of them."""
    which = tr(
        "Samples 1 to {count} of the {size} in batch 1 of epoch {epoch}, in their order.",
        count=len(sheet.indices),
        size=sheet.batch_size,
        epoch=sheet.epoch,
    )
    parts = [which, _range(sheet)]
    if not sheet.augmented:
        parts.insert(1, tr("No augmentation is switched on."))
    elif stored:
        parts = [which, tr("As stored: without augmentation and normalization.")]
    return joined(*parts)


def _range(sheet: SampleSheet) -> str:
    ends = {"low": f"{sheet.lowest:.2f}", "high": f"{sheet.highest:.2f}"}
    if sheet.statistics is None:
        return tr("The model gets them as numbers from {low} to {high}, where 0 is black and 1 is white.", **ends)
    return tr(
        "The model gets them as numbers from {low} to {high}, normalized ({statistics}); for the "
        "screen this is undone.",
        **ends,
        statistics=sheet.statistics,
    )


def _explained(error: BaseException) -> str:
    """Our own errors say what to do next; others are introduced."""
    if type(error).__module__.startswith("desktop_trainer"):
        return str(error)
    return tr("Something went wrong: {kind}: {error}", kind=type(error).__name__, error=error)


def _sheets(experiment: Experiment, epoch: int) -> Generator[Event | SampleSheet, None, None]:
    """Called in the thread: torch is loaded here."""
    from desktop_trainer.insight.samples import sample_sheet

    yield (yield from sample_sheet(experiment, epoch, _COUNT))
