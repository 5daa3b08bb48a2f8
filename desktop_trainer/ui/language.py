"""Switches the language of the window while it is open. Knows gettext's and Qt's translations, no widget."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QLibraryInfo, QLocale, Qt, QTranslator
from PySide6.QtWidgets import QApplication

from desktop_trainer import i18n
from desktop_trainer.i18n import mark, tr

_LACKING = {
    "&Look in:": mark("&Look in:"),
    "Files of &type:": mark("Files of &type:"),
    "Folder": mark("Folder"),
    "Drive": mark("Drive"),
    "%1 File": mark("%1 File"),
}
"""Texts of Qt's dialogs that its own translations do not have."""

_translators: list[QTranslator] = []


class _Supplement(QTranslator):
    """Our words for the texts of Qt that are `_LACKING`."""

    def translate(self, context: str, text: str, disambiguation: str | None = None, n: int = -1) -> Any:  # noqa: ARG002
        """Qt's: None where there is nothing to say; an empty text would be shown."""
        return tr(_LACKING[text]) if text in _LACKING else None

    def isEmpty(self) -> bool:
        """Qt's: an empty one would not be asked."""
        return False


def apply_language(app: QApplication, language: str) -> None:
    """Use `language` for our texts and Qt's own; every widget gets a ``LanguageChange`` event.

    The system's dialogs for files speak the system's language. Where that is another one, Qt's are shown instead.

    Raises:
        ValueError: if there is no such language.
    """
    i18n.set_language(language)
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs, not _is_the_systems(language))
    while _translators:
        app.removeTranslator(_translators.pop())
    qts = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    qts.load(QLocale(language), "qtbase", "_", folder)
    _translators.extend((qts, _Supplement(app)))
    # Installing a translator, even one that found no file, tells every widget that the language changed.
    for translator in _translators:
        app.installTranslator(translator)


def _is_the_systems(language: str) -> bool:
    """Whether dialogs of the desktop speak `language`; a system without a language speaks English."""
    system = QLocale.system().language()
    return QLocale(language).language() is (QLocale.Language.English if system is QLocale.Language.C else system)
