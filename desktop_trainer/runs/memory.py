"""Sees before a large file is read whether there is memory for it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desktop_trainer.i18n import tr
from desktop_trainer.regular_files import Unfit
from desktop_trainer.runs.files import SaveFailed


def check_memory(path: Path, needed: int) -> None:
    """See whether `needed` bytes are free.

    Raises:
        Unfit: if not, with ``ENOMEM``; it says how many are.
    """
    import torch

    from desktop_trainer.engine.memory import free_memory

    if needed > (free := free_memory(torch.device("cpu"))):
        why = tr("it needs about {needed} of memory, and {free} are free", needed=_size(needed), free=_size(free))
        raise Unfit(path, why, errno.ENOMEM)


def used_up(path: Path, needed: int) -> Unfit:
    """The error for a file for which memory was had no more, though it had seemed to be free."""
    return Unfit(
        path, tr("it needs about {needed} of memory, and so much was not free", needed=_size(needed)), errno.ENOMEM
    )


@contextmanager
def told_if_short() -> Iterator[None]:
    """In its block, which makes copies to be saved, a want of memory is a save that failed: nothing is lost by it.

    Raises:
        SaveFailed: then.
    """
    from desktop_trainer.engine.failures import out_of_memory

    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise SaveFailed(tr("There is not enough memory to save the run. Close other programs.")) from error


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
