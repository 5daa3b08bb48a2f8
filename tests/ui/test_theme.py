"""Both themes: contrast, colours for every eye, icons that are sharp, and following the desktop."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QImage, QPalette
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from desktop_trainer import folders
from desktop_trainer.ui import theme
from desktop_trainer.ui.theme import DARK, LIGHT, Theme, apply_theme, icon

ICONS = [
    *(
        "start",
        "resume",
        "pause",
        "step",
        "stop_and_keep",
        "stop_and_discard",
        "save_model",
        "load_model",
        "export",
        "download",
    ),
    *("evaluate", "theme", "language", "fit", "undo", "redo", "folder", "warning", "show_run_curves", "what_changed"),
    *("delete_runs", "more", "run_new", "run_running", "run_completed", "run_early_stopped", "run_stopped"),
    *("run_interrupted", "run_diverged", "run_failed"),
]

both = pytest.mark.parametrize("look", [LIGHT, DARK], ids=lambda look: look.name)


def linear(colour: str) -> Any:
    """sRGB as light (IEC 61966-2-1)."""
    shade = QColor(colour)
    rgb = np.array([shade.redF(), shade.greenF(), shade.blueF()])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2."""
    lights = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) + 0.05 for colour in (one, other))
    return lights[1] / lights[0]


@both
@pytest.mark.parametrize("ink", ["text", "muted", "accent", "invalid", "warning", "success"])
@pytest.mark.parametrize("paper", ["window", "base", "alternate"])
def test_words_have_the_contrast_of_wcag_aa(look: Theme, ink: str, paper: str) -> None:
    assert contrast(getattr(look, ink), getattr(look, paper)) >= 4.5


@both
@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        ("on_fill", "fill"),
        ("text", "selection"),
        ("text", "hover"),
        ("text", "invalid_base"),
        ("text", "warning_base"),
        ("text", "success_base"),
    ],
)
def test_words_on_coloured_grounds_do_too(look: Theme, ink: str, paper: str) -> None:
    assert contrast(getattr(look, ink), getattr(look, paper)) >= 4.5


@both
def test_curves_and_their_ticks_stand_out_and_the_batches_stay_faint(look: Theme) -> None:
    curves = look.curves
    assert contrast(curves.text, curves.background) >= 4.5
    assert min(contrast(colour, curves.background) for colour in (curves.smoothed, curves.train, curves.test)) >= 3
    assert 1.3 <= contrast(curves.batch, curves.background) <= 2.5


# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency" (2009),
# severity 1, on linear light.
EYES = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(light: Any) -> Any:
    """CIE L*a*b* (D65) of linear sRGB."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ np.clip(light, 0, 1) / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@both
@pytest.mark.parametrize("eye", EYES)
def test_any_eye_tells_the_curves_apart(look: Theme, eye: str) -> None:
    """Two colours 15 apart in CIE76 are told apart at a glance; beside that, the lines and markers differ."""
    seen = [
        lab(np.array(EYES[eye]) @ linear(colour))
        for colour in (look.curves.smoothed, look.curves.train, look.curves.test)
    ]
    assert min(float(np.linalg.norm(one - other)) for one, other in combinations(seen, 2)) >= 15


@both
def test_the_style_sheet_uses_only_colours_that_there_are(look: Theme) -> None:
    sheet = look.style_sheet()
    assert "$" not in sheet
    assert look.invalid in sheet


def test_light_and_dark_change_palette_and_colours_of_what_is_open(qapp: QApplication, qtbot: QtBot) -> None:
    editor = QLineEdit()
    qtbot.addWidget(editor)
    for mode, look in (("dark", DARK), ("light", LIGHT)):
        apply_theme(qapp, mode)
        assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(look.window)
        assert theme.colours() == look.curves
        editor.ensurePolished()
        assert editor.palette().color(QPalette.ColorRole.Text) == QColor(look.text)


def test_system_follows_the_desktop_when_it_changes(qapp: QApplication) -> None:
    apply_theme(qapp, "system")
    for scheme, look in ((Qt.ColorScheme.Dark, DARK), (Qt.ColorScheme.Unknown, LIGHT)):
        qapp.styleHints().colorSchemeChanged.emit(scheme)
        assert theme.current() is look


def test_what_was_chosen_stays_when_the_desktop_changes(qapp: QApplication) -> None:
    apply_theme(qapp, "light")
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert theme.current() is LIGHT


def test_a_mode_that_there_is_not_is_refused_by_name(qapp: QApplication) -> None:
    with pytest.raises(ValueError, match=r"sepia.*system, light, dark"):
        apply_theme(qapp, "sepia")


def test_an_invalid_editor_is_marked(qapp: QApplication, qtbot: QtBot) -> None:
    apply_theme(qapp, "light")
    editor = QLineEdit()
    qtbot.addWidget(editor)
    editor.setProperty("invalid", True)
    editor.resize(120, 30)
    editor.show()
    assert editor.grab().toImage().pixelColor(60, 5) == QColor(LIGHT.invalid_base)


@pytest.mark.parametrize("name", ICONS)
def test_icons_are_drawn_for_every_scale_in_the_colour_of_the_text(qapp: QApplication, name: str) -> None:
    apply_theme(qapp, "light")
    for scale in (1.0, 2.0):
        image = icon(name).pixmap(QSize(20, 20), scale).toImage().convertToFormat(QImage.Format.Format_ARGB32)
        assert image.width() == 20 * scale
        alphas = {image.pixelColor(x, y).alpha() for x in range(image.width()) for y in range(image.height())}
        assert {0, 255} <= alphas


def test_icons_take_the_colour_of_the_theme(qapp: QApplication) -> None:
    def ink() -> QColor:
        image = icon("pause").pixmap(64, 64).toImage()
        return image.pixelColor(23, 32)

    apply_theme(qapp, "dark")
    assert ink() == QColor(DARK.text)
    apply_theme(qapp, "light")
    assert ink() == QColor(LIGHT.text)


def test_an_icon_that_there_is_not_is_an_error(qapp: QApplication) -> None:
    with pytest.raises(FileNotFoundError):
        icon("no_such_icon")


def test_the_style_sheet_names_only_pictures_that_there_are() -> None:
    sheet = (folders.resources() / "style.qss").read_text(encoding="utf-8")
    names = {part.split('"')[0] for part in sheet.split("$icons/")[1:]}
    assert names
    assert all((Path(folders.resources()) / "icons" / name).is_file() for name in names)
