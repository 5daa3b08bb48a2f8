"""Random numbers of augmentation: uniform, unrelated, and functions of their place alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from desktop_trainer.engine.randomness import Uniforms, _mixed_

CPU = torch.device("cpu")
COUNT = 60_000
FIVE_SIGMA = 5 / COUNT**0.5


def numbers(seed: int = 0, epoch: int = 0, columns: tuple[int, ...] = (0,)) -> NDArray[np.float64]:
    """Those of 60 000 samples: ``(columns, n)``."""
    return Uniforms(seed, epoch, columns, CPU)(torch.arange(COUNT)).double().numpy()


def test_the_mixing_is_lowbias32() -> None:
    """As its author wrote it, in whole numbers without end; also for the largest, whose products need 63 bits."""

    def lowbias32(x: int) -> int:
        x = ((x ^ x >> 16) * 0x7FEB352D) % 2**32
        x = ((x ^ x >> 15) * 0x846CA68B) % 2**32
        return x ^ x >> 16

    places = [*range(1000), *range(2**31 - 500, 2**31 + 500), *range(2**32 - 1000, 2**32)]
    assert _mixed_(torch.tensor(places)).tolist() == [lowbias32(place) for place in places]


@pytest.mark.parametrize("column", [0, 1, 17])
def test_the_numbers_are_uniform(column: int) -> None:
    """Mean, variance, and how many fall into each of 256 equal parts; none is 1."""
    found = numbers(seed=3, epoch=2, columns=(column,))[0]
    assert found.min() >= 0
    assert found.max() < 1
    assert abs(found.mean() - 0.5) < FIVE_SIGMA / 12**0.5
    assert abs(found.var() - 1 / 12) < FIVE_SIGMA / 180**0.5
    counts = np.bincount((found * 256).astype(int), minlength=256)
    chi_squared = float(((counts - COUNT / 256) ** 2).sum() / (COUNT / 256))
    assert abs(chi_squared - 255) < 5 * (2 * 255) ** 0.5
    assert len(np.unique(found)) > COUNT - 2 * COUNT**2 / 2**25, "24 bits are random, not fewer"


def related() -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Numbers that stand beside each other, in every sense."""
    all_columns = numbers(columns=tuple(range(18)))
    pairs = {f"columns {a} and {b}": (all_columns[a], all_columns[b]) for a in range(18) for b in range(a)}
    for lag in (1, 2, 8, 256, 1024):
        pairs[f"samples {lag} apart"] = all_columns[0, :-lag], all_columns[0, lag:]
    for epoch in (1, 2, 64):
        pairs[f"epochs 0 and {epoch}"] = all_columns[0], numbers(epoch=epoch)[0]
    for seed in (1, 2, 2**31 - 1):
        pairs[f"seeds 0 and {seed}"] = all_columns[0], numbers(seed=seed)[0]
    pairs["seed and epoch exchanged"] = numbers(seed=1, epoch=2)[0], numbers(seed=2, epoch=1)[0]
    return pairs


def test_neighbours_are_unrelated() -> None:
    """Neither they nor their distances from the middle are correlated: in sample, column, epoch or seed."""
    for name, (one, other) in related().items():
        assert abs(np.corrcoef(one, other)[0, 1]) < FIVE_SIGMA, name
        assert abs(np.corrcoef(abs(one - 0.5), abs(other - 0.5))[0, 1]) < FIVE_SIGMA, name


def test_a_number_depends_on_seed_epoch_sample_and_column_alone() -> None:
    """Whichever others are asked for with it, and in whichever order; no generator is touched."""
    before = torch.get_rng_state()
    uniforms = Uniforms(5, 7, range(18), CPU)
    whole, order = uniforms(torch.arange(1000)), torch.randperm(1000, generator=torch.Generator().manual_seed(0))
    assert whole.shape == (18, 1000)
    assert whole.dtype == torch.float32
    assert torch.equal(uniforms(order), whole[:, order])
    assert torch.equal(uniforms(torch.tensor([999])), whole[:, 999:])
    assert torch.equal(Uniforms(5, 7, (13, 2), CPU)(torch.arange(1000)), whole[[13, 2]])
    assert torch.equal(torch.get_rng_state(), before)


def test_the_indices_are_left_as_they_are() -> None:
    indices = torch.arange(100)
    Uniforms(0, 0, (0,), CPU)(indices)
    assert torch.equal(indices, torch.arange(100))
