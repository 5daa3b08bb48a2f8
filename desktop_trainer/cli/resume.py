"""``desktop-trainer resume``: finds the run and what can be changed in it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from desktop_trainer.cli.find_run import find_folder
from desktop_trainer.cli.refusal import Refused, refusing
from desktop_trainer.cli.resume_command import resume_command
from desktop_trainer.experiment.fields import Setting, settings_of
from desktop_trainer.experiment.keeping import is_fixed
from desktop_trainer.i18n import tr
from desktop_trainer.runs.continuing import EPOCHS, propose
from desktop_trainer.runs.lost import known_settings
from desktop_trainer.runs.run_folder import NotARun


def resume(run: str, changes: Mapping[str, Any], checkpoint: str | None, *, as_json: bool) -> int:
    """Let the run called `run` go on, to its end or until a signal; returns the exit code.

    Raises:
        Refused: if there is no such run, or it cannot go on; what was trained until then is kept.
        ExperimentError: if the changes cannot be made in a run that goes on.
    """
    from desktop_trainer.cli.train import follow

    folder = find_folder(run)

    def make() -> Any:
        from desktop_trainer.runs.moved import FolderMoved
        from desktop_trainer.runs.resume import reopen

        try:
            with refusing():
                return reopen(folder, changes, checkpoint=checkpoint)
        except Refused as error:
            if isinstance(error.__cause__, FolderMoved):
                raise Refused(f"{error}\n{resume_command(run)} --folder FOLDER") from error
            raise

    with refusing():
        needed = {} if EPOCHS in changes or checkpoint else propose(folder, None).needed
    if needed:
        command = resume_command(run, needed)
        print(
            f"desktop-trainer: {tr('The run has done all of its epochs. To train it further: {command}', command=command)}",
            file=sys.stderr,
        )
    return follow(make, None, as_json=as_json)


def changeable(argv: list[str]) -> tuple[list[Setting], dict[str, Any]]:
    """The settings that the run named in `argv` can go on with, and their values; without a run, those of any run.

    Raises:
        Refused: if there is no such run.
    """
    after = argv[argv.index("resume") + 1 :]
    values: dict[str, Any] = {}
    if after and not after[0].startswith("-"):
        try:
            values = dict(known_settings(find_folder(after[0])))
        except NotARun as error:
            raise Refused(str(error)) from error
    return [item for item in settings_of(values) if not is_fixed(item.path)], values
