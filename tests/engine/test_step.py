"""A step in other ways than the plain one: each does what its name says, and the run says that it was on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from desktop_trainer.engine import compiling
from desktop_trainer.engine.arithmetic import Arithmetic
from desktop_trainer.engine.compiling import Compiled, CompileFailed
from desktop_trainer.engine.devices import CannotCompute, FloatProducts
from desktop_trainer.engine.events import EpochEnded, Event, Loading, RunStarted
from desktop_trainer.engine.lines import start_line
from desktop_trainer.engine.step import Step, part_sizes, zero_grad
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.device_settings import DeviceSettings
from desktop_trainer.quantities import duration

CPU = torch.device("cpu")
COLOURS = {"name": "synthetic", "train_samples": 20, "test_samples": 4, "size": 8, "channels": 3}
GREY = {"name": "synthetic", "train_samples": 40, "test_samples": 10, "size": 16}


def started(events: list[Event]) -> RunStarted:
    return next(event for event in events if isinstance(event, RunStarted))


def linear_step(parts: int) -> tuple[nn.Linear, Step, list[int]]:
    """A step of a linear layer, and the sizes of the batches that its forward pass sees."""
    torch.manual_seed(3)
    model, seen = nn.Linear(5, 4), list[int]()

    def forward(images: Tensor) -> Tensor:
        seen.append(len(images))
        return model(images)  # type: ignore[no-any-return]

    return model, Step(forward, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 0.1), parts), seen


@pytest.mark.parametrize(("parts", "sizes"), [(1, [7]), (2, [4, 3]), (3, [3, 2, 2]), (7, [1] * 7), (99, [1] * 7)])
def test_the_parts_of_a_batch_add_up_to_its_mean_gradient(parts: int, sizes: list[int]) -> None:
    """Weighted by their sizes; no part is larger than it must be; loss and logits are those of the whole batch."""
    images, labels = torch.randn(7, 5), torch.tensor([0, 1, 2, 3, 0, 1, 2])
    model, step, seen = linear_step(parts)
    whole, whole_step, _ = linear_step(1)
    loss, logits = step(images, labels)
    whole_loss, whole_logits = whole_step(images, labels)
    assert seen == sizes == part_sizes(7, parts)
    torch.testing.assert_close(loss, whole_loss)
    torch.testing.assert_close(logits, whole_logits)
    assert model.weight.grad is not None
    torch.testing.assert_close(model.weight.grad, whole.weight.grad)
    torch.testing.assert_close(model.weight, whole.weight)
    if parts > 1:
        assert not loss.requires_grad
        assert not logits.requires_grad


def test_parts_change_neither_the_number_of_steps_nor_of_records(small: Any, rows: Any) -> None:
    """Each record is of a whole batch."""
    runs = [rows(list(Training(small(training={"batch_parts": parts})).events())) for parts in (1, 5)]
    columns = [list(zip(*run, strict=True)) for run in runs]
    assert columns[0][:2] == columns[1][:2]
    assert columns[0][4] == columns[1][4]
    assert columns[0][2] == pytest.approx(columns[1][2], rel=1e-5)
    assert columns[0][2] != columns[1][2]


RELU = {"name": "lenet", "activation": "relu"}
WAYS = [
    pytest.param(RELU, GREY, {"precision": "bf16"}, {}, "bf16", id="bf16"),
    pytest.param("resnet18", COLOURS, {"memory_format": "channels_last"}, {}, "channels_last", id="channels_last"),
    pytest.param(RELU, GREY, {"memory_format": "auto"}, {}, "channels_last", id="auto"),
    pytest.param(RELU, GREY, {}, {"fused": True}, "fused", id="fused"),
]


@pytest.mark.parametrize(("model", "dataset", "device", "options", "word"), WAYS)
def test_what_alters_results_is_off_unless_asked_for_and_then_said(
    small: Any, rows: Any, model: Any, dataset: Any, device: Any, options: Any, word: str
) -> None:
    """The numbers stay near the plain ones, and differ: else the setting would do nothing."""
    experiments = [
        small(model, {"name": "adam", **more}, dataset=dataset, batch_size=4, epochs=1, device=way)
        for way, more in (({}, {}), (device, options))
    ]
    trainings = [Training(experiment) for experiment in experiments]
    plain, other = (list(training.events()) for training in trainings)
    assert (started(plain).step, started(other).step) == ("", word)
    lines = [start_line(experiments[0], started(plain)), start_line(experiments[1], started(other))]
    assert lines[1] == f"{lines[0]}; computed with {word}"
    losses = [[row[2] for row in rows(events)] for events in (plain, other)]
    weights = [training.model.state_dict().values() for training in trainings]
    assert not all(map(torch.equal, *weights))
    assert losses[0][0] == pytest.approx(losses[1][0], rel=0.02)


def test_bf16_computes_the_layers_in_bfloat16_and_the_loss_in_float32(small: Any) -> None:
    """In training and evaluation; the parameters stay float32, and the consumer is not inside autocast."""
    training = Training(small("lenet", dataset=GREY, epochs=1, device={"precision": "bf16"}))
    layers, losses = set(), set()
    plain_loss = torch.nn.CrossEntropyLoss()

    def loss_fn(logits: Tensor, labels: Tensor) -> Tensor:
        losses.add(logits.dtype)
        return plain_loss(logits, labels)  # type: ignore[no-any-return]

    for event in training.events():
        assert not torch.is_autocast_enabled("cpu")
        if isinstance(event, RunStarted):
            training.loss_fn = loss_fn
            training.model.register_forward_hook(lambda model, _, out: layers.update({(model.training, out.dtype)}))
    assert layers == {(True, torch.bfloat16), (False, torch.bfloat16)}
    assert losses == {torch.float32}
    assert {parameter.dtype for parameter in training.model.parameters()} == {torch.float32}


def test_channels_last_holds_for_parameters_images_and_the_optimizers_memory(small: Any) -> None:
    """In training and evaluation."""
    layout = torch.channels_last
    device = {"memory_format": "channels_last"}
    training = Training(small("resnet18", "adam", dataset=COLOURS, batch_size=8, epochs=1, device=device))
    seen = set()
    for event in training.events():
        if isinstance(event, RunStarted):
            training.model.register_forward_pre_hook(
                lambda model, images: seen.update({(model.training, images[0].is_contiguous(memory_format=layout))})
            )
    assert seen == {(True, True), (False, True)}
    for parameter in training.model.parameters():
        if parameter.dim() == 4:
            assert parameter.is_contiguous(memory_format=layout)
            assert training.optimizer.state[parameter]["exp_avg"].is_contiguous(memory_format=layout)


@pytest.mark.parametrize(
    ("device", "precision", "chosen"),
    [
        ("cpu", "default", True),
        ("cuda", "default", True),
        ("cuda", "tf32", True),
        ("cuda", "float32", False),
        ("mps", "default", False),
    ],
)
def test_auto_is_channels_last_where_it_pays(
    monkeypatch: pytest.MonkeyPatch, device: str, precision: Any, chosen: bool
) -> None:
    """On CUDA only where convolutions round their factors, as an Ampere card does by default; and never for a model
    that gains nothing.
    """
    monkeypatch.setattr("desktop_trainer.engine.arithmetic._has_tf32", lambda each: each.type == "cuda")
    settings = DeviceSettings(memory_format="auto", precision=precision)
    for gains in (True, False):
        words = Arithmetic(settings, torch.device(device), gains=gains).words
        assert ("channels_last" in words) is (gains and chosen)
    plain = Arithmetic(DeviceSettings(precision=precision), torch.device(device), gains=True)
    assert "channels_last" not in plain.words


def test_where_nothing_is_asked_for_the_model_itself_is_called() -> None:
    """The plain step costs no wrapper."""
    model = nn.Flatten()
    assert Arithmetic(DeviceSettings(), CPU).forward_of(model) is model


def test_what_the_device_cannot_do_is_refused_before_anything_is_loaded(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TF32 is NVIDIA's; a device without bfloat16 says so."""
    asked = small(device={"precision": "tf32"})
    monkeypatch.setattr(type(asked.data.dataset), "load", None)
    with pytest.raises(CannotCompute, match=r"cpu has no TF32.*precision to default"):
        list(Training(asked).events())
    monkeypatch.setattr(torch.amp, "is_autocast_available", lambda _device: False)
    with pytest.raises(CannotCompute, match="cpu cannot compute with bfloat16"):
        list(Training(small(device={"precision": "bf16"})).events())


@pytest.mark.parametrize(("precision", "inside"), [("tf32", ("high", True)), ("float32", ("highest", False))])
def test_the_precision_of_products_is_put_back(
    monkeypatch: pytest.MonkeyPatch, precision: str, inside: tuple[str, bool]
) -> None:
    """The two switches are the process's; also after an error they are as before."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    with pytest.raises(ZeroDivisionError), FloatProducts(precision):  # noqa: PT012
        assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == inside
        raise ZeroDivisionError
    with FloatProducts("default"):
        assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == before
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == before


@pytest.fixture
def quick_compiler(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """torch.compile without a C++ compiler, which would take half a minute; gets the sizes that were compiled for."""
    from torch._dynamo.backends.debugging import aot_eager

    sizes: list[int] = []

    def backend(graph: Any, inputs: list[Tensor], **options: Any) -> Any:
        sizes.append(next(len(tensor) for tensor in inputs if not tensor.requires_grad))
        return aot_eager(graph, inputs, **options)

    monkeypatch.setattr(compiling, "BACKEND", backend)
    return sizes


def test_a_compiled_run_compiles_once_before_its_first_batch(small: Any, rows: Any, quick_compiler: list[int]) -> None:
    """For the full batch only: neither the smaller last batch nor the evaluation compiles anew; the time is told."""
    experiment = small("lenet", dataset=GREY, batch_size=16, device={"compile": True})
    training = Training(experiment)
    events = []
    for event in training.events():
        events.append(event)
        assert quick_compiler == ([] if isinstance(event, Loading) else [16])
    assert any("Compiling LeNet" in event.what for event in events if isinstance(event, Loading))
    begun = started(events)
    assert begun.step == "compiled"
    assert begun.compile_seconds > 0
    assert start_line(experiment, begun).endswith(f"compiling took {duration(begun.compile_seconds)}")
    plain = Training(small("lenet", dataset=GREY, batch_size=16))
    assert [row[2] for row in rows(events)] == pytest.approx([row[2] for row in rows(list(plain.events()))], rel=1e-5)
    assert list(training.model.state_dict()) == list(plain.model.state_dict())


def test_compiling_leaves_no_trace_in_the_model(quick_compiler: list[int]) -> None:
    """Parameters, the running means of batch norm, gradients, random numbers: all is as before."""
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    before, rng = {name: tensor.clone() for name, tensor in model.state_dict().items()}, torch.get_rng_state()
    compiled = Compiled(model, {4}, CPU)
    compiled.rehearse(compiled, nn.CrossEntropyLoss(), (2, 2, 2))
    assert quick_compiler == [4]
    assert torch.equal(torch.get_rng_state(), rng)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    compiled(torch.ones(4, 2, 2, 2))
    assert not torch.equal(torch.get_rng_state(), rng)
    assert not torch.equal(model[1].running_mean, before["1.running_mean"])  # type: ignore[arg-type]


def test_with_cuda_graphs_no_rehearsal_finds_the_gradients_of_the_one_before(quick_compiler: list[int]) -> None:
    """They lie where the next replay writes: github.com/pytorch/pytorch/issues/169545."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(8, 3))
    compiled = Compiled(model, {4}, CPU)
    compiled.graphs = True
    clean: list[bool] = []

    def loss_fn(logits: Tensor, labels: Tensor) -> Tensor:
        clean.append(all(parameter.grad is None for parameter in model.parameters()))
        return nn.functional.cross_entropy(logits, labels)

    compiled.rehearse(compiled, loss_fn, (2, 2, 2))
    assert clean == [True] * 3
    assert quick_compiler == [4]


def test_with_cuda_graphs_the_gradients_of_parts_are_set_aside_and_add_up_to_the_same_bits() -> None:
    """Each part begins without any; what the optimizer sees is what autograd itself adds up."""
    images, labels = torch.randn(7, 5), torch.tensor([0, 1, 2, 3, 0, 1, 2])
    (plain, plain_step, _), (model, step, _) = linear_step(3), linear_step(3)
    inner, clean = step.forward, list[bool]()

    def forward(images: Tensor) -> Tensor:
        clean.append(model.weight.grad is None)
        return inner(images)

    replayed = Step(forward, step.loss_fn, step.optimizer, 3, replayed=True)
    for _ in range(2):
        plain_step(images, labels)
        replayed(images, labels)
    assert clean == [True, True, True] * 2
    assert plain.weight.grad is not None
    assert model.weight.grad is not None
    assert torch.equal(model.weight.grad, plain.weight.grad)
    assert torch.equal(model.weight, plain.weight)


def test_a_compiled_batch_in_parts_compiles_for_the_parts(small: Any, quick_compiler: list[int]) -> None:
    """40 samples in batches of 20, each in 3 parts of 7, 7 and 6."""
    settings = {"dataset": GREY, "batch_size": 20, "training": {"batch_parts": 3}, "device": {"compile": True}}
    events = list(Training(small("lenet", **settings)).events())
    assert sorted(quick_compiler) == [6, 7]
    assert started(events).step == "compiled, batch_parts=3"
    assert sum(isinstance(event, EpochEnded) for event in events) == 2


def test_where_nothing_compiles_the_run_is_refused_before_it_trains(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cause and the two ways out are named."""

    def backend(*_: Any, **__: Any) -> Any:
        raise RuntimeError("No working C++ compiler found in nowhere.\nMore lines.")

    monkeypatch.setattr(compiling, "BACKEND", backend)
    training = Training(small(device={"compile": True}))
    with pytest.raises(CompileFailed, match=r"No working C\+\+ compiler found in nowhere\. Install .* or switch"):
        list(training.events())
    assert not training.started


def test_gradients_are_let_go_as_the_optimizer_itself_would() -> None:
    """In every group."""
    layers = nn.Linear(3, 2), nn.Linear(2, 1)
    optimizer = torch.optim.SGD([{"params": layer.parameters()} for layer in layers], lr=0.1)
    layers[1](layers[0](torch.ones(1, 3))).sum().backward()
    assert all(parameter.grad is not None for layer in layers for parameter in layer.parameters())
    zero_grad(optimizer)
    assert all(parameter.grad is None for layer in layers for parameter in layer.parameters())
