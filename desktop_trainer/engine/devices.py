"""Which device computes, and what it is lent for a run."""

import os
import shutil
import sys
from pathlib import Path
from threading import Event, Thread
from typing import Any

import torch

from desktop_trainer.i18n import joined, tr

_DRIVER = (
    Path("/proc/driver/nvidia/version"),
    Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvml.dll"),
)
"""What NVIDIA's driver leaves on a machine, beside the program nvidia-smi."""
_TF32 = {"default": None, "bf16": None, "float32": False, "tf32": True}


class DeviceError(Exception):
    """A device cannot do what was asked of it, or not any more.

    Attributes:
        cause: what happened. next_step: what to do about it. Both are sentences for people; the error's text is both.
    """

    def __init__(self, cause: str, next_step: str) -> None:
        super().__init__(joined(cause, next_step))
        self.cause, self.next_step = cause, next_step

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle's: it may come from another process."""
        return type(self), (self.cause, self.next_step)


class DeviceMissing(DeviceError):
    """The device asked for is not in this machine; the text names those that are."""


class DeviceLost(DeviceError):
    """The device failed while it computed; what lay in its memory may be gone."""


class CannotCompute(DeviceError):
    """The device cannot compute in the way that was asked for."""


def available_devices() -> list[str]:
    """The names that `choose_device` takes on this machine, best first, without ``auto``."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def unused_card() -> bool:
    """Whether NVIDIA's driver is here, but this PyTorch is a build without CUDA: the registry's for Windows is one."""
    if torch.version.cuda is not None or getattr(torch.version, "hip", None) is not None:
        return False
    return shutil.which("nvidia-smi") is not None or any(path.exists() for path in _DRIVER)


def cuda_advice() -> str:
    """What to do where `unused_card`."""
    return tr(
        "This computer has an NVIDIA graphics card, but this PyTorch was built without CUDA and "
        "cannot use it. To replace it, close this program and run: {command}",
        command=cuda_command(),
    )


def cuda_command() -> str:
    """The command that gives this Python the PyTorch for the machine's graphics card."""
    again = "--reinstall-package torch --reinstall-package torchvision"
    return f'uv pip install --python "{sys.executable}" --torch-backend auto {again} torch torchvision'


def choose_device(name: str) -> torch.device:
    """The device called `name`; ``auto`` is the first graphics card, else the CPU.

    Raises:
        DeviceMissing: if this machine has no such device.
    """
    available = available_devices()
    wanted = available[0] if name == "auto" else "cuda:0" if name == "cuda" else name
    if wanted not in available:
        there = ", ".join(available)
        raise DeviceMissing(
            tr("This machine has no device {name}. It has {available}.", name=name, available=there),
            cuda_advice() if wanted.startswith("cuda") and unused_card() else tr("Choose one of these, or auto."),
        )
    return torch.device(wanted)


def device_rng(device: torch.device) -> torch.Tensor | None:
    """The state of the device's own random numbers, as bytes on the CPU; None for the CPU, which has torch's global
    ones.
    """
    if device.type == "cuda":
        return torch.cuda.get_rng_state(device)
    return torch.mps.get_rng_state() if device.type == "mps" else None


def set_device_rng(device: torch.device, state: torch.Tensor | None) -> None:
    """Take over what `device_rng` returned for a device of that kind; a CPU's None changes nothing."""
    if state is None:
        return
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    elif device.type == "mps":
        torch.mps.set_rng_state(state)


class IntraOpThreads:
    """Inside its ``with`` block one operation uses `count` CPU threads; 0 changes nothing. Process-wide."""

    def __init__(self, count: int) -> None:
        self._count, self._before = count, 0

    def __enter__(self) -> None:
        if self._count:
            self._before = torch.get_num_threads()
            torch.set_num_threads(self._count)

    def __exit__(self, *_: object) -> None:
        if self._count:
            torch.set_num_threads(self._before)


def check_threads(count: int) -> None:
    """Find out whether the system gives this program so many threads: where it does not, OpenMP ends the process.

    Raises:
        CannotCompute: if it does not.
    """
    cores = os.cpu_count() or 1
    if count <= cores:
        return
    enough, tried = Event(), list[Thread]()
    try:
        while len(tried) < count:
            thread = Thread(target=enough.wait, name="tried", daemon=True)
            thread.start()
            tried.append(thread)
    except RuntimeError as error:
        raise CannotCompute(
            tr(
                "The system does not give this program {count} threads: it refused after {tried}.",
                count=count,
                tried=len(tried),
            ),
            tr("Set the CPU threads to {cores}, one a core, or to 0, which leaves the choice to PyTorch.", cores=cores),
        ) from error
    finally:
        enough.set()
        for thread in tried:
            thread.join()


class FloatProducts:
    """Inside its ``with`` block CUDA multiplies float32 numbers as `precision` asks. Process-wide; the CPU's are
    not touched.

    ``float32`` keeps all their digits, ``tf32`` rounds the factors of matrix products and convolutions to TF32; the
    other precisions leave what PyTorch is set to. These two switches are those that all versions of PyTorch agree on.
    """

    def __init__(self, precision: str) -> None:
        self._tf32 = _TF32[precision] if torch.cuda.is_available() else None
        self._before = ("", False)

    def __enter__(self) -> None:
        if self._tf32 is not None:
            self._before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
            _set_products("high" if self._tf32 else "highest", self._tf32)

    def __exit__(self, *_: object) -> None:
        if self._tf32 is not None:
            _set_products(*self._before)


def _set_products(matmul: str, convolutions: bool) -> None:
    torch.set_float32_matmul_precision(matmul)
    torch.backends.cudnn.allow_tf32 = convolutions
