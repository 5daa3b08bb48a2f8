"""How the window looks: two palettes, one style sheet, the curves' colours and the icons.

The curves' colours are taken from Okabe and Ito, "Color Universal Design" (2008), shaded for each background.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from string import Template

from PySide6.QtCore import QByteArray, QObject, Qt, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from desktop_trainer import folders

_TINTS = {
    "accent": ("start", "continue_run", "resume", "run_running"),
    "invalid": ("stop_and_discard", "run_diverged", "run_failed"),
    "warning": ("warning", "run_interrupted"),
    "success": ("run_completed", "run_early_stopped"),
    "muted": ("run_new", "run_stopped"),
}
"""The icons that are not in the colour of the text, by the theme's colour."""

_ICON_SIZES = (16, 18, 20, 24, 32, 36, 40, 48, 64)
"""Menus, toolbar and buttons at the usual scales of a screen; what lies between is scaled down by Qt."""

MODES = ("system", "light", "dark")


@dataclass(frozen=True, slots=True)
class CurveColours:
    """What the curves are drawn with, as ``#rrggbb``: faint `batch` values, and three that any eye tells apart."""

    background: str
    text: str
    grid: str
    crosshair: str
    batch: str
    smoothed: str
    train: str
    test: str
    overlay: tuple[str, ...]
    """For the curves of other runs: for any eye each differs from the others and from the four above, and stands
    out from the background.
    """


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by what they are for, as ``#rrggbb``; `fill` carries `on_fill`, `accent` is drawn on the backgrounds."""

    name: str
    window: str
    base: str
    alternate: str
    hover: str
    text: str
    muted: str
    disabled: str
    border: str
    accent: str
    fill: str
    on_fill: str
    selection: str
    invalid: str
    invalid_base: str
    warning: str
    warning_base: str
    success: str
    success_base: str
    curves: CurveColours

    def palette(self) -> QPalette:
        """The palette for Qt's Fusion style."""
        role, group = QPalette.ColorRole, QPalette.ColorGroup
        palette = QPalette()
        for roles, colour in (
            ((role.Window, role.ToolTipBase), self.window),
            ((role.Base, role.Button), self.base),
            ((role.AlternateBase,), self.alternate),
            ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText), self.text),
            ((role.PlaceholderText,), self.muted),
            ((role.Highlight, role.Accent), self.fill),
            ((role.HighlightedText, role.BrightText), self.on_fill),
            ((role.Link, role.LinkVisited), self.accent),
            ((role.Light, role.Midlight), self.hover),
            ((role.Mid, role.Dark), self.border),
            ((role.Shadow,), self.disabled),
        ):
            for each in roles:
                palette.setColor(each, QColor(colour))
        for each in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
            palette.setColor(group.Disabled, each, QColor(self.disabled))
        palette.setColor(group.Disabled, role.Highlight, QColor(self.border))
        return palette

    def style_sheet(self) -> str:
        """The style sheet, with this theme's colours in it."""
        colours = {name: value for name, value in asdict(self).items() if name != "curves"}
        icons = (folders.resources() / "icons").as_posix()
        return Template(_style_file().read_text(encoding="utf-8")).substitute(colours, icons=icons)


LIGHT = Theme(
    name="light",
    window="#f4f6f8",
    base="#ffffff",
    alternate="#f7f9fb",
    hover="#e8edf3",
    text="#1a2029",
    muted="#566171",
    disabled="#a3acb8",
    border="#d3dae3",
    accent="#0b62b0",
    fill="#1267b8",
    on_fill="#ffffff",
    selection="#d5e6f7",
    invalid="#b3261e",
    invalid_base="#fdecea",
    warning="#8a5300",
    warning_base="#fdf3dc",
    success="#0b6b4b",
    success_base="#e3f5ee",
    curves=CurveColours(
        background="#ffffff",
        text="#566171",
        grid="#e6ebf0",
        crosshair="#8b96a5",
        batch="#bcd8ee",
        smoothed="#0072b2",
        train="#d55e00",
        test="#8a2f6d",
        overlay=("#aa39fc", "#890938", "#b48a59", "#551aa1", "#d36f88", "#5e4000", "#ff10d9", "#1503f7"),
    ),
)

DARK = Theme(
    name="dark",
    window="#14181e",
    base="#1b2128",
    alternate="#20262e",
    hover="#29313b",
    text="#e3e8ee",
    muted="#9aa7b6",
    disabled="#5c6775",
    border="#333d49",
    accent="#6cb4f2",
    fill="#1f6fb5",
    on_fill="#ffffff",
    selection="#23425f",
    invalid="#ff8a80",
    invalid_base="#3a2124",
    warning="#f0b849",
    warning_base="#372d18",
    success="#4fc79a",
    success_base="#17322a",
    curves=CurveColours(
        background="#1b2128",
        text="#9aa7b6",
        grid="#28303a",
        crosshair="#77859a",
        batch="#2f5271",
        smoothed="#56b4e9",
        train="#e69f00",
        test="#cc79a7",
        overlay=("#a120fc", "#cf2d03", "#2ef8f1", "#e2ec81", "#c14b5a", "#8b69e2", "#b9a55f", "#b3f1c2"),
    ),
)

_current = LIGHT


def current() -> Theme:
    """The theme in use."""
    return _current


def colours() -> CurveColours:
    """The colours of the curves in the theme in use."""
    return _current.curves


def apply_theme(app: QApplication, mode: str) -> None:
    """Use the theme of `mode`, one of `MODES`; ``system`` follows the desktop, also when it changes later.

    Every widget gets a ``PaletteChange`` event; icons are to be asked for again then.

    Raises:
        ValueError: if there is no such mode.
    """
    if mode not in MODES:
        raise ValueError(f"No theme {mode!r}; there are {', '.join(MODES)}.")
    follower = app.findChild(_Follower)
    if follower is None:
        app.setStyle("Fusion")
        follower = _Follower(app)
    scheme = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}.get(mode)
    # Qt passes the choice on to the frame of the window, and to dialogs that are the system's.
    if scheme is None:
        app.styleHints().unsetColorScheme()
    else:
        app.styleHints().setColorScheme(scheme)
    follower.chosen = scheme
    follower.follow(app.styleHints().colorScheme())


class _Follower(QObject):
    """Puts a theme on the application whenever the desktop changes its colour scheme; `chosen` comes first."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self.chosen: Qt.ColorScheme | None = None
        app.styleHints().colorSchemeChanged.connect(self.follow)

    @Slot(Qt.ColorScheme)
    def follow(self, scheme: Qt.ColorScheme) -> None:
        """Use the theme for `chosen`, else for the desktop's `scheme`."""
        global _current
        theme = _current = DARK if (self.chosen or scheme) is Qt.ColorScheme.Dark else LIGHT
        if self._app.property("theme") != theme.name:
            self._app.setProperty("theme", theme.name)
            self._app.setPalette(theme.palette())
            self._app.setStyleSheet(theme.style_sheet())


def icon(name: str) -> QIcon:
    """The line icon ``resources/icons/name.svg`` in the colours of the theme in use, sharp at any usual scale.

    Raises:
        FileNotFoundError: if there is no such icon.
    """
    return _drawn(name, _current)


@cache
def _drawn(name: str, look: Theme) -> QIcon:
    """An icon in the colours of `look`; the same one stands at several places."""
    tint = {each: getattr(look, shade) for shade, names in _TINTS.items() for each in names}
    drawing = (folders.resources() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    result = QIcon()
    for mode, colour in ((QIcon.Mode.Normal, tint.get(name, look.text)), (QIcon.Mode.Disabled, look.disabled)):
        renderer = QSvgRenderer(QByteArray(drawing.replace("currentColor", colour).encode()))
        for size in _ICON_SIZES:
            result.addPixmap(_pixmap(renderer, size), mode)
    return result


def _pixmap(renderer: QSvgRenderer, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter)
    painter.end()
    return pixmap


def _style_file() -> Path:
    return folders.resources() / "style.qss"
