"""How much of the machine the window takes for itself while a run goes on. Knows processors, no widget.

Where all processors train, what the window does is taken from the training, and more than that: all threads of an
operation wait for the one that was put off. So there it looks less often; where a processor is free it need not.
"""

import os

PROCESSORS = os.cpu_count() or 1
SHARE = 0.004 * PROCESSORS
"""While nobody moves the view, drawing takes at most this share of a processor's time."""
BLOCK_SECONDS = 1 / 30 if PROCESSORS > 2 else 1 / 10
"""What a run says of its progress is taken in at most this often; slower batches are taken in one by one."""
