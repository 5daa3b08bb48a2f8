"""One editor for each type of setting, made from its declaration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QFileDialog, QToolButton, QWidget

from desktop_trainer import folders
from desktop_trainer.experiment.fields import Setting
from desktop_trainer.i18n import tr
from desktop_trainer.ui.controls import ChoiceBox, FloatBox, IntegerBox, PathBox, TextBox
from desktop_trainer.ui.form.editor import Editor


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list to choose from; its words are in the current language."""

    value: str
    text: str
    explanation: str = ""


class NumberEditor(Editor):
    """A whole number, or any number, in a spin box."""

    def __init__(self, setting: Setting, box: IntegerBox | FloatBox) -> None:
        self._box = box
        box.word = tr(setting.zero)
        box.lineEdit().setText(box.shown(0))
        super().__init__(setting, box)
        # Typing tells the line edit, stepping the box.
        box.lineEdit().textChanged.connect(self._notify)
        box.valueChanged.connect(self._notify)

    def value(self) -> int | float | str:
        """The number, or the text that is none."""
        return self._box.raw()

    def retranslate(self) -> None:
        """See `Editor.retranslate`; what stands for 0 may be another word."""
        zero = self._box.word and self.value() == 0
        self._box.word = tr(self.setting.zero)
        if zero:
            self._write(0)
        super().retranslate()

    def _write(self, value: Any) -> None:
        self._box.lineEdit().setText(self._box.shown(value))

    def _explain(self) -> None:
        """A word has no unit."""
        super()._explain()
        self._unit.setVisible(bool(self.setting.unit) and self._box.lineEdit().text() != self._box.word)


class BoolEditor(Editor):
    """On or off: a check box that carries the label itself."""

    labelled = False

    def __init__(self, setting: Setting) -> None:
        self._box = QCheckBox()
        super().__init__(setting, self._box)
        self.label.hide()
        self._box.toggled.connect(self._notify)

    def value(self) -> bool:
        """Whether it is ticked."""
        return self._box.isChecked()

    def retranslate(self) -> None:
        """See `Editor.retranslate`."""
        super().retranslate()
        self._box.setText(tr(self.setting.label))

    def _write(self, value: Any) -> None:
        self._box.setChecked(value is True)


class TextEditor(Editor):
    """A line of text."""

    def __init__(self, setting: Setting, *beside: QWidget, box: TextBox | None = None) -> None:
        self._box = box or TextBox()
        super().__init__(setting, self._box, *beside)
        self._box.textChanged.connect(self._notify)

    def value(self) -> Any:
        """The text."""
        return self._box.text()

    def _write(self, value: Any) -> None:
        self._box.setText(str(value))


class NumbersEditor(TextEditor):
    """Whole numbers in a line, ``256, 128``; commas, Chinese ones and blanks part them."""

    def value(self) -> list[int | str]:
        """The numbers; an entry that is none as its text."""
        return [_number(part) for part in re.split(r"[\s,，、;；]+", self._box.text()) if part]

    def set_value(self, value: Any) -> None:
        """See `Editor.set_value`."""
        super().set_value(list(value))

    def _write(self, value: Any) -> None:
        self._box.setText(", ".join(map(str, value)))


class FolderEditor(TextEditor):
    """A folder: its path, and a button that asks for it. Empty is the folder shown in grey, if there is one."""

    def __init__(self, setting: Setting, default: Callable[[], str]) -> None:
        self._default, self._path = default, PathBox()
        self._browse = QToolButton()
        self._browse.setText("…")
        self._browse.setObjectName(f"{setting.path}.browse")
        super().__init__(setting, self._browse, box=self._path)
        self._browse.clicked.connect(self._on_browse)
        self._box.editingFinished.connect(self._on_typed)

    @property
    def tab_stops(self) -> list[QWidget]:
        """The path and the button."""
        return [self.control, self._browse]

    def retranslate(self) -> None:
        """See `Editor.retranslate`."""
        super().retranslate()
        self._path.set_placeholder(self._default())
        self._browse.setToolTip(tr("Choose a folder…"))
        self._browse.setAccessibleName(tr("Choose a folder…"))

    @Slot()
    def _on_browse(self) -> None:
        dialog = QFileDialog(self, tr(self.setting.label), self._box.text() or self._default())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_chosen)
        dialog.open()

    @Slot(str)
    def _on_chosen(self, folder: str) -> None:
        self._box.setText(folder)
        self._name(folder)

    @Slot()
    def _on_typed(self) -> None:
        if self._box.isModified():
            self._box.setModified(False)
            self._name(self._box.text())

    def _name(self, folder: str) -> None:
        """The user himself says so: another computer may be asked."""
        if folders.unasked_computer(folder):
            folders.name_computer(folder)
            self.changed.emit(self.setting.path, self.value())


class ChoiceEditor(Editor):
    """One of several named values; the note explains the chosen one."""

    def __init__(self, setting: Setting, entries: Callable[[], Iterable[Entry]], *beside: QWidget) -> None:
        self._box = ChoiceBox()
        self._entries = entries
        super().__init__(setting, self._box, *beside)
        self._box.currentIndexChanged.connect(self._notify)

    def value(self) -> str | None:
        """The chosen name; None if nothing is chosen."""
        value: str | None = self._box.currentData()
        return value

    def retranslate(self) -> None:
        """See `Editor.retranslate`; the entries may be others now."""
        chosen = self.value()
        self._box.blockSignals(True)
        self._box.clear()
        for index, entry in enumerate(self._entries()):
            self._box.addItem(entry.text, entry.value)
            self._box.setItemData(index, entry.explanation, Qt.ItemDataRole.ToolTipRole)
        self._box.setCurrentIndex(self._box.findData(chosen))
        self._box.blockSignals(False)
        super().retranslate()

    def _write(self, value: Any) -> None:
        self._box.setCurrentIndex(self._box.findData(value))

    def _explanation(self) -> str:
        return self._box.currentData(Qt.ItemDataRole.ToolTipRole) or ""


class DeviceEditor(ChoiceEditor):
    """``auto``, ``cpu``, the machine's other devices once they are known, and whatever the experiment says."""

    def __init__(self, setting: Setting) -> None:
        self._known: list[str] = []
        self._asked = self._advice = self._command = ""
        self._copy = QToolButton()
        self._copy.setObjectName(f"{setting.path}.copy")
        self._copy.hide()
        super().__init__(setting, self._devices, self._copy)
        self._copy.clicked.connect(self._on_copy)

    @property
    def tab_stops(self) -> list[QWidget]:
        """The list and the button."""
        return [self.control, self._copy]

    def set_locked(self, locked: bool) -> None:
        """See `Editor.set_locked`; copying changes nothing."""
        self.control.setEnabled(not locked)

    def set_devices(self, names: Iterable[str], advice: str = "", command: str = "") -> None:
        """Offer these devices of the machine, too; `advice` says why there are no more, a button copies the
        `command` for it.
        """
        self._known, self._advice, self._command = list(names), advice, command
        self._copy.setVisible(bool(command))
        self.retranslate()

    def retranslate(self) -> None:
        """See `Editor.retranslate`."""
        super().retranslate()
        self._copy.setText(tr("Copy"))
        self._copy.setToolTip(self._command)
        self._copy.setAccessibleName(tr("Copy the command"))

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._command)

    def _explanation(self) -> str:
        return self._advice

    def _devices(self) -> list[Entry]:
        names = dict.fromkeys(["auto", *self._known, "cpu", *([self._asked] if self._asked else [])])
        return [Entry(name, name) for name in names]

    def _write(self, value: Any) -> None:
        if self._box.findData(value) < 0:
            self._asked = str(value)
            self.retranslate()
        super()._write(value)


def make_editor(setting: Setting) -> Editor:
    """The editor for the setting's type.

    Raises:
        TypeError: if there is none for it.
    """
    if setting.editor:
        return _BY_NAME[setting.editor](setting)
    if setting.registry is not None:
        registry = setting.registry
        return ChoiceEditor(
            setting,
            lambda: [Entry(name, tr(choice.label), tr(choice.explanation)) for name, choice in registry.items()],
        )
    if get_origin(setting.type) is Literal:
        names = get_args(setting.type)
        return ChoiceEditor(setting, lambda: [Entry(name, name) for name in names])
    if get_origin(setting.type) is tuple:
        return NumbersEditor(setting)
    if setting.type in _BY_TYPE:
        return _BY_TYPE[setting.type](setting)
    raise TypeError(f"{setting.path}: there is no editor for {setting.type!r}.")


_BY_NAME: dict[str, Callable[[Setting], Editor]] = {
    "data_root": lambda setting: FolderEditor(setting, lambda: str(folders.data_root())),
    "folder": lambda setting: FolderEditor(setting, str),
    "device": DeviceEditor,
}
_BY_TYPE: dict[Any, Callable[[Setting], Editor]] = {
    bool: BoolEditor,
    int: lambda setting: NumberEditor(setting, IntegerBox(setting.bounds)),
    float: lambda setting: NumberEditor(setting, FloatBox(setting.bounds)),
    str: TextEditor,
}


def _number(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text
