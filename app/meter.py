"""How fast something goes and when it will be ready, from the bytes that really got through."""

from __future__ import annotations

import math
import time

SMOOTH = 30.0  # seconds; a shorter memory makes the clock time jump
SETTLED = 1.0  # seconds before a speed is shown at all
SURE_AFTER = 5.0  # seconds before a forecast is shown at all
STALL = 10.0  # seconds without a byte before that is said


class Meter:
    """The smoothed speed of one phase; `at` takes the position, the properties tell the rest."""

    def __init__(self, now: float | None = None) -> None:
        self._start = self._last = self._moved = time.monotonic() if now is None else now
        self._done, self._first, self._total, self._rate = 0, -1, 0, 0.0

    def at(self, done: int, total: int = 0, now: float | None = None) -> None:
        """Say that *done* of *total* bytes are through; bytes there before the first call do not count as speed."""
        here = time.monotonic() if now is None else now
        self._total = total
        if self._first < 0:
            self._first, self._done, self._last = done, done, here
            return
        passed = here - self._last
        if passed <= 0 or done == self._done:
            return  # a stall is told as one; it only counts as slowness once bytes flow again
        weight = 1 - math.exp(-passed / SMOOTH)
        average = (done - self._first) / max(here - self._start, 1e-6)
        moved = max(0.0, (done - self._done) / passed)
        young = here - self._start < SMOOTH
        self._rate = max(0.0, average) if young else self._rate + weight * (moved - self._rate)
        self._done, self._last, self._moved = done, here, here

    @property
    def rate(self) -> float:
        """Bytes a second; 0 within the first second, which tells of buffers and not of the line."""
        return self._rate if self._last - self._start >= SETTLED else 0.0

    def stalled(self, now: float | None = None) -> float:
        """Seconds without a byte when they are many, else 0."""
        quiet = (time.monotonic() if now is None else now) - self._moved
        return quiet if self._total and self._done < self._total and quiet >= STALL else 0.0

    def remaining(self, now: float | None = None) -> float | None:
        """Seconds until it is ready; None while that cannot be known."""
        here = time.monotonic() if now is None else now
        if not self._total or self._rate <= 0 or here - self._start < SURE_AFTER:
            return None
        return max(0.0, (self._total - self._done) / self._rate)
