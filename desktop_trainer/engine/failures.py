"""Tells what went wrong inside a run: out of memory, the device lost."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch

from desktop_trainer.engine.devices import CannotCompute, DeviceError, DeviceLost
from desktop_trainer.engine.tracebacks import forget_locals
from desktop_trainer.i18n import tr, trn

_NO_MEMORY = re.compile(r"out of memory|DefaultCPUAllocator|bad_alloc|STATUS_ALLOC_FAILED", re.IGNORECASE)
_LIBRARY = re.compile(r"\bcu(dnn|blas|solver|fft)(_status_| error)|unable to find an engine to execute", re.IGNORECASE)
"""cuDNN and its sisters fail with a plain ``RuntimeError``."""
_NOT_DETERMINISTIC = re.compile(r"(\S+) does not have a deterministic implementation")
_ASKED = re.compile(r"allocate (\d[\d.]*) ?(bytes|[KMGT]i?B)", re.IGNORECASE)


class OutOfMemory(DeviceError, MemoryError):
    """There is not enough memory. What was in work has been released; the model is there.

    Attributes:
        needed: what the last allocation asked for, such as ``20.00 GiB``; empty if torch did not say.
        changes: settings that need less memory, by their paths; empty if the settings of the batches do not help.
    """

    def __init__(self, cause: str, next_step: str, needed: str, changes: Mapping[str, int]) -> None:
        super().__init__(cause, next_step)
        self.needed, self.changes = needed, dict(changes)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle's."""
        return type(self), (self.cause, self.next_step, self.needed, self.changes)


def out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory could not be had, be it the device's or the CPU's."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)) is not None


def needed_memory(error: BaseException) -> str:
    """What the allocation that failed asked for, with its unit; empty if `error` does not say."""
    asked = _ASKED.search(str(error))
    if asked is None:
        return ""
    number, unit = asked.groups()
    return f"{number} {unit}" if unit.lower() != "bytes" else f"{int(number) / 2**20:.2f} MiB"


def known(error: BaseException) -> bool:
    """Whether `error` is of a kind that this module can tell in its own words."""
    if isinstance(error, DeviceError):
        return False
    if isinstance(error, torch.AcceleratorError) or out_of_memory(error):
        return True
    return isinstance(error, RuntimeError) and any(each.search(str(error)) for each in (_LIBRARY, _NOT_DETERMINISTIC))


def step_too_large(error: BaseException, batch_size: int, parts: int, *, batch_norm: bool = False) -> OutOfMemory:
    """A training step did not fit: the same batch in twice as many parts needs about half the memory.

    Args:
        batch_norm: whether the model has layers that see the other samples of a part.
    """
    text = trn(
        "There is not enough memory for a training step on {n} sample at a time.",
        "There is not enough memory for a training step on {n} samples at a time.",
        -(-batch_size // parts),
    )
    more = min(2 * parts, batch_size)
    if more == parts:
        return _failure(error, text, tr("Choose smaller images or a smaller model."))
    if batch_norm:
        advice = tr(
            "Set “Parts of a batch” to {parts}, which needs less memory. The steps are then not the "
            "same: batch norm sees one part at a time, and learns worse the smaller this is. Or "
            "choose smaller images or a smaller model.",
            parts=more,
        )
    else:
        advice = tr(
            "Set “Parts of a batch” to {parts}: the steps stay the same and need less memory. Or "
            "choose a smaller batch size.",
            parts=more,
        )
    return _failure(error, text, advice, {"training.batch_parts": more})


def batch_too_large(error: BaseException, batch_size: int) -> OutOfMemory:
    """Not even the samples of a training batch fit."""
    text = trn(
        "There is not enough memory for a batch of {n} sample.",
        "There is not enough memory for a batch of {n} samples.",
        batch_size,
    )
    if batch_size == 1:
        return _failure(error, text, tr("Choose smaller images."))
    advice = tr("Set the batch size to {batch_size} or less.", batch_size=batch_size // 2)
    return _failure(error, text, advice, {"data.batch_size": batch_size // 2})


def examination_too_large(error: BaseException, batch_size: int) -> OutOfMemory:
    """The examination of a test batch did not fit."""
    text = trn(
        "There is not enough memory to examine {n} test sample at a time.",
        "There is not enough memory to examine {n} test samples at a time.",
        batch_size,
    )
    if batch_size == 1:
        return _failure(error, text, tr("Choose smaller images or a smaller model."))
    advice = tr(
        "Set the test batch size to {batch_size} or less: the figures stay the same.", batch_size=batch_size // 2
    )
    return _failure(error, text, advice, {"data.test_batch_size": batch_size // 2})


def preparation_too_large(error: BaseException) -> OutOfMemory:
    """Data or model did not fit."""
    advice = tr("Close other programs, or choose smaller images, a smaller dataset or a smaller model.")
    return _failure(error, tr("There is not enough memory for the data and the model."), advice)


def device_failed(error: BaseException, device: str) -> DeviceError:
    """The device, or a library that computes on it, answered with an error of its own."""
    if refused := _NOT_DETERMINISTIC.search(str(error)):
        return CannotCompute(
            tr(
                "The device {device} cannot compute {operation} so that it gives the same digits each time.",
                device=device,
                operation=refused[1],
            ),
            tr("Switch the setting “Deterministic” off, or choose cpu."),
        )
    reason = next(iter(str(error).splitlines()), "").rstrip(" .")
    text = tr("The device {device} failed: {reason}.", device=device, reason=reason)
    if _LIBRARY.search(str(error)):
        return DeviceLost(
            text,
            tr(
                "This happens most often when its memory is short: end other programs that use it, or "
                "choose a smaller batch size. If that does not help, start this program again, or choose "
                "cpu."
            ),
        )
    return DeviceLost(text, tr("Start this program again before you use the device again, or choose cpu."))


def release(error: BaseException) -> None:
    """Let go what the frames of `error` hold: activations, gradients, the batch. Its traceback is then gone."""
    full = out_of_memory(error)
    for each in forget_locals(error):
        each.__traceback__ = None
    if full and torch.cuda.is_available():  # a device that is lost could not even do this
        torch.cuda.empty_cache()


def _failure(error: BaseException, text: str, advice: str, changes: Mapping[str, int] | None = None) -> OutOfMemory:
    needed = needed_memory(error)
    cause = tr("{cause} {needed} more were asked for.", cause=text, needed=needed) if needed else text
    return OutOfMemory(cause, advice, needed, changes or {})
