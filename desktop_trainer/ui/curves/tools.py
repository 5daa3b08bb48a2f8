"""The row above the curves: axis, smoothing, logarithm, fit and export."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from desktop_trainer.i18n import mark, tr
from desktop_trainer.report.series import Axis
from desktop_trainer.ui.theme import icon

_AXES = {Axis.BATCHES: mark("Batches"), Axis.EPOCHS: mark("Epochs"), Axis.SECONDS: mark("Time")}

_SMOOTHING_HINT = mark(
    "How much of the past each point of the smoothed curve keeps: 0 is the batch alone, 0.9 "
    "about the last ten batches, "
    "0.99 about the last hundred. It only looks back, so that a point never changes afterwards."
)


class CurveTools(QWidget):
    """Controls that both plots share.

    Signals:
        axis_changed, smoothing_changed, fit_asked. log_changed: whether the loss is drawn logarithmically.
    """

    axis_changed = Signal()
    smoothing_changed = Signal()
    log_changed = Signal(bool)
    fit_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("curve_tools")
        self._axis_label, self._smoothing_label = QLabel(), QLabel()
        self._axis, self._smoothing = QComboBox(), QDoubleSpinBox()
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._log, self._fit, self.export = QToolButton(), QToolButton(), QToolButton()
        self._name()
        for axis in _AXES:
            self._axis.addItem("", axis)
        self._smoothing.setDecimals(3)
        self._smoothing.setMaximum(0.999)
        self._smoothing.setSingleStep(0.01)
        self._smoothing.setValue(0.9)
        self._axis.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)  # the language can change
        self._slider.setMaximum(999)
        self._slider.setValue(900)
        self._log.setCheckable(True)
        self.export.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._lay_out()
        self._axis.currentIndexChanged.connect(self._on_axis)
        self._slider.valueChanged.connect(self._on_slider)
        self._smoothing.valueChanged.connect(self._on_smoothing)
        self._log.toggled.connect(self.log_changed)
        self._fit.clicked.connect(self.fit_asked)
        self.recolour()
        self.retranslate()

    def _name(self) -> None:
        self._axis.setObjectName("x_axis")
        self._slider.setObjectName("smoothing_slider")
        self._smoothing.setObjectName("smoothing")
        self._log.setObjectName("log_scale")
        self._fit.setObjectName("fit")
        self.export.setObjectName("export_curves")

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 6, 8, 6)
        layout.setSpacing(6)
        for label, buddy in ((self._axis_label, self._axis), (self._smoothing_label, self._smoothing)):
            label.setProperty("role", "muted")
            label.setBuddy(buddy)
        self._slider.setMinimumWidth(40)
        self._slider.setMaximumWidth(160)
        self._smoothing.setFixedWidth(76)
        for widget in (self._axis_label, self._axis, self._smoothing_label, self._slider, self._smoothing, self._log):
            layout.addWidget(widget)
        layout.addStretch(1)
        layout.addWidget(self._fit)
        layout.addWidget(self.export)

    @property
    def axis(self) -> Axis:
        """What runs along the x axes."""
        return Axis(self._axis.currentData())

    @property
    def smoothing(self) -> float:
        """What stays of the past at each batch, in [0, 1)."""
        return self._smoothing.value()

    def retranslate(self) -> None:
        """Set every text in the current language."""
        self._axis_label.setText(tr("x axis"))
        for index, text in enumerate(_AXES.values()):
            self._axis.setItemText(index, tr(text))
        self._smoothing_label.setText(tr("Smoothing"))
        self._log.setText(tr("Log loss"))
        for widget, name, hint in (
            (self._axis, tr("x axis"), tr("What runs along the x axis of both plots.")),
            (self._slider, tr("Smoothing"), tr(_SMOOTHING_HINT)),
            (self._smoothing, tr("Smoothing"), tr(_SMOOTHING_HINT)),
            (
                self._log,
                tr("Log loss"),
                tr("Draw the loss on a logarithmic scale, on which equal ratios are equally far apart."),
            ),
            (self._fit, tr("Fit"), tr("Show all of the curves and follow new values (double click in a plot).")),
            (self.export, tr("Export the curves"), tr("Save the plots as an image, or every number as a table.")),
        ):
            widget.setAccessibleName(name)
            widget.setToolTip(hint)

    def recolour(self) -> None:
        """Take over the colours of the theme in use."""
        self._fit.setIcon(icon("fit"))
        self.export.setIcon(icon("export"))

    @Slot()
    def _on_axis(self) -> None:
        self.axis_changed.emit()

    @Slot(int)
    def _on_slider(self, thousandths: int) -> None:
        self._smoothing.setValue(thousandths / 1000)

    @Slot(float)
    def _on_smoothing(self, value: float) -> None:
        with QSignalBlocker(self._slider):
            self._slider.setValue(round(1000 * value))
        self.smoothing_changed.emit()
