"""The batch arithmetic is PyTorch's: every count is compared with a real BatchSampler."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, SequentialSampler

from desktop_trainer.experiment.batches import BatchPlan

plans = st.builds(BatchPlan, st.integers(1, 3000), st.integers(1, 700), st.booleans())


def sampler(plan: BatchPlan) -> BatchSampler:
    return BatchSampler(SequentialSampler(range(plan.samples)), plan.batch_size, plan.drop_last)


@given(plans)
def test_counts_are_those_of_batch_sampler(plan: BatchPlan) -> None:
    batches = list(sampler(plan))
    assert plan.batches == len(sampler(plan)) == len(batches)
    assert plan.last_batch_size == (len(batches[-1]) if batches else 0)
    assert plan.left_out == plan.samples - sum(map(len, batches))
    assert plan.full_batches == sum(len(batch) == plan.batch_size for batch in batches)


@given(plans)
def test_bounds_cut_the_samples_as_batch_sampler_does(plan: BatchPlan) -> None:
    assert [list(range(*plan.bounds(number))) for number in range(plan.batches)] == list(sampler(plan))


@given(plans)
def test_formula_is_true(plan: BatchPlan) -> None:
    left, right = plan.formula.split(" = ")
    assert eval(left) == int(right) == plan.batches


def test_formula_shows_the_numbers_of_fashion_mnist() -> None:
    assert BatchPlan(60_000, 256).formula == "(60000 + 256 - 1) // 256 = 235"
    assert BatchPlan(60_000, 256, drop_last=True).formula == "60000 // 256 = 234"


@pytest.mark.parametrize(("samples", "batch_size"), [(0, 1), (1, 0), (-3, 2), (3, -2)])
def test_numbers_below_one_are_refused_by_value(samples: int, batch_size: int) -> None:
    with pytest.raises(ValueError, match=rf"samples \({samples}\) and batch_size \({batch_size}\)"):
        BatchPlan(samples, batch_size)
