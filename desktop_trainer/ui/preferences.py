"""What the window remembers between two starts: looks, places and recent files."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

from desktop_trainer import folders, i18n

_RECENT = 8


class Preferences:
    """A file of the window's own, ``window.ini`` in the program's folder; what is wrong in it counts as not said."""

    def __init__(self) -> None:
        path = folders.home() / "window.ini"
        self._settings = QSettings(str(path), QSettings.Format.IniFormat)

    @property
    def language(self) -> str:
        """A key of `i18n.LANGUAGES`; at first the system's."""
        return self._one_of("language", tuple(i18n.LANGUAGES), i18n.system_language())

    @language.setter
    def language(self, value: str) -> None:
        self._settings.setValue("language", value)

    @property
    def theme(self) -> str:
        """``system``, ``light`` or ``dark``."""
        return self._one_of("theme", ("system", "light", "dark"), "system")

    @theme.setter
    def theme(self, value: str) -> None:
        self._settings.setValue("theme", value)

    @property
    def more_shown(self) -> bool:
        """Whether the form shows the settings under "More"."""
        return self._one_of("more_shown", ("yes", "no"), "no") == "yes"

    @more_shown.setter
    def more_shown(self, value: bool) -> None:
        self._settings.setValue("more_shown", "yes" if value else "no")

    @property
    def recent_models(self) -> list[Path]:
        """The model files used last, the newest first."""
        text = self._settings.value("recent_models", "")
        return [Path(line) for line in text.split("\n") if line] if isinstance(text, str) else []

    def add_recent_model(self, path: Path) -> None:
        """Put `path` first among the recent files."""
        paths = [path, *(other for other in self.recent_models if other != path)][:_RECENT]
        self._settings.setValue("recent_models", "\n".join(map(str, paths)))

    @property
    def told_runs(self) -> frozenset[str]:
        """The interruptions of runs that the user has read of, a line each."""
        value = self._settings.value("told_runs", "")
        return frozenset(value.splitlines()) if isinstance(value, str) else frozenset()

    @told_runs.setter
    def told_runs(self, value: frozenset[str]) -> None:
        self._settings.setValue("told_runs", "\n".join(sorted(value)))

    def layout(self, name: str) -> QByteArray:
        """A geometry or state that was remembered, else empty."""
        value = self._settings.value(name)
        return value if isinstance(value, QByteArray) else QByteArray()

    def set_layout(self, name: str, value: QByteArray) -> None:
        """Remember a geometry or state."""
        self._settings.setValue(name, value)

    def sync(self) -> None:
        """Write the file now."""
        self._settings.sync()

    def _one_of(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        value = self._settings.value(key)
        return value if isinstance(value, str) and value in allowed else default
