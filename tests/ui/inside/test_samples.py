"""The dialog that shows samples: what the form asks for, epoch by epoch, and what is said when there is nothing to
show.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.i18n import tr
from desktop_trainer.insight import samples
from desktop_trainer.ui.inside.sample_grid import SampleGrid, Tile
from desktop_trainer.ui.inside.samples import SamplesDialog
from desktop_trainer.ui.language import apply_language
from desktop_trainer.ui.theme import apply_theme
from tests.ui.conftest import Opener

DIGITS: dict[str, Any] = {"data": {"dataset": "digits", "batch_size": 20}, "augmentation": {"shift": 3}}
DETAILS = Qt.ItemDataRole.ToolTipRole


def opened(qtbot: QtBot, window: Any) -> SamplesDialog:
    """The dialog, with what it shows at first."""
    window.actions_["look_at_samples"].trigger()
    dialog: SamplesDialog = window.findChildren(SamplesDialog)[-1]
    settled(qtbot, dialog)
    return dialog


def settled(qtbot: QtBot, dialog: SamplesDialog) -> None:
    """Wait until it shows what it should."""
    qtbot.waitUntil(
        lambda: not dialog._timer.isActive() and dialog._thread is None and dialog._wanted() == dialog._made_for,
        timeout=60_000,
    )


def names(dialog: SamplesDialog) -> list[str]:
    return [dialog.grid.item(row).text() for row in range(dialog.grid.count())]


def pictures(dialog: SamplesDialog) -> list[bytes]:
    return [tile.pixels.tobytes() for tile in dialog.grid._tiles]


def sheet_of(values: dict[str, Any], epoch: int) -> samples.SampleSheet:
    steps = samples.sample_sheet(parse_experiment(values), epoch, 32)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            sheet: samples.SampleSheet = end.value
            return sheet


def test_it_shows_the_samples_of_the_form_with_their_classes(qtbot: QtBot, open_window: Opener) -> None:
    """In the order of the sheet; a second call of the action shows no second dialog; Escape closes it."""
    window = open_window(DIGITS)
    dialog = opened(qtbot, window)
    sheet = sheet_of(DIGITS, 1)
    assert pictures(dialog) == [image.tobytes() for image in sheet.seen]
    assert names(dialog) == [sheet.class_names[label] for label in sheet.labels]
    assert f"Number {sheet.indices[4]} in the training set" in dialog.grid.item(4).data(DETAILS)
    assert "Samples 1 to 20 of the 20 in batch 1 of epoch 1" in dialog.words.text()
    assert "from 0.00 to 1.00, where 0 is black" in dialog.words.text()
    assert not dialog.isModal()
    window.actions_["look_at_samples"].trigger()
    assert len(window.findChildren(SamplesDialog)) == 1
    with qtbot.waitSignal(dialog.finished):
        qtbot.keyClick(dialog.epoch, Qt.Key.Key_Escape)


def test_the_epoch_and_the_form_change_it(qtbot: QtBot, open_window: Opener) -> None:
    """Enter behind a typed epoch does not close the dialog. What does not change the samples reads nothing again."""
    window = open_window(DIGITS)
    dialog = opened(qtbot, window)
    dialog.epoch.setFocus()
    dialog.epoch.selectAll()
    qtbot.keyClicks(dialog.epoch, "3\r")
    settled(qtbot, dialog)
    assert pictures(dialog) == [image.tobytes() for image in sheet_of(DIGITS, 3).seen]
    assert dialog.isVisible()
    window.form.set_value("augmentation.rotation", 90.0)
    window.form.set_value("data.normalization", "dataset")
    settled(qtbot, dialog)
    values = {"data": {**DIGITS["data"], "normalization": "dataset"}, "augmentation": {"shift": 3, "rotation": 90}}
    assert pictures(dialog) == [image.tobytes() for image in sheet_of(values, 3).seen]
    assert "normalized (mean " in dialog.words.text()
    before = dialog._sheet
    window.form.set_value("training.epochs", 7)
    settled(qtbot, dialog)
    assert dialog._sheet is before


def test_as_stored_shows_the_same_samples_unchanged(qtbot: QtBot, open_window: Opener) -> None:
    dialog = opened(qtbot, open_window(DIGITS))
    before = names(dialog)
    dialog.as_stored.setChecked(True)
    assert pictures(dialog) == [image.tobytes() for image in sheet_of(DIGITS, 1).stored]
    assert names(dialog) == before
    assert "without augmentation" in dialog.words.text()


def test_without_augmentation_it_says_so(qtbot: QtBot, open_window: Opener) -> None:
    """Else one would look for a difference."""
    assert "No augmentation is switched on." in opened(qtbot, open_window({"data": DIGITS["data"]})).words.text()


def test_missing_data_are_said_and_looked_for_again(qtbot: QtBot, open_window: Opener, tmp_path: Path) -> None:
    """When another dataset is chosen, the samples are there."""
    data = {"dataset": "fashion_mnist", "data_root": str(tmp_path)}
    window = open_window({"data": data, "model": "softmax"})
    dialog = opened(qtbot, window)
    assert "Download it" in dialog.words.text()
    assert dialog.words.property("role") == "problem"
    assert names(dialog) == []
    window.form.set_value("data.dataset", "digits")
    settled(qtbot, dialog)
    assert len(names(dialog)) == 32
    assert dialog.words.property("role") == ""


def test_settings_that_are_wrong_show_nothing(qtbot: QtBot, open_window: Opener) -> None:
    """And the action is not offered."""
    window = open_window(DIGITS)
    dialog = opened(qtbot, window)
    window.form.set_value("data.batch_size", 0)
    settled(qtbot, dialog)
    assert "the least is 1" in dialog.words.text()
    assert names(dialog) == []
    assert not window.actions_["look_at_samples"].isEnabled()
    window.form.set_value("data.batch_size", 5)
    settled(qtbot, dialog)
    assert len(names(dialog)) == 5
    assert window.actions_["look_at_samples"].isEnabled()


@pytest.mark.parametrize("close", ["dialog", "window"])
def test_it_closes_while_it_loads(
    qtbot: QtBot, open_window: Opener, monkeypatch: pytest.MonkeyPatch, close: str
) -> None:
    """It is gone from the screen at once, and no thread is left."""
    from desktop_trainer.engine.events import Loading

    read_to_the_end = []

    def slow(*_: Any) -> Any:
        for _step in range(1000):
            yield Loading("Reading", 0, 1)
            sleep(0.01)
        read_to_the_end.append(True)

    monkeypatch.setattr(samples, "sample_sheet", slow)
    window = open_window(DIGITS)
    window.actions_["look_at_samples"].trigger()
    dialog = window.findChild(SamplesDialog)
    qtbot.waitUntil(lambda: dialog.words.text() == "Reading", timeout=60_000)
    (dialog if close == "dialog" else window).close()
    assert not dialog.isVisible()
    if close == "dialog":
        qtbot.waitUntil(lambda: window.findChild(SamplesDialog) is None, timeout=60_000)
    assert read_to_the_end == []


def test_an_unexpected_error_is_introduced(qtbot: QtBot, open_window: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("nought")
        yield

    monkeypatch.setattr(samples, "sample_sheet", broken)
    assert "Something went wrong: ZeroDivisionError: nought" in opened(qtbot, open_window(DIGITS)).words.text()


def test_language_and_theme_change_while_it_is_open(qtbot: QtBot, qapp: QApplication, open_window: Opener) -> None:
    """Words that have been translated long ago are Chinese at once; images are what they were."""
    dialog = opened(qtbot, open_window(DIGITS))
    before = pictures(dialog)
    try:
        apply_language(qapp, "zh_CN")
        qtbot.waitUntil(lambda: dialog.grid.accessibleName() == tr("Training samples") != "Training samples")
        apply_theme(qapp, "dark")
        assert dialog.grab().toImage().pixelColor(3, 3).lightness() < 60
    finally:
        apply_language(qapp, "en")
        apply_theme(qapp, "light")
    assert dialog.grab().toImage().pixelColor(3, 3).lightness() > 200
    assert pictures(dialog) == before


@pytest.mark.parametrize("room", [QSize(400, 220), QSize(640, 400), QSize(1400, 300), QSize(1900, 1000)])
@pytest.mark.parametrize(("count", "height", "width"), [(32, 28, 28), (7, 8, 8), (1, 8, 8), (32, 300, 200)])
def test_all_images_are_in_sight(qtbot: QtBot, room: QSize, count: int, height: int, width: int) -> None:
    """None overlaps another. Small ones are scaled by whole numbers, larger ones keep their proportions."""
    grid = SampleGrid()
    qtbot.addWidget(grid)
    grid.resize(room)
    grid.show()
    grid.show_tiles([Tile(np.zeros((height, width, 3), np.uint8), "a rather long name", "")] * count)
    places = [grid.visualItemRect(grid.item(row)) for row in range(count)]
    assert all(grid.viewport().rect().contains(place) for place in places)
    assert not any(one.intersects(other) for row, one in enumerate(places) for other in places[:row])
    for row, place in enumerate(places):
        image = grid.item(row).data(Qt.ItemDataRole.DecorationRole)
        assert image.width() <= place.width()
        assert image.height() < place.height()
        if image.height() >= height:
            assert (image.height() % height, image.width() % width) == (0, 0)
        assert abs(image.width() / image.height() - width / height) < 0.1


def test_pixels_keep_their_colours_and_their_edges(qtbot: QtBot) -> None:
    """A grey and a coloured image of two pixels, enlarged."""
    grid = SampleGrid()
    qtbot.addWidget(grid)
    grid.show_tiles(
        [
            Tile(np.array([[[255], [10]]], np.uint8), "grey", ""),
            Tile(np.array([[[255, 0, 0], [0, 0, 200]]], np.uint8), "colours", ""),
        ]
    )
    found = [grid.item(row).data(Qt.ItemDataRole.DecorationRole).toImage() for row in range(2)]
    for image, colours in zip(found, [{"#ffffff", "#0a0a0a"}, {"#ff0000", "#0000c8"}], strict=True):
        row = [image.pixelColor(x, 0).name() for x in range(image.width())]
        assert set(row) == colours
        assert sum(one != other for one, other in pairwise(row)) == 1
