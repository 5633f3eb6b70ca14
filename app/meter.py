"""How fast something goes and when it will be ready, from the bytes that really got through."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

SMOOTH = 30.0  # seconds; a shorter memory makes the clock time jump
SETTLED = 1.0  # seconds before a speed is shown at all
SURE_AFTER = 10.0  # seconds before a forecast is shown at all
STALL = 10.0  # seconds without a byte before that is said; a longer one counts no more than this as slowness
KEPT = 600  # points of the drawing: ten minutes at one a second


class Meter:
    """The smoothed speed of one phase; `at` takes the position, the properties tell the rest.

    *points* are the rates of single seconds, for a drawing.
    """

    def __init__(self, now: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.points: deque[float] = deque(maxlen=KEPT)
        self.restart(now)

    def restart(self, now: float | None = None) -> None:
        """A new phase begins."""
        self._start = self._last = self._moved = self._point = self.clock() if now is None else now
        self._done, self._first, self._total, self._rate, self._point_done = 0, -1, 0, 0.0, 0
        self.points.clear()

    def at(self, done: int, total: int = 0, now: float | None = None) -> None:
        """Say that *done* of *total* bytes are through; bytes there before the first call do not count as speed."""
        here = self.clock() if now is None else now
        self._total = total
        if self._first < 0:
            self._first = self._done = self._point_done = done
            self._last = self._moved = self._point = here
            return
        self._draw(done, here)
        passed = here - self._last
        if passed <= 0 or done == self._done:
            return  # a stall is told as one; it only counts as slowness once bytes flow again
        self._start += max(0.0, passed - STALL)  # the average forgets it as well
        weight = 1 - math.exp(-min(passed, STALL) / SMOOTH)
        average = (done - self._first) / max(here - self._start, 1e-6)
        moved = max(0.0, (done - self._done) / min(passed, STALL))
        young = here - self._start < SMOOTH
        self._rate = max(0.0, average) if young else self._rate + weight * (moved - self._rate)
        self._done, self._last, self._moved = done, here, here

    def skip(self, done: int | None = None, now: float | None = None) -> None:
        """Forget the time since the last byte: the computer slept, or nothing was to be sent. It goes on at *done*."""
        here = self.clock() if now is None else now
        self._start += here - self._last
        self._last = self._moved = self._point = here
        if done is not None and self._first >= 0:
            self._first += done - self._done
            self._done = self._point_done = done

    def _draw(self, done: int, here: float) -> None:
        if here - self._point >= 1:
            self.points.append(max(0.0, (done - self._point_done) / (here - self._point)))
            self._point, self._point_done = here, done

    @property
    def rate(self) -> float:
        """Bytes a second; 0 within the first second, which tells of buffers and not of the line."""
        return self._rate if self._last - self._start >= SETTLED else 0.0

    def stalled(self, now: float | None = None) -> float:
        """Seconds without a byte when they are many, else 0."""
        quiet = (self.clock() if now is None else now) - self._moved
        return quiet if self._total and self._done < self._total and quiet >= STALL else 0.0

    def remaining(self, now: float | None = None) -> float | None:
        """Seconds until it is ready; None while that cannot be known."""
        here = self.clock() if now is None else now
        if not self._total or self._rate <= 0 or here - self._start < SURE_AFTER:
            return None
        return max(0.0, (self._total - self._done) / self._rate)
