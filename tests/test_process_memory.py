"""Memory that is freed serves the next step, and goes back to the system when the work is done."""

import json
import os
import subprocess
import sys

import pytest

from desktop_trainer import process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only glibc is told how to manage memory")

PROGRAM = """
import json, os, resource, threading
from desktop_trainer import process

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

def step():
    return [bytearray(8 << 20) for _ in range(3)]

def work():
    step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        step()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    kept = resident()
    process.give_back()
    print(json.dumps([faults, kept - resident()]))

process.prepare()
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
STEP_MEGABYTES = 24
STEP_PAGES = STEP_MEGABYTES * 256


def faults_and_given_back(**environment: str) -> list[int]:
    """Pages that ten steps in a thread had to be given anew, and megabytes that were given back at the end."""
    names = ("GLIBC_TUNABLES", *(name for name in os.environ if name.startswith("MALLOC_")))
    clean = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**clean, **environment}, check=True, capture_output=True
    )
    found: list[int] = json.loads(done.stdout)
    return found


def test_steps_use_the_same_memory_again_until_it_is_given_back() -> None:
    faults, given_back = faults_and_given_back()
    assert faults < STEP_PAGES / 10
    assert given_back > 0.9 * STEP_MEGABYTES


def test_what_the_user_has_decided_stays() -> None:
    """Each step is then given its pages anew, as glibc has it."""
    faults, given_back = faults_and_given_back(MALLOC_ARENA_MAX="4")
    assert faults > 5 * STEP_PAGES
    assert given_back < 1


class OldLibrary:
    """A C library that maps no more than so many bytes' blocks by itself, and remembers what it was told."""

    gnu_get_libc_version = None

    def __init__(self, most: int) -> None:
        self._most, self.told = most, {}  # type: ignore[var-annotated]

    def mallopt(self, what: int, value: int) -> int:
        if what == -3 and value > self._most:
            return 0
        self.told[what] = value
        return 1


@pytest.mark.parametrize(("most", "told"), [(2**25, {-3: 2**25, -1: -1, -8: 1}), (0, {})])
def test_a_library_that_refuses_the_most_is_told_less_or_left_alone(
    most: int, told: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it would be worse than nothing: every tensor would be mapped anew."""
    library = OldLibrary(most)
    for name in (*process._DECIDED,):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(process, "_kept", [])
    monkeypatch.setattr("ctypes.CDLL", lambda _: library)
    process.keep_freed()
    assert library.told == told
    assert len(process._kept) == bool(told)
