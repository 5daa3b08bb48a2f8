"""What the machine allows: the bare arithmetic of an epoch on one fixed batch, and on CUDA the same as a captured
graph.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from desktop_trainer import folders
from desktop_trainer.benchmark.workloads import Workload
from desktop_trainer.engine.data import InMemory, resized
from desktop_trainer.engine.devices import choose_device
from desktop_trainer.engine.images.transforms import ToFloat
from desktop_trainer.experiment.settings import Experiment

_WARM_UP = 3
"""Steps before a capture, as PyTorch's notes on CUDA graphs ask for: lazy initialisation must not be captured."""


class FixedBatch:
    """One batch that lies on the device, ready as floats, and the phases of a step on it."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self.device = choose_device(experiment.device.name)
        data = experiment.data
        images, labels = data.dataset.load(folders.data_root(data.data_root), train=True)
        images, labels = resized(images, data.image_size).to(self.device), labels.to(self.device)
        train = InMemory(images, labels, data.train_plan)
        self.batches = train.plan.batches
        self.images, self.labels = next(train.batches(ToFloat(self.device)))
        self.loss_fn = experiment.loss.build()

    def build(self) -> tuple[nn.Module, Optimizer]:
        """A fresh model: one that has seen the batch too often computes with denormal numbers, which are slow."""
        torch.manual_seed(self._experiment.training.seed)
        model = self._experiment.model.build(self._experiment.data.info)
        self._experiment.initializer.apply(model)
        model.to(self.device)
        return model, self._experiment.optimizer.build(model.parameters())

    def step(self, model: nn.Module, optimizer: Optimizer) -> Tensor:
        """One training step; returns its loss."""
        loss: Tensor = self.loss_fn(model(self.images), self.labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss

    def synchronize(self) -> None:
        """Wait until the device has done all that it was told."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()


def measured_fixed_batch(workload: Workload) -> Callable[[], dict[str, float]]:
    """A contender: as many steps as the epochs of a repetition have; seconds an epoch."""
    batch = FixedBatch(workload.experiment)
    steps = workload.epochs * batch.batches

    def run() -> dict[str, float]:
        model, optimizer = batch.build()
        batch.synchronize()
        began = perf_counter()
        for _ in range(steps):
            batch.step(model, optimizer)
        batch.synchronize()
        return {"training": (perf_counter() - began) / workload.epochs}

    return run


def measured_graph(workload: Workload) -> Callable[[], dict[str, float]]:
    """A contender for CUDA: the step captured once as a graph, then replayed; capturing is not counted.

    After "Whole-network capture" in https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs.
    """
    step = CapturedStep(FixedBatch(workload.experiment))
    steps = workload.epochs * step.batch.batches

    def run() -> dict[str, float]:
        step.batch.synchronize()
        began = perf_counter()
        for _ in range(steps):
            step.graph.replay()
        step.batch.synchronize()
        return {"training": (perf_counter() - began) / workload.epochs}

    return run


class CapturedStep:
    """A step as a CUDA graph. It keeps the model and the optimizer, because the graph works in their memory."""

    def __init__(self, batch: FixedBatch) -> None:
        self.batch = batch
        self.model, self.optimizer = batch.build()
        for group in self.optimizer.param_groups:
            if "capturable" in group:
                group["capturable"] = True
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(batch.device):
            self._warm_up()
            self.optimizer.zero_grad()
            with torch.cuda.graph(self.graph):
                batch.step(self.model, self.optimizer)

    def _warm_up(self) -> None:
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UP):
                self.batch.step(self.model, self.optimizer)
        torch.cuda.current_stream().wait_stream(side)
