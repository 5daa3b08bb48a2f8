"""How much memory is free: the machine's, a container's, a graphics card's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

_GROUPS, _MOUNT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
_NAMES = {
    2: ("memory.max", "memory.current", ""),
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
}
"""Of the files of a control group, by version: its limit, what is used of it, and how the lines of its statistics
begin.
"""


def free_memory(device: torch.device) -> int:
    """Bytes that are free where tensors on `device` lie; what PyTorch keeps for them without use is free."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    return min([int(psutil.virtual_memory().available), *container_rooms()])


def most_memory(device: torch.device) -> int:
    """Bytes that a program can get at most where tensors on `device` lie: as `free_memory`, and what can be swapped
    out for it.
    """
    if device.type == "cuda":
        return free_memory(device)
    return min([int(psutil.virtual_memory().available + psutil.swap_memory().free), *container_rooms()])


def container_rooms(groups: Path = _GROUPS, mount: Path = _MOUNT) -> Iterator[int]:
    """Bytes left in each control group that this process is in and that has a limit; none outside Linux.

    The files that a group has read count as used, and leave when memory is needed.

    Sources: https://docs.kernel.org/admin-guide/cgroup-v2.html,
        https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
    """
    for version, folder in _folders(groups, mount):
        limit_name, used_name, prefix = _NAMES[version]
        limit, used = _number(folder / limit_name), _number(folder / used_name)
        if limit is not None and used is not None:
            files = _statistics(folder / "memory.stat")
            cached = sum(files.get(f"{prefix}{kind}_file", 0) for kind in ("active", "inactive"))
            yield max(limit - used + cached, 0)


def _folders(groups: Path, mount: Path) -> Iterator[tuple[int, Path]]:
    """The folders of this process's groups and of those around them; inside a container the outermost is its own."""
    for line in _lines(groups):
        number, controllers, path = line.split(":", 2)
        version = 2 if number == "0" else 1
        if version == 1 and "memory" not in controllers.split(","):
            continue
        root = mount if version == 2 else mount / "memory"
        inner = root / path.strip("/")
        for folder in (inner, *inner.parents):
            yield version, folder
            if folder == root:
                break


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _number(path: Path) -> int | None:
    """What the file says; None if it is not there, or says that there is no limit."""
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].isdecimal() else None


def _statistics(path: Path) -> dict[str, int]:
    return {name: int(value) for name, _, value in (line.partition(" ") for line in _lines(path)) if value.isdecimal()}
