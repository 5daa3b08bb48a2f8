"""How a model is computed: the layout of its images, the precision of its products."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from desktop_trainer.engine.devices import CannotCompute, FloatProducts, check_threads
from desktop_trainer.experiment.device_settings import DeviceSettings
from desktop_trainer.i18n import tr

Forward: TypeAlias = Callable[[Tensor], Tensor]
"""From float images ``(n, channels, height, width)`` to logits ``(n, classes)``, float32."""
_TF32_BY_DEFAULT = "tf32 convolutions"
_ROUNDED = {_TF32_BY_DEFAULT, "tf32", "bf16"}


class Arithmetic:
    """The experiment's way of computing on `device`.

    Args:
        gains: see `ModelChoice.channels_last`.

    Attributes:
        products: to be held while the model computes, never across a ``yield``.
        words: what of it can alter the last digits of results, by its usual names.

    Raises:
        CannotCompute: if the device cannot, or the system does not give so many threads.
    """

    def __init__(self, settings: DeviceSettings, device: torch.device, *, gains: bool = False) -> None:
        _check(settings.precision, device)
        check_threads(settings.threads)
        words = _products(settings.precision, device)
        auto = settings.memory_format == "auto" and channels_last_pays(gains, device.type, words)
        self._device, self.products = device, FloatProducts(settings.precision)
        self._channels_last = auto or settings.memory_format == "channels_last"
        self._bf16 = settings.precision == "bf16"
        self.words = [*words, *(["channels_last"] if self._channels_last else [])]

    def place(self, model: nn.Module) -> None:
        """Move `model` to the device, in the layout asked for."""
        if self._channels_last:
            model.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        else:
            model.to(self._device)

    def forward_of(self, model: Forward) -> Forward:
        """`model`, computed in this way; where nothing was asked for it is `model` itself."""
        inner = self._in_channels_last(model) if self._channels_last else model
        return self._in_bf16(inner) if self._bf16 else inner

    def _in_channels_last(self, model: Forward) -> Forward:
        def forward(images: Tensor) -> Tensor:
            return model(images.contiguous(memory_format=torch.channels_last))

        return forward

    def _in_bf16(self, model: Forward) -> Forward:
        def forward(images: Tensor) -> Tensor:
            with torch.autocast(self._device.type, torch.bfloat16):
                logits = model(images)
            return logits.float()

        return forward


def channels_last_pays(gains: bool, device_type: str, products: Collection[str]) -> bool:
    """Whether ``auto`` is channels_last: for a model that `gains`, on the CPU, and on CUDA where products round
    their factors.

    On CUDA the gain is that of Tensor Cores; on other devices none is known.
    Source: https://docs.pytorch.org/tutorials/intermediate/memory_format_tutorial.html#performance-gains

    Args:
        products: the precision, in the words of `Arithmetic.words`.
    """
    rounded = not _ROUNDED.isdisjoint(products)
    return gains and (device_type == "cpu" or (device_type == "cuda" and rounded))


def lay_out(optimizer: Optimizer) -> None:
    """Give the optimizer's tensors the layout of their parameters: a file keeps numbers, not layouts, and sums
    depend on it.
    """
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.stride() != parameter.stride():
                state[name] = torch.empty_like(parameter).copy_(value)


def _products(precision: str, device: torch.device) -> list[str]:
    """What is to be said of the precision: on the CPU ``float32`` is what it is anyway."""
    if precision == "default":
        return [_TF32_BY_DEFAULT] if _has_tf32(device) and torch.backends.cudnn.allow_tf32 else []
    return [precision] if precision != "float32" or _has_tf32(device) else []


def _has_tf32(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)


def _check(precision: str, device: torch.device) -> None:
    advice = tr("Set the precision to default, or choose another device.")
    if precision == "tf32" and not _has_tf32(device):
        text = tr(
            "The device {device} has no TF32: NVIDIA's graphics cards have it from the Ampere series on.", device=device
        )
        raise CannotCompute(text, advice)
    if precision != "bf16":
        return
    able = torch.amp.is_autocast_available(device.type)
    if device.type == "cuda":
        able = torch.cuda.is_bf16_supported(including_emulation=False)
    if not able:
        raise CannotCompute(tr("The device {device} cannot compute with bfloat16 numbers.", device=device), advice)
