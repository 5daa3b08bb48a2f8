"""Whether the C library gives freed memory back to the system at once. Knows glibc's malloc, no torch.

A training step takes and frees the same megabytes again and again. By default glibc gives them back as soon as enough
lies free at the end of a heap, and the system hands them out anew page by page, each filled with zeros: with some layouts
of the heap that is a third of the step's time. So the program keeps what is freed, in one heap, while a run goes on, and
gives it back when the run has ended. Other C libraries are left as they are.

Source: https://man7.org/linux/man-pages/man3/mallopt.3.html
"""

from __future__ import annotations

import ctypes
import os
import sys

_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1
_NEVER, _MAPPED_FROM = -1, (2**31 - 1, 2**25)
"""Bytes from which on memory is mapped by itself: as many as can be said; some versions refuse more than 32 MB."""
_DECIDED = ("MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")
_kept: list[ctypes.CDLL] = []


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
    """Give back all that is free now, if it was kept; takes milliseconds."""
    for libc in _kept:
        libc.malloc_trim(0)
