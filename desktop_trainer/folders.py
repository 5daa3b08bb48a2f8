"""Where files are kept on this machine."""

import os
from contextlib import suppress
from pathlib import Path

import platformdirs

_APP = "desktop-trainer"
_NETWORK_PATHS = os.name == "nt"
"""Whether two slashes at the beginning name another computer: Windows logs on there as soon as the path is looked
at.
"""


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


def other_computer(path: str) -> str:
    r"""The computer that a path such as ``\\\\name\\share`` names, whichever slashes it has; empty for a path on
    this one.
    """
    parts = path.strip().replace("/", "\\").split("\\")
    if len(parts) < 3 or parts[0] or parts[1]:
        return ""
    if parts[2] not in ("?", "."):
        return parts[2]
    device = parts[3] if len(parts) > 3 else ""
    if device.casefold() == "unc":
        return parts[4] if len(parts) > 4 else ""
    return "" if device[1:2] == ":" else device


def unasked_computer(path: str) -> str:
    """The other computer that opening `path` would log on to, if the user has never named it here; else empty."""
    computer = other_computer(path) if _NETWORK_PATHS else ""
    return computer if computer.casefold() not in _named_computers() else ""


def name_computer(path: str) -> None:
    """The user himself gave `path`: from now on files from elsewhere may name its computer, too."""
    if computer := unasked_computer(path):
        with suppress(OSError):
            home().mkdir(parents=True, exist_ok=True)
            with _computers_file().open("a", encoding="utf-8") as file:
                file.write(computer.casefold() + "\n")


def _named_computers() -> list[str]:
    try:
        return _computers_file().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _computers_file() -> Path:
    return home() / "computers.txt"


def resources() -> Path:
    """Icons, translations and recipes: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parent
    beside = package.parent / "resources"
    return beside if (beside / "i18n").is_dir() else package / "resources"
