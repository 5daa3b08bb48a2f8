"""The settings of the form at the next start, and files of them that cannot be used."""

import json
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from tests.ui.conftest import Opener, child
from tests.ui.live.test_continuing import ENDLESS


def test_the_next_start_shows_the_last_settings_and_starts_nothing(open_window: Opener, home: Path) -> None:
    first = open_window()
    first.form.set_value("data.batch_size", 37)
    first.form.set_value("device.threads", 1)
    first.close()
    again = open_window()
    assert again.form.experiment == first.form.experiment
    assert again.form.experiment.data.batch_size == 37
    assert not again.session.active
    assert not again.banner.isVisible()


def test_it_is_written_soon_after_an_edit_not_only_at_the_end(qtbot: QtBot, open_window: Opener, home: Path) -> None:
    """A crash must not cost the settings."""
    window = open_window()
    window.form.set_value("data.batch_size", 37)
    qtbot.waitUntil((home / "session.json").exists)
    assert json.loads((home / "session.json").read_text())["experiment"]["data"]["batch_size"] == 37


def test_what_was_trained_is_there_at_the_next_start_also_if_nothing_was_edited(
    qtbot: QtBot, open_window: Opener, home: Path
) -> None:
    """The command line can say what the form begins with."""
    window = open_window(ENDLESS)
    window.actions_["start"].trigger()
    window.session.stop()
    qtbot.waitUntil(lambda: not window.session.active, timeout=60_000)
    window.close()
    assert open_window().form.experiment == window.form.experiment


def test_wrong_settings_are_not_kept_the_last_right_ones_are(open_window: Opener) -> None:
    window = open_window()
    window.form.set_value("data.batch_size", 37)
    window.last_session.save()
    window.form.set_value("data.batch_size", 0)
    window.close()
    assert open_window().form.experiment.data.batch_size == 37


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"\xff\xfe\x00",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b" " * 2_000_000,
        b'{"format": 99, "experiment": {}}',
        b'{"format": 1, "experiment": {"optimizer": {"name": "adam", "lr": 0}}}',
        b'{"format": 1, "experiment": {"data": {"batch_size": "many"}}}',
        b'{"format": 1, "experiment": {"model": {"name": "no_such_model"}}}',
    ],
)
def test_a_file_that_cannot_be_used_is_kept_aside_and_said(open_window: Opener, home: Path, content: bytes) -> None:
    """The first recipe is there instead; what the user had is not deleted."""
    home.mkdir()
    (home / "session.json").write_bytes(content)
    window = open_window()
    assert window.form.experiment.optimizer.lr > 0
    assert child(window, QLabel, "banner_text").text().startswith("The settings of the last session cannot be used")
    assert (home / "session.unusable.json").read_bytes() == content
    assert str(home / "session.unusable.json") in window.banner.text


def test_a_second_unusable_file_does_not_replace_the_first(open_window: Opener, home: Path) -> None:
    home.mkdir()
    for content in (b"one", b"two"):
        (home / "session.json").write_bytes(content)
        open_window().close()
    assert (home / "session.unusable.json").read_bytes() == b"one"
    assert (home / "session.unusable 2.json").read_bytes() == b"two"


def test_a_folder_that_cannot_be_written_is_said_and_the_window_lives(open_window: Opener, home: Path) -> None:
    window = open_window()
    (home / "session.json").mkdir(parents=True)
    window.form.set_value("data.batch_size", 37)
    window.last_session.save()
    assert "next start" in window.banner.text
    assert window.form.experiment.data.batch_size == 37
