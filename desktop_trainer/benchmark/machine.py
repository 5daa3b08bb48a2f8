"""What machine this is and which versions run on it. Loads nothing heavy itself; asks torch only for its threads."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ("desktop-trainer", "torch", "torchvision", "numpy", "PySide6-Essentials", "pyqtgraph")


def describe_machine(device: str) -> dict[str, Any]:
    """System, processor, cores, load, versions, threads, and the device that computes."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": _cores(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "versions": {name: found for name in _PACKAGES if (found := _version(name)) is not None},
        "openmp": {name: value for name, value in os.environ.items() if name.startswith(("OMP_", "GOMP_", "KMP_"))},
        **_torch(device),
    }


def _torch(name: str) -> dict[str, Any]:
    import torch

    from desktop_trainer.engine.devices import choose_device

    device = choose_device(name)
    words = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {
        "device": str(device),
        "device_name": words,
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
    }


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
