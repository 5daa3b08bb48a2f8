"""What the chosen model is made of: its layers, their shapes and parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHeaderView, QLabel, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import grouped, tr
from desktop_trainer.ui.naming import named
from desktop_trainer.ui.thread import IteratorThread

if TYPE_CHECKING:
    from collections.abc import Generator

    from desktop_trainer.insight.summary import ModelSummary

_LEAST_WIDTH = 208
"""Of the tree, in pixels: in less, the layers' names could not be told apart."""

_PATIENCE_MS = 300
"""A setting that is being typed is not summarised at every key."""


class _Layers(QTreeWidget):
    """A tree whose first column has the room that is left, and what it needs in any case: then it scrolls sideways."""

    def share_width(self, *_: object) -> None:
        """What is in sight is another: fit the first column to it."""
        header = self.header()
        rest = self.viewport().width() - header.sectionSize(1) - header.sectionSize(2)
        header.resizeSection(0, max(rest, self.sizeHintForColumn(0), header.sectionSizeHint(0)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self.share_width()


class ModelPanel(QWidget):
    """Parameter count and a tree of the layers, made in a thread a moment after the last change."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("model_summary")
        self._wanted: Experiment | None = None
        self._made_for: Experiment | None = None
        self._summary: ModelSummary | None = None
        self._error = ""
        self._thread: IteratorThread | None = None
        self._timer = QTimer(self, singleShot=True, interval=_PATIENCE_MS)
        self._timer.timeout.connect(self._summarise)
        self._head = named(QLabel(wordWrap=True), "model_head")
        self._tree = named(_Layers(), "model_layers")
        self._tree.setUniformRowHeights(True)
        self._tree.setIndentation(10)
        self._tree.setMinimumWidth(_LEAST_WIDTH)
        self._tree.setColumnCount(3)
        header = self._tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        header.setMinimumSectionSize(20)
        self._tree.itemExpanded.connect(self._tree.share_width)
        self._tree.itemCollapsed.connect(self._tree.share_width)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 8, 4, 6)
        layout.addWidget(self._head)
        layout.addWidget(self._tree, 1)
        self.retranslate()

    def sizeHint(self) -> QSize:
        """Qt's: wide enough for the three columns of an ordinary model."""
        return QSize(330, 400)

    def show_experiment(self, experiment: Experiment) -> None:
        """Summarise the experiment's model soon."""
        if self._wanted is None or _shape(experiment) != _shape(self._wanted):
            self._wanted = experiment
            self._timer.start()

    def close_thread(self) -> None:
        """Wait for the summary that is being made; the window is closing."""
        self._timer.stop()
        if self._thread is not None:
            self._thread.wait()

    @Slot()
    def _summarise(self) -> None:
        if self._thread is not None or self._wanted is None:
            return  # the thread that is at work will see that another one is wanted
        experiment = self._wanted
        self._thread = IteratorThread(lambda: _summaries(experiment), self)
        self._thread.item.connect(self._on_summary)
        self._thread.failed.connect(self._on_failed)
        self._thread.finished.connect(self._on_finished)
        self._made_for = experiment
        self._thread.start()

    @Slot(object)
    def _on_summary(self, summary: ModelSummary) -> None:
        self._summary, self._error = summary, ""
        self.retranslate()

    @Slot(object)
    def _on_failed(self, error: BaseException) -> None:
        self._summary, self._error = None, str(error)
        self.retranslate()

    @Slot()
    def _on_finished(self) -> None:
        if self._thread is not None:
            self._thread.deleteLater()
        self._thread = None
        if self._wanted is not None and self._wanted is not self._made_for:
            self._timer.start()

    def retranslate(self) -> None:
        """Show everything anew in the current language."""
        self._tree.setHeaderLabels([tr("Layer"), tr("Shape"), tr("Params")])
        self._tree.headerItem().setToolTip(2, tr("Parameters"))
        self._tree.headerItem().setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._tree.setAccessibleName(tr("Layers of the model"))
        self._tree.clear()
        if self._summary is None:
            self._head.setText(self._error or tr("Reading the model…"))
            return
        size = self._summary.size_bytes
        text = tr("{count} parameters, {size} in memory", count=grouped(self._summary.parameters), size=_bytes(size))
        self._head.setText(text)
        self._fill(self._summary)

    def _fill(self, summary: ModelSummary) -> None:
        parents: list[QTreeWidgetItem] = []
        for row in summary.layers:
            shape = "\u200a×\u200a".join(map(str, row.output_shape))
            item = QTreeWidgetItem(
                [f"{row.name}  {row.kind}", shape, grouped(row.parameters) if row.parameters else ""]
            )
            item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight)
            item.setToolTip(0, item.text(0))
            del parents[max(0, row.depth - 1) :]
            if parents:
                parents[-1].addChild(item)
            else:
                self._tree.addTopLevelItem(item)
            parents.append(item)
        self._tree.share_width()

    def changeEvent(self, event: QEvent) -> None:
        """Qt's: the language may have changed."""
        if event.type() is QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)


def _shape(experiment: Experiment) -> tuple[object, object, object]:
    """What decides how the model looks; the dataset itself is not asked, because it may look at files."""
    return experiment.model, experiment.data.dataset, experiment.data.image_size


def _summaries(experiment: Experiment) -> Generator[ModelSummary, None, None]:
    from desktop_trainer.insight.summary import summarize

    yield summarize(experiment)


def _bytes(size: int) -> str:
    unit, name = next(((unit, name) for unit, name in ((1e9, "GB"), (1e6, "MB")) if size >= unit), (1e3, "kB"))
    return f"{size / unit:.1f} {name}"
