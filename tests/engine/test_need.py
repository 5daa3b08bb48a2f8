"""What cannot fit is refused before anything is allocated; what fits is not, and does not wait for the answer."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, ClassVar, Literal

import pytest
import torch
from torch import nn

from desktop_trainer.engine import need as need_module
from desktop_trainer.engine.events import Loading, RunEnded, RunStarted
from desktop_trainer.engine.examination import check_fit
from desktop_trainer.engine.failures import OutOfMemory
from desktop_trainer.engine.need import check_memory, needed
from desktop_trainer.engine.step import Step
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.choices import ModelChoice
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment

CPU = torch.device("cpu")
INFO = DataInfo(60_000, 10_000, 1, 28, 28, tuple("0123456789"))
WIDE = {"name": "mlp", "hidden_sizes": [65_536] * 4}
MODELS = [
    "softmax",
    {"name": "mlp", "hidden_sizes": [64, 32], "dropout": 0.5},
    "lenet",
    "resnet18",
    "mobilenet_v3_small",
]


def experiment(model: Any = "lenet", optimizer: Any = "adam", **sections: Any) -> Experiment:
    data = {"image_size": 28, **sections.pop("data", {})}
    return parse_experiment({"model": model, "optimizer": optimizer, "data": data, **sections})


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function: let so many gigabytes be free."""

    def give(gigabytes: float, machine: float | None = None) -> None:
        def most(device: torch.device) -> int:
            chosen = gigabytes if machine is None or device.type != "cpu" else machine
            return int(chosen * 1e9)

        monkeypatch.setattr(need_module, "most_memory", most)

    return give


def test_a_giant_model_is_refused_with_both_numbers(free: Any) -> None:
    """12.9 billion parameters of 4 bytes, a gradient each, and two numbers that Adam remembers."""
    free(23)
    with pytest.raises(OutOfMemory) as refused:
        check_memory(experiment(WIDE), INFO, CPU)
    for part in ("needs about 207 GB", "23 GB are free on cpu", "52 GB for the parameters", "a smaller model"):
        assert part in str(refused.value)
    assert refused.value.needed == "207 GB"


def test_an_optimizer_that_remembers_nothing_is_named_where_it_helps(free: Any) -> None:
    free(150)
    with pytest.raises(
        OutOfMemory, match=r"SGD without momentum remembers nothing: with it, about 103 GB are enough\."
    ):
        check_memory(experiment(WIDE), INFO, CPU)
    check_memory(experiment(WIDE, "sgd"), INFO, CPU)


def test_a_giant_batch_is_refused_with_one_that_fits(free: Any) -> None:
    """The batch is never larger than the training set; what is proposed for it fits, the double does not."""
    free(23)
    giant = experiment("resnet18", data={"image_size": 512, "batch_size": 1_000_000})
    with pytest.raises(OutOfMemory, match="A batch of 60 000 samples takes") as refused:
        check_memory(giant, INFO.resized(512), CPU)
    fitting = refused.value.changes["data.batch_size"]
    assert f"Set the batch size to {fitting} or less" in str(refused.value)
    check_memory(experiment("resnet18", data={"image_size": 512, "batch_size": fitting}), INFO.resized(512), CPU)
    with pytest.raises(OutOfMemory):
        check_memory(
            experiment("resnet18", data={"image_size": 512, "batch_size": 2 * fitting}), INFO.resized(512), CPU
        )


def test_parts_of_a_batch_need_less(free: Any) -> None:
    free(23)
    check_memory(
        experiment("resnet18", data={"image_size": 512, "batch_size": 512}, training={"batch_parts": 64}),
        INFO.resized(512),
        CPU,
    )


def test_a_run_is_refused_before_its_model_and_its_data_are_there(monkeypatch: pytest.MonkeyPatch, free: Any) -> None:
    free(0.001)
    monkeypatch.setattr("desktop_trainer.engine.setup.load_split", pytest.fail)
    training = Training(experiment())
    with pytest.raises(OutOfMemory):
        assert all(isinstance(event, Loading) for event in training.events())
    assert not training.started


def test_a_model_is_built_in_the_machine_before_a_graphics_card_gets_it(free: Any) -> None:
    free(300, machine=50)
    with pytest.raises(OutOfMemory, match=r"about 52 GB of memory, and 50 GB are free on cpu"):
        check_memory(experiment(WIDE), INFO, torch.device("cuda:0"))
    free(300, machine=60)
    check_memory(experiment(WIDE), INFO, torch.device("cuda:0"))


@pytest.mark.parametrize(
    "optimizer", ["sgd", {"name": "sgd", "momentum": 0.9}, "adam", {"name": "adamw", "fused": True}]
)
@pytest.mark.parametrize("model", MODELS)
def test_it_is_what_a_step_takes(model: Any, optimizer: Any) -> None:
    """Parameters, gradients and the optimizer's memory to the byte; of the batch, what autograd keeps of a real
    pass.
    """
    chosen = experiment(model, optimizer, data={"batch_size": 8})
    need = needed(chosen, INFO)
    built = chosen.model.build(INFO)
    kept: dict[int, torch.Tensor] = {}
    step = Step(built, chosen.loss.build(), chosen.optimizer.build(built.parameters()))
    images, labels = torch.rand(8, 1, 28, 28), torch.arange(8)
    own = {tensor.untyped_storage().data_ptr() for tensor in (*built.parameters(), *built.buffers(), images, labels)}
    with torch.autograd.graph.saved_tensors_hooks(
        lambda each: kept.setdefault(each.untyped_storage().data_ptr(), each), lambda each: each
    ):
        step(images, labels)
    parameters = sum(tensor.nbytes for tensor in (*built.parameters(), *built.buffers()))
    gradients = sum(each.grad.nbytes for each in built.parameters() if each.grad is not None)
    states = [value for state in step.optimizer.state.values() for value in state.values()]
    remembered = sum(value.nbytes for value in states if isinstance(value, torch.Tensor) and value.numel() > 1)
    activations = sum(each.untyped_storage().nbytes() for address, each in kept.items() if address not in own)
    assert (need.parameters, need.gradients, need.optimizer) == (parameters, gradients, remembered)
    assert need.batch - images.nbytes * 5 // 4 == pytest.approx(activations, rel=0.02, abs=1000)


def test_bfloat16_halves_it_and_a_compiled_model_is_not_guessed() -> None:
    full, half, compiled = (
        needed(experiment("resnet18", device=device), INFO).batch
        for device in ({}, {"precision": "bf16"}, {"compile": True})
    )
    images = 256 * 28 * 28 * 5
    assert half - images == (full - images) // 2
    assert compiled == images


def test_a_small_model_does_not_wait_for_the_answer() -> None:
    """Nothing of what PyTorch would load to tell all shapes: that takes more than a second."""
    code = (
        "import sys, torch; from desktop_trainer.engine.need import check_memory, needed; "
        "from desktop_trainer.experiment.settings import Experiment; "
        "from desktop_trainer.experiment.problems import parse_experiment as parse; "
        "made = parse({'model': 'lenet', 'data': {'image_size': 28}}); "
        "before = set(sys.modules); check_memory(made, made.data.info, torch.device('cpu')); "
        "print({'torch._meta_registrations', 'torch._refs'} & (set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_nothing_is_drawn_for_it() -> None:
    """Else a run would depend on whether it was looked at."""
    before = torch.get_rng_state()
    needed(experiment(MODELS[1]), INFO)
    assert torch.equal(torch.get_rng_state(), before)


class Scaled(ModelChoice):
    """As a plug-in may be: it looks at numbers, in its constructor or in its forward pass."""

    name: Literal["scaled"] = "scaled"
    label: ClassVar[str] = "Scaled"
    when: str = "built"

    def build(self, info: DataInfo) -> nn.Module:
        looks = self.when == "run"

        class Scale(nn.Module):
            def forward(self, images: torch.Tensor) -> torch.Tensor:
                return images / max(float(images.max()), 1.0) if looks else images

        rate = torch.linspace(0, 0.5, 3).tolist()[-1] if not looks else 0.5
        size = info.channels * info.height * info.width
        return nn.Sequential(Scale(), nn.Flatten(), nn.Dropout(rate), nn.Linear(size, info.classes))


@pytest.mark.parametrize("when", ["built", "run"])
def test_a_model_that_looks_at_numbers_is_trained_and_goes_on(when: str, small: Any, free: Any) -> None:
    free(0.00057)  # so little that a glance does not do
    made = small("lenet", image_size=28).model_copy(update={"model": Scaled(when=when)})
    training = Training(made)
    list(training.events())
    check_fit(made, training.model.state_dict())
    again = Training(made)
    again.load_state(training.state())
    *_, ended = again.events()
    assert isinstance(ended, RunEnded)
    assert ended.outcome == "completed"


def test_what_is_frozen_needs_no_gradients() -> None:
    class Frozen(Scaled):
        def build(self, info: DataInfo) -> nn.Module:
            return super().build(info).requires_grad_(False)

    assert needed(experiment().model_copy(update={"model": Frozen(when="run")}), INFO).gradients == 0


def test_what_fits_begins(small: Any) -> None:
    events = Training(small("lenet", image_size=28)).events()
    assert any(isinstance(event, RunStarted) for event in events)
    events.close()
