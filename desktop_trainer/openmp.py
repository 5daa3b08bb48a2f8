"""How long a thread of torch waits busily for its next work. Knows the environment variables of GNU's OpenMP, no torch.

With GNU's own default each thread spins some 300 000 turns before it sleeps. On an idle machine that is the fastest;
as soon as something else computes, the spinning takes the processor from the very work that is waited for, and small
batches become ten times slower. Fewer turns keep most of the speed and bound that loss. Other OpenMP runtimes, as those
of Windows and macOS, do not read the variable.

Source: https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html
"""

import os

SPIN_COUNT = 3_000
"""Turns before a thread sleeps. ``GOMP_SPINCOUNT`` in the environment is what counts if it is set."""


def limit_spinning() -> None:
    """Set ``GOMP_SPINCOUNT``, unless the user has decided how threads wait. To be called before torch is loaded."""
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = str(SPIN_COUNT)
