"""Saves what a panel shows to a file that the user chose, and says what went wrong."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QIODevice, QSaveFile, Qt
from PySide6.QtWidgets import QMessageBox, QWidget


def write(path: Path, data: bytes) -> str:
    """Write a whole file or none; returns what went wrong, if anything did."""
    file = QSaveFile(str(path))
    if file.open(QIODevice.OpenModeFlag.WriteOnly):
        file.write(data)
        if file.commit():
            return ""
    return file.errorString()


def complain(parent: QWidget, title: str, text: str) -> None:
    """Say what went wrong, why, and what to do, without holding anything up."""
    box = QMessageBox(QMessageBox.Icon.Warning, title, text, parent=parent)
    box.setObjectName("not_saved")
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
