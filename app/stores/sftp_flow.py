"""How much may be under way to an SFTP server, and bytes from it with many requests under way.

At most 2 MiB a session (the window that OpenSSH grants a channel: more brings nothing), and no more than the line
carries in four seconds, so that a slow line does not hide minutes of upload in buffers.
"""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Iterator

from app.errors import JobError
from app.stores.sftp_wire import DATA, EOF, READ, StatusError, Wire, string

SMALL = 1 << 15  # bytes of a request that every server takes (draft-ietf-secsh-filexfer-02 §3)
LEAST, MOST, SECONDS = 1 << 18, 1 << 21, 4.0  # bytes, bytes, and seconds of the line's rate under way
FAR = 0.005  # seconds of a round trip below which one session carries what any line does


class Pace:
    """How fast answers come in, and so how many bytes may be under way and how large a request should be."""

    def __init__(self, longest: int) -> None:
        self.longest, self.rate, self.latest, self.sessions = longest, 0.0, 0.0, 1
        self._since, self._count, self._total = time.monotonic(), 0, 0

    def got(self, count: int) -> None:
        """*count* bytes were answered."""
        self._count += count
        self._total += count
        passed = time.monotonic() - self._since
        if passed >= 0.25:
            self.latest = self._count / passed
            self.rate = 0.7 * self.rate + 0.3 * self.latest if self.rate else self.latest
            self._since, self._count = time.monotonic(), 0

    @property
    def under_way(self) -> int:
        """Bytes that may be unanswered: growing from `LEAST` as bytes are answered, as TCP does."""
        begun = LEAST + self._total
        by_rate = max(LEAST, int(self.rate * SECONDS)) if self.rate else begun
        return min(MOST * self.sessions, begun, by_rate)

    def waits_for_the_way(self, round_trip: float) -> bool:
        """Whether the rate is what the session's window allows on such a way (*round_trip* in seconds), not the line's.

        On a line that is full itself, the answers take longer than on an idle one, and less than this gets through.
        """
        most = MOST * self.sessions
        return round_trip >= FAR and self.under_way >= most and self.latest * round_trip >= most / 3

    @property
    def request(self) -> int:
        """Bytes of one request: a quarter of what may be under way at the most."""
        return max(SMALL, min(self.longest, self.under_way // 4)) if self.longest > SMALL else self.longest


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
