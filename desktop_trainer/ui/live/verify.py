"""The dialog that proves, on the user's own experiment, that a resumed run equals one that was never stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import grouped, tr
from desktop_trainer.ui.naming import named
from desktop_trainer.ui.thread import IteratorThread
from desktop_trainer.ui.wrapped_label import WrappedLabel

if TYPE_CHECKING:
    from collections.abc import Generator

    from desktop_trainer.runs.verify import Verdict, Verifying

_USUAL_BATCHES = 10
_SHOWN = 12
"""So many differences are listed; the rest is counted."""


class VerifyDialog(QDialog):
    """Trains batches in one go, and again with a stop and a checkpoint half-way, and shows what differs."""

    def __init__(self, experiment: Experiment, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("verify_resume")
        self.setWindowTitle(tr("Verify resume"))
        self.setMinimumWidth(520)
        self._experiment = experiment
        self._thread: IteratorThread | None = None
        self._closing = False
        explanation = tr(
            "Trains this experiment twice: once in one go, once saved to the disk half-way, loaded "
            "again and continued. Then it compares every number of the model, the optimizer, the "
            "random numbers and the position. Your runs are not touched."
        )
        self.batches = named(QSpinBox(minimum=1, maximum=100_000), "verify_batches")
        self.batches.setValue(_USUAL_BATCHES)
        self._bar = named(QProgressBar(maximum=1), "verify_bar")
        self.verdict = named(WrappedLabel(), "verify_result")
        self.verdict.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.start_button = named(QPushButton(tr("Verify")), "verify_start")
        self._buttons.addButton(self.start_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.start_button.clicked.connect(self.start)
        self.start_button.setDefault(True)
        self._buttons.rejected.connect(self.reject)
        self._lay_out(explanation)

    def _lay_out(self, explanation: str) -> None:
        self.batches.setAccessibleName(tr("Batches before the stop, and after it"))
        form = QFormLayout()
        form.addRow(tr("Batches before the stop, and after it"), self.batches)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(explanation, wordWrap=True))
        layout.addLayout(form)
        for widget in (self._bar, self.verdict, self._buttons):
            layout.addWidget(widget)

    @Slot()
    def start(self) -> None:
        """Train and compare."""
        if self._thread is not None:
            return
        experiment, batches = self._experiment, self.batches.value()
        self._show(tr("Training…"), "")
        self._bar.setMaximum(0)
        self._set_busy(True)
        self._thread = IteratorThread(lambda: _verify(experiment, batches), self)
        self._thread.item.connect(self._on_item)
        self._thread.failed.connect(self._on_failed)
        self._thread.finished.connect(self._on_finished)
        self._thread.start()

    def close_thread(self) -> None:
        """Stop, and wait for the thread: the window is closing."""
        if self._thread is not None:
            self._thread.stop()
            self._thread.wait()

    def _set_busy(self, busy: bool) -> None:
        self.start_button.setEnabled(not busy)
        self.batches.setEnabled(not busy)

    def _show(self, text: str, kind: str) -> None:
        self.verdict.setProperty("role", kind)
        self.verdict.style().polish(self.verdict)
        self.verdict.setText(text)
        self.adjustSize()

    @Slot(object)
    def _on_item(self, item: Verifying | Verdict) -> None:
        from desktop_trainer.runs.verify import Verdict

        if isinstance(item, Verdict):
            self._on_verdict(item)
        else:
            self._on_progress(item)

    def _on_progress(self, progress: Verifying) -> None:
        self._bar.setMaximum(progress.total)
        self._bar.setValue(progress.done)

    def _on_verdict(self, verdict: Verdict) -> None:
        figures = {"batches": verdict.batches, "at": verdict.resumed_at, "compared": grouped(verdict.compared)}
        if verdict.exact:
            text = tr(
                "Equal. Resumed after batch {at}, all {compared} tensors and numbers after batch "
                "{batches} are the same to the last bit.",
                **figures,
            )
            self._show(text, "figure")
            return
        lines = [f"{item.name}: {item.largest:.3g}" for item in verdict.differences[:_SHOWN]]
        if more := len(verdict.differences) - _SHOWN:
            lines += [tr("… and {count} more", count=more)] if more > 0 else []
        first = tr(
            "Not equal. Resumed after batch {at}, these differ after batch {batches}; the largest difference of each:",
            **figures,
        )
        advice = tr(
            "On a graphics card some operations add up in another order each time; on the CPU nothing should differ."
        )
        self._show("\n".join([first, *lines, advice]), "problem")

    @Slot(object)
    def _on_failed(self, error: BaseException) -> None:
        from desktop_trainer.ui.live.ends import explain

        self._show(explain(error), "problem")

    @Slot()
    def _on_finished(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.deleteLater()
        self._bar.setMaximum(1)
        self._bar.setValue(1)
        self._set_busy(False)
        if self._closing:
            super().reject()

    def reject(self) -> None:
        """Qt's, for Close and Escape: what is being trained is given up first."""
        if self._thread is None:
            super().reject()
        else:
            self._closing = True
            self._thread.stop()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Qt's: the thread must not outlive the dialog."""
        if self._thread is None:
            super().closeEvent(event)
        else:
            event.ignore()
            self.reject()


def _verify(experiment: Experiment, batches: int) -> Generator[Verifying | Verdict, None, None]:
    """Called in the thread: torch is loaded here."""
    from desktop_trainer.runs.verify import verify

    yield from verify(experiment, batches)
