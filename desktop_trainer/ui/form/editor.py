"""What every editor of the form has in common: label, note, mark of a problem."""

from __future__ import annotations

from html import escape
from typing import Any

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop_trainer.experiment.fields import Setting
from desktop_trainer.i18n import tr
from desktop_trainer.report.setting_words import tooltip
from desktop_trainer.ui.wrapped_label import WrappedLabel


class Editor(QWidget):
    """Shows one setting and lets it be changed: a label, a control, a note and, when there is one, the problem.

    The control's ``objectName`` is the setting's path, its ``accessibleName`` the translated label. A subclass makes
    the control, calls `_notify` when it changes, and reads and writes it.

    Signals:
        changed: the path and the raw value, which may be wrong: that is for the experiment to say.
    """

    changed = Signal(str, object)
    labelled = True
    """Whether the label stands beside the control; else the control carries it."""

    def __init__(self, setting: Setting, control: QWidget, *beside: QWidget) -> None:
        super().__init__()
        self.setting = setting
        self.control = control
        self.label = QLabel(self)
        self.label.setBuddy(control)
        self._unit, self._note, self._problem = QLabel(), WrappedLabel("note"), WrappedLabel("problem")
        self._unit.setProperty("role", "note")
        self._message = self._without_effect = ""
        self._waiting = self._locked = False
        self._last: Any = None
        control.setObjectName(setting.path)
        line = QHBoxLayout()
        for widget in (control, *beside, self._unit):
            line.addWidget(widget, 1 if widget is control else 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(line)
        layout.addWidget(self._note)
        layout.addWidget(self._problem)
        self._note.hide()
        self.retranslate()

    @property
    def tab_stops(self) -> list[QWidget]:
        """What the Tab key reaches here, in order."""
        return [self.control]

    @property
    def problem(self) -> str:
        """Why the value is wrong, or empty."""
        return self._message

    @property
    def note(self) -> str:
        """What is said of the value that is shown."""
        return self._note.text()

    def value(self) -> Any:
        """The raw value; what is no such value is given as its text."""
        raise NotImplementedError

    def set_value(self, value: Any) -> None:
        """Show `value` without a signal; a text that already means it stays as it was typed."""
        if self.value() != value:
            with QSignalBlocker(self):
                self._write(value)
        self._last = self.value()
        self._explain()

    def set_problem(self, message: str, *, waiting: bool = False) -> None:
        """Mark the control as wrong and say why below it; empty takes the mark away. What is `waiting` is only said."""
        if (message, waiting) != (self._message, self._waiting):
            self._message, self._waiting = message, waiting
            self._problem.setProperty("role", "note" if waiting else "problem")
            self._problem.style().polish(self._problem)
            self.control.setProperty("invalid", bool(message) and not waiting)
            self.control.style().unpolish(self.control)
            self.control.style().polish(self.control)
            self.retranslate()

    def set_locked(self, locked: bool) -> None:
        """Whether the value is only shown."""
        self._locked = locked
        self._enable()

    def set_without_effect(self, why: str) -> None:
        """Say that the value changes nothing now, and why, and only show it; empty takes it back."""
        if why != self._without_effect:
            self._without_effect = why
            self._enable()
            self._explain()

    def _enable(self) -> None:
        for widget in self.tab_stops:
            widget.setEnabled(not self._locked and not self._without_effect)

    def retranslate(self) -> None:
        """Set every text in the current language; the value stays."""
        label = tr(self.setting.label)
        problem = f"⚠ {self._message}" if self._message and not self._waiting else self._message
        teaching = tooltip(self.setting)
        self.label.setText(label)
        self.label.setToolTip(teaching)
        self._unit.setText(tr(self.setting.unit))
        self._unit.setVisible(bool(self.setting.unit))
        self._problem.show_text(problem)
        self.control.setAccessibleName(label)
        self.control.setAccessibleDescription(self._message or tr(self.setting.explanation))
        self.control.setToolTip(f"<p><b>{escape(problem)}</b></p>{teaching}" if problem else teaching)
        self._explain()

    def _write(self, value: Any) -> None:
        """Put `value` into the control."""
        raise NotImplementedError

    def _explanation(self) -> str:
        """What the note says of the value that is shown."""
        return ""

    def _explain(self) -> None:
        self._note.show_text(self._without_effect or self._explanation())

    @Slot()
    def _notify(self) -> None:
        value = self.value()
        if value != self._last:
            self._last = value
            self._explain()
            self.changed.emit(self.setting.path, value)
