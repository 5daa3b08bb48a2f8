"""A trained-looking model, for the tests of its file."""

from __future__ import annotations

import pytest
import torch

from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs.model_file import SavedModel


@pytest.fixture
def saved() -> SavedModel:
    """A LeNet for Fashion-MNIST with settings that are not the defaults."""
    values = {
        "data": {"dataset": "fashion_mnist", "batch_size": 17, "data_root": "/somewhere/of/mine"},
        "model": {"name": "lenet", "activation": "relu"},
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.5},
    }
    experiment = parse_experiment(values)
    torch.manual_seed(3)
    weights = experiment.model.build(experiment.data.info).state_dict()
    metrics = {"test_accuracy": 0.1 + 0.2, "epoch": 3}
    return SavedModel(experiment, weights, metrics, experiment.data.info.class_names)
