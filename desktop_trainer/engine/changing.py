"""Changes the settings of a setup between two batches, as if it had been saved and gone on with the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from desktop_trainer.engine.images.transforms import Transforms
from desktop_trainer.engine.setup import Setup
from desktop_trainer.experiment.choices import OptimizerChoice
from desktop_trainer.experiment.settings import Experiment


def changed(setup: Setup, experiment: Experiment) -> Setup:
    """`setup` with the settings of `experiment`; its optimizer is the same one, which has the others from now on.

    Only the optimizer's numbers, the augmentation, epochs and patience may be others: all else stays as it was built.
    """
    before, transforms = setup.experiment, setup.transforms
    for group in setup.optimizer.param_groups:
        group.update(changed_options(before.optimizer, experiment.optimizer))
    if before.augmentation != experiment.augmentation:
        transforms = Transforms(experiment, setup.info, setup.device, transforms.measured)
    return replace(setup, experiment=experiment, transforms=transforms)


def changed_options(before: OptimizerChoice, after: OptimizerChoice) -> dict[str, Any]:
    """What `after` says of each group of parameters and `before` does not.

    Only that: what the training itself has changed since, such as a learning rate, stays as it is.
    """
    old, new = _options(before), _options(after)
    return {key: value for key, value in new.items() if key != "params" and old.get(key) != value}


def _options(optimizer: OptimizerChoice) -> dict[str, Any]:
    """What a new optimizer says of its parameters."""
    return optimizer.build([torch.nn.Parameter(torch.zeros(1))]).param_groups[0]
