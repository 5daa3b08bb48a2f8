"""The exponential moving average behind the smoothed curves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WIDTH = 64

Floats = NDArray[np.float64]


def decayed_sums(values: Floats, decay: float, start: float) -> Floats:
    """``s[t] = decay * s[t - 1] + values[t]`` with ``s[-1] = start``, for ``(n,)`` finite values.

    Cut into rows, in each of which the sums reach twice as far back at every pass (Hillis and Steele, 1986); what the
    rows hand on to each other is the same recurrence again, with the decay of a whole row. So nothing under- or
    overflows, a million values take some milliseconds, and no BLAS thread disturbs the training.
    """
    count = len(values)
    rows = np.zeros((-(-count // _WIDTH), _WIDTH))
    rows.reshape(-1)[:count] = values
    reach = 1
    while reach < min(_WIDTH, count):
        rows[:, reach:] += decay**reach * rows[:, :-reach]
        reach *= 2
    before = np.array([start])
    if len(rows) > 1:
        before = np.concatenate((before, decayed_sums(rows[:-1, -1].copy(), decay**_WIDTH, start)))
    rows += before[:, None] * decay ** np.arange(1.0, _WIDTH + 1.0)
    return rows.reshape(-1)[:count]


def running_sums(
    values: NDArray[np.float32], smoothing: float, start: tuple[float, int]
) -> tuple[Floats, NDArray[np.int64]]:
    """The sums of an exponential moving average after each value, and how many finite values each holds.

    Args:
        values: ``(n,)``; one that is not finite leaves the average as it is.
        smoothing: what stays of the past at each value, in [0, 1).
        start: sum and number after the values that came before; ``(0.0, 0)`` if there were none.
    """
    finite = np.isfinite(values)
    kept = values if finite.all() else values[finite]
    sums = decayed_sums((1.0 - smoothing) * kept.astype(np.float64), smoothing, start[0])
    if len(kept) == len(values):
        return sums, start[1] + np.arange(1, len(values) + 1)
    seen = np.cumsum(finite)
    return np.concatenate(([start[0]], sums))[seen], start[1] + seen


def corrected(sums: Floats, counts: NDArray[np.integer], smoothing: float) -> Floats:
    """The averages themselves: each sum over the weight that its values have together, ``1 - smoothing ** count``.

    This is the bias correction of Adam (Kingma and Ba, 2015, section 3): the first average is the first value. Where
    no value was seen it is NaN.
    """
    weights = 1.0 - np.power(smoothing, counts.astype(np.float64))
    averages = np.full(len(sums), np.nan)
    np.divide(sums, weights, out=averages, where=counts > 0)
    return averages
