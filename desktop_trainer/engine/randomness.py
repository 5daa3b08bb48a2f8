"""Random numbers that are a pure function of seed, epoch, sample and purpose.

Counter-based, after Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011): a number is computed from its
place, not from the one before it. So it does not matter which samples are in a batch, in which order, or who asks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_PURPOSE = 1
"""Tells these numbers from those of the order of the samples, which have the same seed and epoch."""
_BITS = 0xFFFFFFFF


class Uniforms:
    """The numbers of one epoch, in [0, 1): for each sample one in each of `columns`, whatever the other columns are.

    Args:
        epoch: from 0.
        columns: which are wanted, each from 0.
        device: where the samples' indices will lie, and the numbers are made. All devices make the same.
    """

    def __init__(self, seed: int, epoch: int, columns: Sequence[int], device: torch.device) -> None:
        words = np.random.SeedSequence([seed, epoch, _PURPOSE]).generate_state(max(columns, default=0) + 2)
        self._key = int(words[0])
        self._column_keys = torch.tensor(words[1:][list(columns)].astype(np.int64), device=device)[:, None]

    def __call__(self, indices: Tensor) -> Tensor:
        """The numbers of these samples, float32 ``(columns, n)``, multiples of 2 ** -24.

        Args:
            indices: int64 ``(n,)``, from 0, below 2 ** 32.
        """
        samples = _mixed_(indices ^ self._key)
        return (_mixed_(samples ^ self._column_keys) >> 8).float().mul_(2**-24)


def _mixed_(x: Tensor) -> Tensor:
    """A bijection of the integers below 2 ** 32, in place, in which each bit of `x` flips every other bit half of
    the time.

    ``lowbias32`` by Chris Wellons, https://nullprogram.com/blog/2018/07/31/. int64 holds every product: the second
    factor, 0x846CA68B, is taken less 2 ** 32, which leaves the low 32 bits as they are.
    """
    x ^= x >> 16
    x *= 0x7FEB352D
    x &= _BITS
    x ^= x >> 15
    x *= 0x846CA68B - 2**32
    x &= _BITS
    x ^= x >> 16
    return x
