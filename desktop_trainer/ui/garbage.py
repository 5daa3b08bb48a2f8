"""Collects Python's cyclic garbage in the GUI thread only."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer, Slot

_INTERVAL_MS = 1000


class GarbageCollector(QObject):
    """Turns automatic collection off and collects from a timer.

    Automatic collection runs in whichever thread allocates: in the training thread it would destroy widgets there.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._collect)
        self._timer.start(_INTERVAL_MS)

    @Slot()
    def _collect(self) -> None:
        """One generation at a time, as Python's own thresholds say."""
        counts, thresholds = gc.get_count(), gc.get_threshold()
        for generation in (2, 1, 0):
            if counts[generation] > thresholds[generation] > 0:
                gc.collect(generation)
                return

    @Slot()
    def spare(self) -> None:
        """Never look again at what is there now: all that torch has loaded would take a fifth of a second each time."""
        gc.freeze()

    def close(self) -> None:
        """Back to automatic collection."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()
