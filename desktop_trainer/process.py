"""What this process is set to, once, before it has threads and torch: how threads wait, and who keeps freed memory.

**Waiting.** With GNU's own default each OpenMP thread spins some 300 000 turns before it sleeps. On an idle machine
that
is the fastest; as soon as something else computes, the spinning takes the processor from the very work that is waited
for, and small batches become ten times slower. Fewer turns keep most of the speed and bound that loss. Other OpenMP
runtimes, as those of Windows and macOS, do not read the variable.
Source: https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html

**Memory.** A training step takes and frees the same megabytes again and again. By default glibc gives them back as soon
as enough lies free at the end of a heap, and the system hands them out anew page by page, each filled with zeros: with
some layouts of the heap that is a third of the step's time. So the program keeps what is freed, in one heap, while
a run goes on, and gives it back when the run has ended. Other C libraries are left as they are.
Source: https://man7.org/linux/man-pages/man3/mallopt.3.html
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SPIN_COUNT = 20_000
"""Turns before a thread sleeps, 0.2 to 1 ms: longer than a thread of a small step waits. ``GOMP_SPINCOUNT`` counts
if it is set.
"""
_VARIABLE, _OURS = "GOMP_SPINCOUNT", "DESKTOP_TRAINER_SPINCOUNT"
_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1
_NEVER, _MAPPED_FROM = -1, (2**31 - 1, 2**25)
"""Bytes from which on memory is mapped by itself: as many as can be said; some versions refuse more than 32 MB."""
_DECIDED = ("MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")
_kept: list[ctypes.CDLL] = []


def prepare() -> None:
    """Let training be fast here, as far as the user has not decided otherwise. Called again, it changes nothing
    more.
    """
    limit_spinning()
    keep_freed()


def stop_signals() -> list[signal.Signals]:
    """Those that ask this process to end: Ctrl-C, a polite kill, and the closing of its terminal, which ``nohup``
    ignores.
    """
    asks = [number for number in signal.Signals if number.name in ("SIGINT", "SIGTERM", "SIGHUP")]
    return [number for number in asks if number.name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN]


def limit_spinning() -> None:
    """Set ``GOMP_SPINCOUNT``, unless the user has decided how threads wait. To be called before torch is loaded."""
    if not {_VARIABLE, "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ[_VARIABLE] = os.environ[_OURS] = str(SPIN_COUNT)


@contextmanager
def without_limit() -> Iterator[None]:
    """What is started inside the block finds the environment as the user has left it."""
    ours = os.environ.get(_OURS)
    if ours is None or ours != os.environ.get(_VARIABLE):
        yield
        return
    del os.environ[_VARIABLE]
    try:
        yield
    finally:
        os.environ[_VARIABLE] = ours


def keep_freed() -> None:
    """Keep freed memory, unless the user has decided how it is managed. To be called before there are other threads."""
    if _kept or sys.platform != "linux" or set(_DECIDED) & os.environ.keys():
        return
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return
    if not any(libc.mallopt(_MMAP_THRESHOLD, size) for size in _MAPPED_FROM):
        return
    libc.mallopt(_TRIM_THRESHOLD, _NEVER)
    libc.mallopt(_ARENA_MAX, 1)  # heaps of other threads are small, and given back whenever they are empty
    _kept.append(libc)


def give_back() -> None:
    """Give back all memory that is free now, if it was kept; takes milliseconds."""
    for libc in _kept:
        libc.malloc_trim(0)
