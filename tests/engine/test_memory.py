"""What is free is the machine's, or less if the program is in a container."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from desktop_trainer.engine import memory
from desktop_trainer.engine.memory import container_rooms, free_memory, most_memory

Rooms = Callable[[str], list[int]]
CPU = torch.device("cpu")
UNLIMITED = "9223372036854771712"
"""Version 1's way to say that there is no limit."""


def group(folder: Path, limit: str, used: int, **statistics: int) -> None:
    """What Linux shows of a control group: version 1 where `folder` says so."""
    first = "memory" in folder.parts
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ("memory.limit_in_bytes" if first else "memory.max")).write_text(f"{limit}\n")
    (folder / ("memory.usage_in_bytes" if first else "memory.current")).write_text(f"{used}\n")
    prefix = "total_" if first else ""
    lines = [f"{prefix}{name} {value}\n" for name, value in statistics.items()]
    (folder / "memory.stat").write_text("anon 1\n" + "".join(lines))


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    """A function: the rooms that a process in these groups finds below `tmp_path`."""

    def found(groups: str) -> list[int]:
        (tmp_path / "groups").write_text(groups)
        return list(container_rooms(tmp_path / "groups", tmp_path))

    return found


def test_a_container_of_version_2_has_what_its_limit_leaves(tmp_path: Path, rooms: Rooms) -> None:
    """In a container the path is ``/``; files that were read make room when memory is needed."""
    group(tmp_path, "1000", 700, active_file=50, inactive_file=150)
    assert rooms("0::/\n") == [500]


def test_limits_of_the_groups_around_it_count_too(tmp_path: Path, rooms: Rooms) -> None:
    """A session of systemd: the group itself has no limit, the user's has."""
    group(tmp_path / "user" / "session", "max", 100)
    group(tmp_path / "user", "5000", 4000)
    assert rooms("0::/user/session\n") == [1000]


def test_a_container_of_version_1_has_what_its_limit_leaves(tmp_path: Path, rooms: Rooms) -> None:
    """Its path is often the host's, which the container does not have; a hierarchy without memory does not count."""
    group(tmp_path / "memory", "1000", 950, inactive_file=30)
    assert rooms("9:name=systemd:/x\n4:cpu,memory:/docker/1f\n0::/\n") == [80]


def test_no_limit_is_no_bound(tmp_path: Path, rooms: Rooms) -> None:
    group(tmp_path / "memory", UNLIMITED, 950)
    assert min(rooms("4:memory:/\n")) > 2**60
    group(tmp_path / "outer", "max", 950)
    assert rooms("0::/outer\n") == []


def test_what_is_used_beyond_a_limit_leaves_nothing(tmp_path: Path, rooms: Rooms) -> None:
    group(tmp_path, "1000", 1200)
    assert rooms("0::/\n") == [0]


def test_elsewhere_there_are_no_containers(tmp_path: Path) -> None:
    assert list(container_rooms(tmp_path / "groups", tmp_path)) == []


def test_the_least_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine has free, and at most what the container leaves, also where the machine could swap."""
    assert 0 < free_memory(CPU) <= psutil.virtual_memory().total
    monkeypatch.setattr(memory, "container_rooms", lambda: iter([7, 5000]))
    assert free_memory(CPU) == most_memory(CPU) == 7
    monkeypatch.setattr(memory, "container_rooms", lambda: iter([2**62]))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=100))
    monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(free=20))
    assert (free_memory(CPU), most_memory(CPU)) == (100, 120)
