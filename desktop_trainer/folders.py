"""Where files are kept on this machine. Knows the file system and nothing of what is put there."""

import os
from pathlib import Path

import platformdirs

_APP = "desktop-trainer"


class NoSuchUser(Exception):
    """An environment variable names the home folder of a user that this machine does not have.

    Attributes:
        variable: its name. value: what it is.
    """

    def __init__(self, variable: str, value: str) -> None:
        super().__init__(f"{variable} is {value}: this machine has no such user.")
        self.variable, self.value = variable, value


def home() -> Path:
    """The folder of runs and data: ``DESKTOP_TRAINER_HOME``, else the platform's place for user data.

    Raises:
        NoSuchUser: see there.
    """
    return _named_by("DESKTOP_TRAINER_HOME") or platformdirs.user_data_path(_APP, appauthor=False)


def data_root(chosen: str = "") -> Path:
    """The folder of the datasets: `chosen`, else ``DESKTOP_TRAINER_DATA``, else ``data`` below `home`.

    Raises:
        NoSuchUser: see there; `chosen` is then taken as it is, as a shell does.
    """
    if chosen:
        return Path(os.path.expanduser(chosen))  # noqa: PTH111
    return _named_by("DESKTOP_TRAINER_DATA") or home() / "data"


def _named_by(variable: str) -> Path | None:
    value = os.environ.get(variable, "")
    try:
        return Path(value).expanduser() if value else None
    except RuntimeError as error:
        raise NoSuchUser(variable, value) from error


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
