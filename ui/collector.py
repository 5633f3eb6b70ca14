"""Lets Python collect its rubbish only in the window's own thread.

Python looks for unreachable objects in whichever thread has just made one too many. Widgets that it finds then would
be deleted from a worker's thread, which Qt does not survive: a crash that comes once in hours.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer, Slot

EACH = 500  # milliseconds


class Collector(QObject):
    """From now on, until `close`, rubbish is collected here; make it in the window's thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        gc.freeze()  # what is there at the start stays: looking through it again and again would hold the window up
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(EACH)

    @Slot()
    def _look(self) -> None:
        """Collect the oldest generation that is due, as Python itself would (gc.set_threshold)."""
        counts = zip(gc.get_count(), gc.get_threshold(), strict=True)
        due = [age for age, (count, limit) in enumerate(counts) if count > limit]
        if due:
            gc.collect(max(due))

    def close(self) -> None:
        """Collect once more, and let Python do it again."""
        self._timer.stop()
        gc.collect()
        gc.unfreeze()
        gc.enable()
