"""Measures how long the window's own thread does not look at the person's mouse and keys."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, Qt, QTimer, Slot

BEAT = 5  # milliseconds between two beats


class Watchdog(QObject):
    """Notes the processor time that this thread spends between two beats of a timer in its event loop.

    Processor time of this thread, not the clock on the wall: a loaded computer or another thread that
    holds the interpreter does not make it bark, a slot that computes does. A slot that *waits*
    (sleep, lock, socket, disk) uses no processor, so the wall's gaps are kept as well, with a wide limit.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cpu: list[float] = []
        self.wall: list[float] = []
        self._cpu, self._wall = time.thread_time(), time.monotonic()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(BEAT)

    @Slot()
    def _beat(self) -> None:
        cpu, wall = time.thread_time(), time.monotonic()
        self.cpu.append(cpu - self._cpu)
        self.wall.append(wall - self._wall)
        self._cpu, self._wall = cpu, wall

    def stop(self) -> None:
        """No more beats."""
        self._timer.stop()

    @property
    def worst(self) -> float:
        """The longest computation between two beats, in seconds of processor time."""
        return max(self.cpu, default=0.0)

    @property
    def waits(self) -> int:
        """How many gaps were longer than a person forgives, whatever their cause."""
        return sum(gap > 0.25 for gap in self.wall)
