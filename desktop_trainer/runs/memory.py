"""Sees before a large file is read whether there is memory for it. Knows sizes, no format."""

from __future__ import annotations

import errno
from pathlib import Path

from desktop_trainer.i18n import tr
from desktop_trainer.regular_files import Unfit


def check_memory(path: Path, needed: int) -> None:
    """See whether `needed` bytes are free.

    Raises:
        Unfit: if not, with ``ENOMEM``; it says how many are.
    """
    import torch

    from desktop_trainer.engine.placement import free_memory

    if needed > (free := free_memory(torch.device("cpu"))):
        why = tr("it needs about {needed} of memory, and {free} are free", needed=_size(needed), free=_size(free))  # fmt: skip
        raise Unfit(path, why, errno.ENOMEM)


def used_up(path: Path, needed: int) -> Unfit:
    """The error for a file for which memory was had no more, though it had seemed to be free."""
    return Unfit(path, tr("it needs about {needed} of memory, and so much was not free", needed=_size(needed)), errno.ENOMEM)  # fmt: skip


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
