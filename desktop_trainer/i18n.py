"""Translates every user-visible text with gettext. Knows no Qt, so that the command line is translated too."""

import gettext
import os
from collections.abc import Iterable
from typing import Any

from desktop_trainer import folders

DOMAIN = "desktop_trainer"
LANGUAGES = {"en": "English", "zh_CN": "简体中文"}

_FULL_WIDTH = "，。；：？！…、）”"
"""Chinese marks, which bring their own room."""

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


def tr(text: str, /, **values: Any) -> str:
    """`text` in the current language, its ``{placeholders}`` filled with `values`."""
    translated = _translations.gettext(text) if text else ""
    return translated.format(**values) if values else translated


def in_every_language(text: str) -> tuple[str, ...]:
    """`text` in each language that the program knows."""
    folder = folders.resources() / "i18n"
    return tuple(gettext.translation(DOMAIN, folder, [name], fallback=True).gettext(text) for name in LANGUAGES)


def trn(singular: str, plural: str, n: int, **values: Any) -> str:
    """The one of two texts that goes with the count `n`, in the current language, its ``{n}`` and
    ``{placeholders}`` filled.
    """
    return _translations.ngettext(singular, plural, n).format(n=grouped(n), **values)


def grouped(number: float) -> str:
    """`number` rounded to a whole one, with a space between thousands: so everywhere, in every language."""
    return f"{number:,.0f}".replace(",", " ")


def joined(*sentences: str) -> str:
    """The sentences that are not empty, one behind the other: with a space between them, but not after a full-width
    mark.
    """
    text = ""
    for sentence in filter(None, sentences):
        text += sentence if not text or text[-1] in _FULL_WIDTH else f" {sentence}"
    return text


def titled(title: str, value: object) -> str:
    """``title: value``, with the colon of the current language."""
    return tr("{title}: {value}", title=title, value=value)


def listed(parts: Iterable[str]) -> str:
    """The parts of a sentence, with the comma of the current language between them."""
    return tr(", ").join(parts)


def mark(text: str) -> str:
    """Mark `text` for translation where it is declared; `tr` translates it where it is shown."""
    return text
