"""A step that stops after each of its phases is the same step, and one that is left in the middle is finished."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from desktop_trainer.engine.step import Phase, Step

PLAIN = ["forward", "loss", "zero_grad", "backward", "step"]
IN_TWO = ["zero_grad", *["forward", "loss", "backward"] * 2, "step"]
WAYS_TO_STEP = [pytest.param(1, False, PLAIN), pytest.param(2, False, IN_TWO), pytest.param(2, True, IN_TWO)]


def drawing_step(parts: int, replayed: bool) -> tuple[nn.Module, Step]:
    """A step whose forward pass draws random numbers and changes buffers, and whose optimizer remembers."""
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 4))
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    return model, Step(model, nn.CrossEntropyLoss(), optimizer, parts, replayed=replayed)


def three_batches() -> list[tuple[Tensor, Tensor]]:
    drawn = torch.Generator().manual_seed(1)
    return [(torch.randn(7, 5, generator=drawn), torch.tensor([0, 1, 2, 3, 0, 1, 2])) for _ in range(3)]


def all_of(model: nn.Module, step: Step) -> list[Any]:
    """Every number on which the next batch depends."""
    remembered = [value for state in step.optimizer.state.values() for value in state.values()]
    gradients = [parameter.grad for parameter in model.parameters()]
    return [*model.state_dict().values(), *remembered, *gradients, torch.get_rng_state()]


def after_calls(parts: int, replayed: bool) -> tuple[list[Any], list[tuple[Tensor, Tensor]]]:
    model, step = drawing_step(parts, replayed)
    results = [step(images, labels) for images, labels in three_batches()]
    return all_of(model, step), results


@pytest.mark.parametrize(("parts", "replayed", "names"), WAYS_TO_STEP)
def test_a_step_phase_by_phase_is_the_same_step_bit_for_bit(parts: int, replayed: bool, names: list[str]) -> None:
    """Whoever stops after each phase sees each once, in order, and gets the loss and the logits of the whole batch."""
    wanted, results = after_calls(parts, replayed)
    model, step = drawing_step(parts, replayed)
    for (images, labels), (loss, logits) in zip(three_batches(), results, strict=True):
        phases, seen = step.phases(images, labels), list[Phase]()
        while True:
            try:
                seen.append(next(phases))
            except StopIteration as end:
                own_loss, own_logits = end.value
                break
            assert not step.consistent
        assert step.consistent
        assert [phase.name for phase in seen] == names
        assert [phase.part for phase in seen if phase.name == "loss"] == list(range(parts))
        assert torch.equal(own_loss, loss)
        assert torch.equal(own_logits, logits)
    assert all(map(torch.equal, all_of(model, step), wanted))


def test_a_phase_brings_what_was_computed_so_far() -> None:
    """Logits behind the forward pass, the loss behind the loss function; gradients are where PyTorch has them."""
    model, step = drawing_step(1, False)
    gradients = []
    for phase in step.phases(*three_batches()[0]):
        known = (phase.logits is not None, phase.loss is not None)
        assert known == (True, phase.name != "forward")
        gradients.append(model[0].weight.grad is not None)  # type: ignore[index]
    assert gradients == [False, False, False, True, True]


@pytest.mark.parametrize(("parts", "replayed", "names"), WAYS_TO_STEP)
def test_who_stops_inside_a_step_finishes_the_batch(parts: int, replayed: bool, names: list[str]) -> None:
    """After whichever phase: the next batch begins where that of an undisturbed step does, and can be saved before
    it.
    """
    wanted, _ = after_calls(parts, replayed)
    for done in range(1, len(names) + 1):
        model, step = drawing_step(parts, replayed)
        for images, labels in three_batches():
            phases = step.phases(images, labels)
            for _ in range(done):
                next(phases)
            assert not step.consistent
            phases.close()
            assert step.consistent
        assert all(map(torch.equal, all_of(model, step), wanted))


def test_phases_that_nobody_asks_for_do_nothing() -> None:
    model, step = drawing_step(1, False)
    before = [value.clone() for value in model.state_dict().values()]
    step.phases(*three_batches()[0]).close()
    assert step.consistent
    assert all(map(torch.equal, before, model.state_dict().values()))


@pytest.mark.parametrize("phased", [False, True])
def test_a_step_that_fails_is_not_consistent_until_one_succeeds(phased: bool) -> None:
    _, step = drawing_step(1, False)
    loss_fn, (batch, *_) = step.loss_fn, three_batches()
    step.loss_fn = lambda *_: 1 / 0  # type: ignore[assignment]
    with pytest.raises(ZeroDivisionError):
        list(step.phases(*batch)) if phased else step(*batch)
    assert not step.consistent
    step.loss_fn = loss_fn
    step(*batch)
    assert step.consistent
