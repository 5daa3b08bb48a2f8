"""The summary of a model: the right numbers, and nothing else touched."""

from __future__ import annotations

from threading import Thread
from typing import Any, ClassVar, Literal

import pytest
import torch
from torch import nn

from desktop_trainer.experiment.choices import MODELS, ModelChoice
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.insight.summary import summarize


def experiment(model: Any, dataset: Any = "fashion_mnist") -> Experiment:
    return parse_experiment({"data": {"dataset": dataset}, "model": model})


@pytest.mark.parametrize("name", MODELS)
def test_a_summary_agrees_with_the_model_itself(name: str) -> None:
    """Counts, size and dotted names are those of the model that would be trained; the layers' counts add up."""
    settings = experiment(name)
    summary, model = summarize(settings), settings.model.build(settings.data.info)
    assert summary.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert summary.trainable_parameters == summary.parameters
    assert summary.size_bytes == sum(tensor.nbytes for tensor in model.state_dict().values())
    parts = dict(model.named_modules())
    leaves = [row for row in summary.layers if not list(parts[row.name].children())]
    assert sum(row.parameters for row in leaves) == summary.parameters
    assert {row.name for row in leaves} == {name for name, part in parts.items() if not list(part.children())}
    assert all(type(parts[row.name]).__name__ == row.kind for row in summary.layers)
    assert all(row.depth == row.name.count(".") + 1 for row in summary.layers)


@pytest.mark.parametrize("name", MODELS)
def test_output_shapes_are_those_of_a_forward_pass(name: str) -> None:
    settings = experiment(name, {"name": "synthetic", "channels": 3, "size": 32, "classes": 7})
    model = settings.model.build(settings.data.info).eval()
    seen: list[tuple[str, tuple[int, ...]]] = []
    for path, part in model.named_modules():
        if not list(part.children()):
            part.register_forward_hook(lambda _m, _i, out, path=path: seen.append((path, tuple(out.shape[1:]))))
    model(torch.rand(1, 3, 32, 32))
    rows = [(row.name, row.output_shape) for row in summarize(settings).layers]
    assert [row for row in rows if row[0] in dict(seen)] == seen


def test_lenet_on_fashion_mnist_reads_as_in_the_tutorial() -> None:
    summary = summarize(experiment("lenet"))
    shapes = [(row.kind, row.output_shape, row.parameters) for row in summary.layers if row.parameters]
    assert summary.parameters == 44_426
    assert shapes == [
        ("Conv2d", (6, 24, 24), 156),
        ("Conv2d", (16, 8, 8), 2416),
        ("Linear", (120,), 30_840),
        ("Linear", (84,), 10_164),
        ("Linear", (10,), 850),
    ]


@pytest.mark.parametrize("name", MODELS)
def test_a_summary_draws_no_random_number_and_prints_nothing(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A training in another thread shares torch's generator; its run would not be repeatable."""
    before = torch.get_rng_state()
    settings = experiment(name)
    summarize(settings)
    assert torch.equal(before, torch.get_rng_state())
    assert capfd.readouterr() == ("", "")
    settings.model.build(settings.data.info)
    assert not torch.equal(before, torch.get_rng_state()), "control: building it in earnest does draw"


def test_every_way_of_initialising_draws_nothing_in_a_summary() -> None:
    """Models of others may initialise themselves with any function of torch."""

    class Drawing(ModelChoice):
        name: Literal["drawing"] = "drawing"
        label: ClassVar[str] = "Drawing"

        def build(self, info: DataInfo) -> nn.Module:
            layer = nn.Linear(info.height * info.width, info.classes)
            for fill in (nn.init.kaiming_normal_, nn.init.orthogonal_, nn.init.trunc_normal_, nn.init.xavier_normal_):
                fill(layer.weight)
            return nn.Sequential(nn.Flatten(), nn.Dropout(), layer, nn.BatchNorm1d(info.classes))

    settings = Experiment.model_construct(**{**dict(experiment("lenet")), "model": Drawing()})
    before = torch.get_rng_state()
    assert [row.kind for row in summarize(settings).layers] == ["Flatten", "Dropout", "Linear", "BatchNorm1d"]
    assert torch.equal(before, torch.get_rng_state())


def test_other_threads_make_real_tensors_meanwhile() -> None:
    """The meta device is this thread's own: a training's tensors keep their numbers."""
    devices: list[str] = []

    class Spying(ModelChoice):
        name: Literal["spying"] = "spying"
        label: ClassVar[str] = "Spying"

        def build(self, info: DataInfo) -> nn.Module:
            other = Thread(target=lambda: devices.append(torch.ones(1).device.type))
            other.start()
            other.join()
            devices.append(torch.ones(1).device.type)
            return nn.Sequential(nn.Flatten(), nn.Linear(info.height * info.width, info.classes))

    summarize(Experiment.model_construct(**{**dict(experiment("lenet")), "model": Spying()}))
    assert devices == ["cpu", "meta"]


def test_a_model_of_four_billion_parameters_is_summarised_without_its_memory() -> None:
    """17 GB if it were built."""
    summary = summarize(experiment({"name": "mlp", "hidden_sizes": [65_536, 65_536]}))
    assert summary.parameters == 784 * 65_536 + 65_536 + 65_536**2 + 65_536 + 655_360 + 10
    assert summary.size_bytes == 4 * summary.parameters
