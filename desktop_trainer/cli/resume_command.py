"""The command by which a run goes on, to be typed as it is printed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from desktop_trainer.cli.parser import flag_name
from desktop_trainer.cli.text_table import clean


def resume_command(run: str, changes: Mapping[str, Any] | None = None) -> str:
    """Let the run called `run` go on, with `changes` of settings by dotted path."""
    flags = [f"--{flag_name(path.rpartition('.')[2])} {value}" for path, value in (changes or {}).items()]
    return " ".join(["desktop-trainer", "resume", shlex.quote(clean(run)), *flags])
