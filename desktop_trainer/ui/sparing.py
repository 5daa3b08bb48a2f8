"""How much of the machine the window takes for itself while a run goes on.

With two processors both train, and all threads of an operation wait for the one that the window has put off: drawing
costs more than its own time. So there it looks, and draws, less often.
"""

import os

PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""Those that this process may use."""
SHARE = 0.015 if PROCESSORS > 2 else 0.005
"""While nobody moves the view, drawing takes at most this share of a processor's time."""
SLOWEST_MS = 500 if PROCESSORS > 2 else 1000
"""However dear it is, new numbers are drawn after so long. With two processors 500 would be more than the share."""
BLOCK_SECONDS = 1 / 30 if PROCESSORS > 2 else 1 / 10
"""What a run says of its progress is taken in at most this often; slower batches are taken in one by one."""
