"""``desktop-trainer list`` and ``batches``: what can be chosen, and the batch arithmetic."""

from __future__ import annotations

import json

from desktop_trainer.cli.text_table import wrapped
from desktop_trainer.experiment.batches import BatchPlan
from desktop_trainer.experiment.choices import REGISTRIES
from desktop_trainer.experiment.problems import ExperimentError, Problem
from desktop_trainer.experiment.recipes import recipes
from desktop_trainer.i18n import tr, trn

KINDS = (*REGISTRIES, "recipes")


def show_choices(kind: str | None) -> int:
    """Print what there is of `kind`, or of every kind: the name to give, and what it is."""
    for number, each in enumerate(KINDS if kind is None else (kind,)):
        if kind is None:
            print(("\n" if number else "") + each)
        for name, title, explanation in _rows(each):
            print(f"  {name:<20} {title}")
            print("\n".join(" " * 23 + line for line in wrapped(explanation, 77)))
        for failure in REGISTRIES[each].failures() if each in REGISTRIES else ():
            print(f"  ! {failure}")
    return 0


def _rows(kind: str) -> list[tuple[str, str, str]]:
    if kind == "recipes":
        return [(name, tr(item.title), tr(item.explanation)) for name, item in recipes().items()]
    return [(name, tr(item.label), tr(item.explanation)) for name, item in REGISTRIES[kind].items()]


def show_batches(samples: str, batch_size: str, *, drop_last: bool, as_json: bool) -> int:
    """Print how many batches an epoch has, and why.

    Raises:
        ExperimentError: if a number is not a whole one of at least 1.
    """
    plan = BatchPlan(_count("samples", samples), _count("batch_size", batch_size), drop_last)
    numbers = {"batches": plan.batches, "last_batch_size": plan.last_batch_size, "left_out": plan.left_out}
    if as_json:
        print(
            json.dumps(
                {
                    "samples": plan.samples,
                    "batch_size": plan.batch_size,
                    "drop_last": drop_last,
                    **numbers,
                    "formula": plan.formula,
                }
            )
        )
        return 0
    print(trn("{formula} batch an epoch", "{formula} batches an epoch", plan.batches, formula=plan.formula))
    if plan.batches == 0:
        print(tr("No batch: a training with these numbers is refused."))
        return 0
    full = trn(
        "{n} full batch of {batch_size}", "{n} full batches of {batch_size}", plan.full_batches, batch_size=batch_size
    )
    partial = plan.last_batch_size < plan.batch_size
    print(tr("{full}, the last batch has {last}", full=full, last=plan.last_batch_size) if partial else full)
    print(trn("{n} sample is left out of each epoch", "{n} samples are left out of each epoch", plan.left_out))
    return 0


def _count(name: str, text: str) -> int:
    if not text.removeprefix("-").isdecimal():
        raise ExperimentError([Problem(name, tr("{value} is not a whole number.", value=f"“{text}”"))])
    if int(text) < 1:
        raise ExperimentError([Problem(name, tr("{value} is too small; the least is {ge}.", value=text, ge=1))])
    return int(text)
