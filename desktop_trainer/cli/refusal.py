"""How a command ends early: a message and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Refused(Exception):
    """The command cannot go on; the text says what happened, why, and what to do.

    Attributes:
        code: the process's exit code: 2 for bad input, 1 for what went wrong later.
    """

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def refusing() -> Iterator[None]:
    """In its block the errors that explain themselves become `Refused`; others are faults of this program."""
    from desktop_trainer.engine.devices import DeviceError
    from desktop_trainer.engine.weights import ModelMismatch, StateMismatch
    from desktop_trainer.files.errors import DataError
    from desktop_trainer.runs.checkpoint_errors import CheckpointError
    from desktop_trainer.runs.files import SaveFailed
    from desktop_trainer.runs.lock import RunBusy
    from desktop_trainer.runs.model_errors import ModelFileError
    from desktop_trainer.runs.run_folder import NotARun

    told = (
        DataError,
        DeviceError,
        ModelMismatch,
        StateMismatch,
        SaveFailed,
        ModelFileError,
        CheckpointError,
        RunBusy,
        NotARun,
    )

    try:
        yield
    except told as error:
        raise Refused(str(error)) from error
