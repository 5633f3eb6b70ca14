"""Pouring bytes into an FTP data line, counting what really arrived and keeping little in flight."""

from __future__ import annotations

import time
from collections import deque

from app.errors import Cancelled
from app.stores import Acked
from app.stores.wire import Wire

PIECE = 1 << 18  # bytes; each call costs a turn of the interpreter's lock, and ftplib's 8 KiB is half as fast
RECORD = 1 << 14  # bytes of a TLS record at the most (RFC 8446 §5.1); servers store each as it comes
STEP = 1 << 16  # bytes that go out at a time where a line has hardly room
LEAST = 1 << 18  # bytes that may be in flight on any line
AHEAD = 4.0  # seconds of the line that may be in flight: so long progress and pause lag behind
STALL = 120.0  # seconds without one acknowledged byte
REMEMBER = 3.0  # seconds over which the speed is taken
HOLD, MARK = 0.02, 0.1  # seconds; so long the system is not asked again what arrived, where there is room anyway


class Outflow:
    """The bytes that go out on one data line. *sent* left this program, *arrived* were acknowledged by TCP."""

    def __init__(self, wire: Wire, acked: Acked) -> None:
        self.wire, self._acked = wire, acked
        self.sent = self.arrived = 0
        self._kept = b""
        self._moved = self._settled = time.monotonic()
        self._marks: deque[tuple[float, int]] = deque([(self._moved, 0)])

    def send(self, block: bytes) -> None:
        """Send *block*; raises `TimeoutError` when nothing gets through any more.

        What is no whole record at the end of a big block waits for the next one, or for `flush`: a server that stores
        records that begin and end where its pages do is a fifth quicker.
        """
        whole = memoryview(block)
        if self._kept:
            missing = RECORD - len(self._kept)
            first, whole, self._kept = self._kept + whole[:missing], whole[missing:], b""
            self._send(memoryview(first))
        odd = (self.sent + len(whole)) % RECORD if len(whole) >= STEP else 0
        self._send(whole[: len(whole) - odd])
        self._kept = bytes(whole[len(whole) - odd :])

    def flush(self) -> None:
        """Send what was kept of the last block."""
        rest, self._kept = self._kept, b""
        self._send(memoryview(rest))

    def _send(self, rest: memoryview) -> None:
        while rest:
            self.wire.ctx.stop_if_cancelled()
            room = self._room()
            if room < 0:
                self.wire.stop_if_broken()
                self.wire.ctx.sleep(HOLD)
            else:
                rest = rest[self._burst(rest[: max(room, STEP)]) :]
            if time.monotonic() - self._moved > STALL and self.sent > self.arrived:
                raise TimeoutError(f"no byte got through for {STALL:.0f} s")

    def _room(self) -> int:
        """Bytes that may go out now; negative where too many are in flight."""
        allowed = int(self._allowed())
        known = allowed - (self.sent - self.arrived)
        return known if known >= PIECE and time.monotonic() - self._settled < HOLD else allowed - self.settle()

    def _burst(self, rest: memoryview) -> int:
        """Send what fits of *rest*; looking around after each piece would cost as much as sending it."""
        gone = 0
        while gone < len(rest) and (went := self.wire.try_send(rest[gone : gone + PIECE])):
            gone += went
            self.sent += went
        return gone

    def settle(self) -> int:
        """Tell what arrived since; returns the bytes that are still in flight."""
        self._settled = time.monotonic()
        waiting = min(self.wire.unacked() or 0, self.sent)
        arrived = max(self.arrived, self.sent - waiting)
        new, self.arrived = arrived - self.arrived, arrived
        if new:
            self._moved = time.monotonic()
            self._remember(self._moved)
            self._acked(new)
        elif not waiting:
            self._moved = time.monotonic()
        return waiting

    def moved(self) -> bool:
        """Whether bytes arrived since the last look; never raises (the last minutes of a line)."""
        before = self.arrived
        try:
            self.settle()
        except (Cancelled, OSError):
            return False
        return self.arrived > before

    def finish(self, patience: float, longest: float) -> None:
        """Close the line so that the far side keeps what it got."""
        self.wire.finish(patience, longest, self.moved)

    def complete(self) -> None:
        """The far side confirmed everything."""
        new, self.arrived = self.sent - self.arrived, self.sent
        if new:
            self._acked(new)

    def _remember(self, now: float) -> None:
        if now - self._marks[-1][0] >= MARK:
            self._marks.append((now, self.arrived))
        while len(self._marks) > 2 and now - self._marks[1][0] > REMEMBER:
            self._marks.popleft()

    def _allowed(self) -> float:
        then, arrived = self._marks[0]
        passed = max(time.monotonic() - then, 0.25)
        return max(LEAST, AHEAD * (self.arrived - arrived) / passed)
