"""Bytes to and from an SFTP server with many requests under way, counted by the server's answers.

How much may be under way: at most 2 MiB (the window that OpenSSH grants a channel: more brings nothing), and no
more than the line carries in four seconds, so that a slow line does not hide minutes of upload in buffers.
"""

from __future__ import annotations

import contextlib
import struct
import time
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.errors import JobError
from app.stores.sftp_wire import DATA, EOF, FSETSTAT, HAS_SIZE, READ, WRITE, StatusError, Wire, string

if TYPE_CHECKING:
    from app.stores import Acked

SMALL = 1 << 15  # bytes of a request that every server takes (draft-ietf-secsh-filexfer-02 §3)
LEAST, MOST, SECONDS = 1 << 18, 1 << 21, 4.0  # bytes, bytes, and seconds of the line's rate under way
LAST_WORDS = 10.0  # seconds in which a server that refused one request answers those after it
GRACE = 0.6  # seconds that a stopped upload waits for the answers under way


class Pace:
    """How fast answers come in, and so how many bytes may be under way and how large a request should be."""

    def __init__(self, longest: int) -> None:
        self.longest, self.rate = longest, 0.0
        self._since, self._count, self._total = time.monotonic(), 0, 0

    def got(self, count: int) -> None:
        """*count* bytes were answered."""
        self._count += count
        self._total += count
        passed = time.monotonic() - self._since
        if passed >= 0.25:
            now = self._count / passed
            self.rate = 0.7 * self.rate + 0.3 * now if self.rate else now
            self._since, self._count = time.monotonic(), 0

    @property
    def under_way(self) -> int:
        """Bytes that may be unanswered: growing from `LEAST` as bytes are answered, as TCP does."""
        begun = LEAST + self._total
        by_rate = max(LEAST, int(self.rate * SECONDS)) if self.rate else begun
        return min(MOST, begun, by_rate)

    @property
    def request(self) -> int:
        """Bytes of one request: a quarter of what may be under way at the most."""
        return max(SMALL, min(self.longest, self.under_way // 4)) if self.longest > SMALL else self.longest


class Upload:
    """WRITE requests to one open handle, from *offset* on."""

    def __init__(self, wire: Wire, handle: bytes, offset: int, longest: int, acked: Acked) -> None:
        self.wire, self.handle, self.at, self.acked = wire, string(handle), offset, acked
        self.pace = Pace(longest)
        self._open: dict[int, tuple[int, int]] = {}  # number: offset, length
        self._open_bytes = 0
        self._refused_at: int | None = None
        self._gap = False

    def pour(self, blocks: Iterator[bytes]) -> None:
        """Send all *blocks*; what they raise is passed on after a short wait for the answers under way."""
        rest = bytearray()
        try:
            for block in blocks:
                rest += block
                while len(rest) >= self.pace.request:
                    size = self.pace.request
                    self._send(bytes(rest[:size]))
                    del rest[:size]
            for at in range(0, len(rest), self.pace.longest):
                self._send(bytes(rest[at : at + self.pace.longest]))
            while self._open:
                self._collect(wait=True)
        except StatusError:
            self._leave_no_gap()
            raise
        except BaseException:
            self._drain_in_a_hurry()
            raise

    def _send(self, piece: bytes) -> None:
        while self._open_bytes and self._open_bytes + len(piece) > self.pace.under_way:
            self._collect(wait=True)
        number = self.wire.ask(WRITE, self.handle, struct.pack(">Q", self.at), string(piece))
        self._open[number] = (self.at, len(piece))
        self._open_bytes += len(piece)
        self.at += len(piece)
        self._collect(wait=False)

    def _collect(self, wait: bool) -> None:
        if wait:
            self.wire.wait_for(next(iter(self._open)))
        self.wire.take_in()
        for number in [n for n in self._open if self.wire.arrived(n)]:
            offset, count = self._open.pop(number)
            self._open_bytes -= count
            try:
                self.wire.answer(number)
            except StatusError:
                self._refused_at = min(offset, offset if self._refused_at is None else self._refused_at)
                raise
            self._gap = self._gap or (self._refused_at is not None and offset > self._refused_at)
            self.pace.got(count)
            self.acked(count)

    def _leave_no_gap(self) -> None:
        """A request was refused, but later ones may have been stored: cut off what lies behind the gap.

        Else the length, by which an upload goes on, would count bytes that were never stored.
        """
        self.wire.hurried_until, self.acked = time.monotonic() + LAST_WORDS, _nobody
        try:
            while self._open:
                with contextlib.suppress(StatusError):
                    self._collect(wait=True)
        finally:
            self.wire.hurried_until = 0.0
        if self._gap and self._refused_at is not None:
            self.wire.call(FSETSTAT, self.handle, struct.pack(">IQ", HAS_SIZE, self._refused_at))

    def _drain_in_a_hurry(self) -> None:
        """The job is stopping, or the source broke: count what still gets answered; the first trouble matters."""
        self.wire.hurried_until = time.monotonic() + GRACE
        self.acked = _nobody
        try:
            while self._open:
                self._collect(wait=True)
        except Exception:  # noqa: BLE001 - the caller raises the reason why we stop
            self.wire.close()
        finally:
            self.wire.hurried_until = 0.0


def download(wire: Wire, handle: bytes, offset: int, length: int | None, longest: int) -> Iterator[bytes]:
    """The bytes from *offset* on, asked for ahead of time; a bounded number of them is under way."""
    name, pace, end = string(handle), Pace(longest), None if length is None else offset + length
    asked: deque[tuple[int, int, int]] = deque()  # number, offset, length
    under_way, at = 0, offset
    try:
        while True:
            while (end is None or at < end) and (not asked or under_way < pace.under_way):
                size = pace.request if end is None else min(pace.request, end - at)
                asked.append((_ask(wire, name, at, size), at, size))
                at, under_way = at + size, under_way + size
            if not asked:
                return
            number, start, size = asked.popleft()
            under_way -= size
            try:
                block = _block(wire.answer(number))
            except StatusError as exc:
                if exc.code == EOF:
                    return
                raise
            pace.got(len(block))
            if len(block) < size:  # a server may answer less than was asked (draft §6.4)
                asked.appendleft(
                    (_ask(wire, name, start + len(block), size - len(block)), start + len(block), size - len(block))
                )
                under_way += size - len(block)
            yield block
    finally:
        for number, _, _ in asked:
            wire.forget(number)


def _ask(wire: Wire, name: bytes, at: int, size: int) -> int:
    return wire.ask(READ, name, struct.pack(">QI", at, size))


def _block(reply: tuple[int, bytes]) -> bytes:
    kind, body = reply
    if kind != DATA or not body[4:]:
        raise JobError("The server sent something else than the file's bytes.", "Try again.")
    return body[4:]


def _nobody(count: int) -> None:
    """Nobody counts any more."""
