"""Compiles a model's forward and backward pass with ``torch.compile``, before the first batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from desktop_trainer.engine.arithmetic import Forward
from desktop_trainer.engine.devices import DeviceError
from desktop_trainer.engine.failures import out_of_memory
from desktop_trainer.i18n import tr

BACKEND = "inductor"
_CAPTURE = 3
"""Passes until a CUDA graph is replayed: one compiles, one warms up, one records."""


class CompileFailed(DeviceError):
    """The model could not be compiled on this machine."""


class Compiled:
    """The forward pass of `model`, compiled for batches of certain sizes; other batches run as they are.

    So the smaller last batch of an epoch never makes it compile again. The model stays the bare one: its `state_dict`
    has the usual names.

    Args:
        sizes: how many samples a batch to be compiled for has.

    Attributes:
        graphs: whether CUDA graphs replay it, which takes the launches of all operations at once.
    """

    def __init__(self, model: nn.Module, sizes: Collection[int], device: torch.device) -> None:
        self._model, self.sizes, self._device = model, frozenset(sizes), device
        self.graphs = device.type == "cuda" and _may_capture()
        torch.compiler.reset()  # else the models of earlier runs count towards the limit of recompilations
        mode = "reduce-overhead" if self.graphs else None
        self._fast: Forward = torch.compile(model, dynamic=False, mode=mode, backend=BACKEND)

    def __call__(self, images: Tensor) -> Tensor:
        """See `Forward`."""
        fast = len(images) in self.sizes
        logits: Tensor = self._fast(images) if fast else self._model(images)
        return logits.clone() if fast and self.graphs else logits  # a graph writes the next logits over these

    def rehearse(self, forward: Forward, loss_fn: Callable[[Tensor, Tensor], Tensor], shape: tuple[int, ...]) -> None:
        """Compile now, by passes through `forward` (this, with what is around it) that leave no trace.

        Args:
            shape: of one image.

        Raises:
            CompileFailed: if it cannot be compiled.
        """
        with _without_trace(self._model, self._device):
            try:
                for size in sorted(self.sizes):
                    images = torch.zeros(size, *shape, device=self._device)
                    labels = torch.zeros(size, dtype=torch.int64, device=self._device)
                    for _ in range(_CAPTURE if self.graphs else 1):
                        self._model.zero_grad()  # a graph must not find its own output, github.com/pytorch/pytorch/issues/169545
                        loss_fn(forward(images), labels).backward()  # type: ignore[no-untyped-call]
            except (RuntimeError, AssertionError) as error:
                if out_of_memory(error):
                    raise
                raise _failed(error) from error


def _may_capture() -> bool:
    # Before 2.15 a second thread that captures a graph fails: github.com/pytorch/pytorch/issues/123177.
    return threading.current_thread() is threading.main_thread() or torch.__version__ >= "2.15"


@contextmanager
def _without_trace(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Afterwards the model's buffers and the random numbers are as before, and no gradients are there."""
    before = [buffer.clone() for buffer in model.buffers()]
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        with torch.no_grad():
            for buffer, old in zip(model.buffers(), before, strict=True):
                buffer.copy_(old)
        model.zero_grad()


def _failed(error: Exception) -> CompileFailed:
    text = str(getattr(error, "inner_exception", error))  # what torch.compile wraps says more than the wrapper
    reason = next((line for line in text.splitlines() if line.strip()), type(error).__name__)
    return CompileFailed(
        tr("The model could not be compiled: {reason}.", reason=reason.rstrip(" .:")),
        tr("Install a C++ compiler and Python's header files, or switch the setting “Compile” off."),
    )
