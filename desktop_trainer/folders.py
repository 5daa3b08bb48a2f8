"""Where files are kept on this machine. Knows the file system and nothing of what is put there."""

import os
from pathlib import Path

import platformdirs

_APP = "desktop-trainer"


def home() -> Path:
    """The folder of runs and data: ``DESKTOP_TRAINER_HOME``, else the platform's place for user data."""
    chosen = os.environ.get("DESKTOP_TRAINER_HOME")
    return Path(chosen).expanduser() if chosen else platformdirs.user_data_path(_APP, appauthor=False)


def data_root(chosen: str = "") -> Path:
    """The folder of the datasets: `chosen`, else ``DESKTOP_TRAINER_DATA``, else ``data`` below `home`."""
    folder = chosen or os.environ.get("DESKTOP_TRAINER_DATA", "")
    return Path(folder).expanduser() if folder else home() / "data"


def runs() -> Path:
    """The folder that holds one folder a run."""
    return home() / "runs"


def log_file() -> Path:
    """Where the window writes down what went wrong."""
    return home() / "desktop-trainer.log"


def resources() -> Path:
    """Icons, translations and recipes: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parent
    beside = package.parent / "resources"
    return beside if (beside / "i18n").is_dir() else package / "resources"
