"""Fixtures for every test: an empty home for the program, and the real data where there are any."""

import os
from pathlib import Path

import pytest

from desktop_trainer import i18n


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program's own folder, new and empty for each test; English; no data folder from the environment."""
    folder = tmp_path / "home"
    monkeypatch.setenv("DESKTOP_TRAINER_HOME", str(folder))
    monkeypatch.delenv("DESKTOP_TRAINER_DATA", raising=False)
    i18n.set_language("en")
    return folder


@pytest.fixture
def real_data() -> Path:
    """The folder with the real Fashion-MNIST."""
    folder = os.environ.get("DESKTOP_TRAINER_TEST_DATA")
    if not folder:
        pytest.skip("DESKTOP_TRAINER_TEST_DATA does not name a folder with the real Fashion-MNIST")
    return Path(folder)
