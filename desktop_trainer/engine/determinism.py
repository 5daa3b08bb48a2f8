"""Lets CUDA compute the same digits each time, for as long as a run works."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from types import TracebackType

import torch
import torch.utils.deterministic

from desktop_trainer.experiment.device_settings import DeviceSettings

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
_FIXED = (":4096:8", ":16:8")
"""The values of `_WORKSPACE` with which cuBLAS adds up in one order,
https://docs.nvidia.com/cuda/cublas/#results-reproducibility.
"""


class Determinism:
    """Inside its ``with`` block an operation on CUDA that has no way to give the same digits each time raises.
    Process-wide.

    Nothing happens where it was not asked for, nor for other devices: the CPU is so anyway.
    """

    def __init__(self, settings: DeviceSettings) -> None:
        self._wanted = settings.deterministic and settings.name not in ("cpu", "mps")
        self._undo = ExitStack()

    def __enter__(self) -> None:
        if self._wanted and torch.cuda.is_available():
            self._set_up()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def _set_up(self) -> None:
        enabled, only_warns = (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        )
        self._undo.callback(torch.use_deterministic_algorithms, enabled, warn_only=only_warns)
        torch.use_deterministic_algorithms(True)
        self._set(torch.backends.cudnn, "benchmark", False)  # it takes whichever way was fastest just then
        self._set(torch.utils.deterministic, "fill_uninitialized_memory", False)  # nothing here reads such memory
        if (before := os.environ.get(_WORKSPACE)) not in _FIXED:
            self._undo.callback(_put_back, before)
            os.environ[_WORKSPACE] = _FIXED[0]

    def _set(self, place: object, name: str, value: bool) -> None:
        self._undo.callback(partial(setattr, place, name, getattr(place, name)))
        setattr(place, name, value)


def _put_back(before: str | None) -> None:
    if before is None:
        del os.environ[_WORKSPACE]
    else:
        os.environ[_WORKSPACE] = before
