"""How fast bytes get through, and when they will all be there: smoothed, so that the time does not jump."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

TAU = 30.0  # seconds over which the rate is smoothed
TRUSTED = 15.0  # seconds of watching before a time is said
STALLED = 20.0  # seconds without a byte after which the line is called paused
KEPT = 600  # points of the graph: ten minutes at one a second


class Pace:
    """The rate of one part of a step, in bytes a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.points: deque[float] = deque(maxlen=KEPT)
        self.restart(0)

    def restart(self, done: int) -> None:
        """A new part begins, of which *done* bytes are there already."""
        self.rate = 0.0
        self._began = self._last = self._moved = self._point = self._clock()
        self._done = self._point_done = done
        self._weight = 0.0
        self.points.clear()

    def at(self, done: int) -> None:
        """So many bytes are through now."""
        now = self._clock()
        if done < self._done:  # taken back: the far side had kept less
            self._done = self._point_done = done
        span = now - self._last
        if span <= 0:
            return
        if done > self._done:
            self._moved = now
        fade = math.exp(-span / TAU)
        self.rate = self.rate * fade + (done - self._done) / span * (1 - fade)
        self._weight = self._weight * fade + (1 - fade)
        self._last, self._done = now, done
        if now - self._point >= 1:
            self.points.append((done - self._point_done) / (now - self._point))
            self._point, self._point_done = now, done

    @property
    def smooth(self) -> float:
        """The smoothed rate, right from the start (the missing past does not count as zero)."""
        return self.rate / self._weight if self._weight else 0.0

    @property
    def stalled(self) -> bool:
        """Whether nothing has got through for a while."""
        return self._clock() - self._moved > STALLED

    def left(self, total: int) -> float | None:
        """Seconds until *total* bytes are through; None while that cannot be said honestly."""
        if not total or self._clock() - self._began < TRUSTED or self.stalled or self.smooth <= 0:
            return None
        return max(0, total - self._done) / self.smooth
