"""Switches the language of the window while it is open."""

from __future__ import annotations

from PySide6.QtCore import QLibraryInfo, QLocale, Qt, QTranslator
from PySide6.QtWidgets import QApplication

from desktop_trainer import folders, i18n

_translators: list[QTranslator] = []


def apply_language(app: QApplication, language: str) -> None:
    """Use `language` for our texts and Qt's own; every widget gets a ``LanguageChange`` event.

    The system's dialogs for files speak the system's language. Where that is another one, Qt's are shown instead.

    Raises:
        ValueError: if there is no such language.
    """
    i18n.set_language(language)
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs, not _is_the_systems(language))
    for before in _translators:
        app.removeTranslator(before)
    qts, ours = QTranslator(app), QTranslator(app)
    qts.load(QLocale(language), "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
    ours.load(str(folders.resources() / "i18n" / language / "qt.qm"))
    # The one installed last is asked first. Even one that found no file tells every widget that the language changed.
    _translators[:] = qts, ours
    for translator in _translators:
        app.installTranslator(translator)


def _is_the_systems(language: str) -> bool:
    """Whether dialogs of the desktop speak `language`; a system without a language speaks English."""
    system = QLocale.system().language()
    return QLocale(language).language() is (QLocale.Language.English if system is QLocale.Language.C else system)
