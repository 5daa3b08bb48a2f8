"""How long a thread of torch waits busily for its next work. Knows the environment variables of GNU's OpenMP, no torch.

With GNU's own default each thread spins some 300 000 turns before it sleeps. On an idle machine that is the fastest;
as soon as something else computes, the spinning takes the processor from the very work that is waited for, and small
batches become ten times slower. Fewer turns keep most of the speed and bound that loss. Other OpenMP runtimes, as those
of Windows and macOS, do not read the variable.

Source: https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

SPIN_COUNT = 20_000
"""Turns before a thread sleeps, 0.2 to 1 ms: longer than a thread of a small step waits. ``GOMP_SPINCOUNT`` counts if it is set."""
_VARIABLE, _OURS = "GOMP_SPINCOUNT", "DESKTOP_TRAINER_SPINCOUNT"


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
