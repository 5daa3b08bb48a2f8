"""Switches the language of the window while it is open. Knows gettext's and Qt's translations, no widget."""

from __future__ import annotations

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from desktop_trainer import i18n

_translator: QTranslator | None = None


def apply_language(app: QApplication, language: str) -> None:
    """Use `language` for our texts and Qt's own; every widget gets a ``LanguageChange`` event.

    Raises:
        ValueError: if there is no such language.
    """
    global _translator
    i18n.set_language(language)
    if _translator is not None:
        app.removeTranslator(_translator)
    _translator = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    _translator.load(QLocale(language), "qtbase", "_", folder)
    # Installing a translator, even one that found no file, tells every widget that the language changed.
    app.installTranslator(_translator)
