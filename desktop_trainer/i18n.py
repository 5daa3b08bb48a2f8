"""Translates every user-visible text with gettext. Knows no Qt, so that the command line is translated too."""

import gettext
import os
from typing import Any

from desktop_trainer import folders

DOMAIN = "desktop_trainer"
LANGUAGES = {"en": "English", "zh_CN": "简体中文"}

_translations = gettext.NullTranslations()
_language = "en"


def set_language(language: str) -> None:
    """Use `language`, one of `LANGUAGES`, from now on.

    Raises:
        ValueError: if there is no such language.
    """
    global _translations, _language
    if language not in LANGUAGES:
        raise ValueError(f"No language {language!r}; there are {', '.join(LANGUAGES)}.")
    _translations = gettext.translation(DOMAIN, folders.resources() / "i18n", [language], fallback=language == "en")
    _language = language


def language() -> str:
    """The language in use, a key of `LANGUAGES`."""
    return _language


def system_language() -> str:
    """The language that the environment asks for (LANGUAGE, LC_ALL, LC_MESSAGES, LANG), else English."""
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return "zh_CN" if value.startswith("zh") else "en"
    return "en"


def tr(text: str, **values: Any) -> str:
    """`text` in the current language, its ``{placeholders}`` filled with `values`."""
    translated = _translations.gettext(text) if text else ""
    return translated.format(**values) if values else translated


def trn(singular: str, plural: str, n: int, **values: Any) -> str:
    """The one of two texts that goes with the count `n`, in the current language, its ``{n}`` and ``{placeholders}`` filled."""
    return _translations.ngettext(singular, plural, n).format(n=grouped(n), **values)


def grouped(number: float) -> str:
    """`number` rounded to a whole one, with a space between thousands: so everywhere, in every language."""
    return f"{number:,.0f}".replace(",", " ")


def mark(text: str) -> str:
    """Mark `text` for translation where it is declared; `tr` translates it where it is shown."""
    return text
