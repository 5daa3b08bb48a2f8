"""What computes: the versions and the kind of processor that the last digits of a result depend on."""

from __future__ import annotations

import platform

from desktop_trainer import __version__


def versions() -> dict[str, str]:
    """The versions of the program and of what computes, by name; empty where there is none."""
    import torch

    return {
        "program": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda or "",
        "cpu": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
    }


def threads(chosen: int) -> int:
    """How many CPU threads an operation uses in this thread of the program; 0 was `chosen` to leave it to PyTorch."""
    import torch

    return chosen or torch.get_num_threads()
