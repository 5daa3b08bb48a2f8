"""Which device computes. Knows what torch reports of this machine; never falls back silently."""

import torch

from desktop_trainer.i18n import tr


class DeviceMissing(Exception):
    """The device asked for is not in this machine; the text names those that are."""


def available_devices() -> list[str]:
    """The names that `choose_device` takes on this machine, best first, without ``auto``."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def choose_device(name: str) -> torch.device:
    """The device called `name`; ``auto`` is the first graphics card, else the CPU.

    Raises:
        DeviceMissing: if this machine has no such device.
    """
    available = available_devices()
    wanted = available[0] if name == "auto" else "cuda:0" if name == "cuda" else name
    if wanted not in available:
        text = tr(
            "This machine has no device {name}. It has {available}. Choose one of these, or auto.",
            name=name,
            available=", ".join(available),
        )
        raise DeviceMissing(text)
    return torch.device(wanted)


def device_rng(device: torch.device) -> torch.Tensor | None:
    """The state of the device's own random numbers, as bytes on the CPU; None for the CPU, which has torch's global ones."""
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
