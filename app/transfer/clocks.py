"""When this computer slept: seen by two clocks, of which one goes on meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

ASLEEP = 5.0  # seconds by which the clock on the wall may run ahead of the other before it counts as sleep
STILL = 30.0  # seconds between two looks before nothing ran here: some systems' other clock goes on in a sleep too

Clock = Callable[[], float]


class Gap:
    """Looked at several times a second by whoever works: `passed` tells of a time in which nobody could work."""

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

    def excuse(self) -> None:
        """The time since the last look is explained: it was a slow disk."""
        self._then = self._steady(), self._wall()
