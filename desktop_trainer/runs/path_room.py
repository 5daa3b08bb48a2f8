"""How long a run's name can be where paths are bounded."""

from __future__ import annotations

from pathlib import PurePath, PureWindowsPath

from desktop_trainer.runs.run_folder import CHECKPOINTS

DEEPEST = f"{CHECKPOINTS}/00001 epoch 100000 batch 1000000000/.0123456789abcdef.tmp"
"""A file of a checkpoint while it is written; no other name of a run's files is longer."""
BIN_PLACE = ".bin/0123456789abcdef"
"""Where a discarded run lies, below the folder of the runs."""
_WINDOWS_PATH = 259
"""The most characters of a path that every Windows takes."""
_NUMBER = " 999"
"""What is added to a name that there is already."""
_SHORTEST = 24
"""Below that no name tells anything: a folder of runs that lies so deep must be moved."""


def longest_name(runs: PurePath) -> int | None:
    """How many UTF-16 units the name of a run in `runs` can have; None where only its own length counts, not the
    path's.
    """
    if not isinstance(runs, PureWindowsPath):
        return None
    taken = len(str(runs / BIN_PLACE)) + len(f"/{_NUMBER}/{DEEPEST}")
    return max(_WINDOWS_PATH - taken, _SHORTEST)


def too_long(name: str, runs: PurePath) -> bool:
    """Whether files of a run called `name` in `runs` would have paths that the system does not take."""
    most = longest_name(runs)
    return most is not None and _units(name) > most


def shortened(name: str, runs: PurePath) -> str:
    """The beginning of `name` that is not too long."""
    while too_long(name, runs):
        name = name[:-1].rstrip(" .")
    return name


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2
