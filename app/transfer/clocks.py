"""When this computer slept: seen by two clocks, of which one goes on meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

ASLEEP = 5.0  # seconds by which the clock on the wall may run ahead of the other before it counts as sleep
STILL = 30.0  # seconds between two looks before nothing ran here: some systems' other clock goes on in a sleep too
BEAT = 0.5  # seconds between two looks

Clock = Callable[[], float]


class Gap:
    """Looked at again and again: `passed` tells of a time in which nobody could work."""

    def __init__(self, steady: Clock = time.monotonic, wall: Clock = time.time) -> None:
        self._steady, self._wall = steady, wall
        self._then = steady(), wall()

    def passed(self) -> float:
        """Seconds that this computer slept (or stood still) since the last look; 0 for none.

        A wall clock that was set is taken for a sleep when it was set forward: a needless look at the line, no more.
        """
        before, self._then = self._then, (self._steady(), self._wall())
        steady, wall = self._then[0] - before[0], self._then[1] - before[1]
        if wall - steady >= ASLEEP:
            return wall
        return steady if steady >= STILL else 0.0


class Heart:
    """Looks at the clocks in a thread that does nothing else: a disk or a line that is slow is no sleep."""

    def __init__(self) -> None:
        self._slept, self._over = 0.0, threading.Event()

    def begin(self) -> None:
        """Look from now on."""
        self._slept, self._over = 0.0, threading.Event()
        threading.Thread(target=self._run, args=(self._over,), daemon=True, name="is it asleep").start()

    def end(self) -> None:
        """Look no more."""
        self._over.set()

    def passed(self) -> float:
        """Seconds slept since this was asked last; 0 for none."""
        slept, self._slept = self._slept, 0.0
        return slept

    def _run(self, over: threading.Event) -> None:
        gap = Gap()
        while not over.wait(BEAT):
            self._slept = gap.passed() or self._slept
