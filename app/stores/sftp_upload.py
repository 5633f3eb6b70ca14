"""Bytes to one file at an SFTP server, by one session or, on a long way, by several side by side.

All sessions write into the same file, each request at its own place, and requests go out in the order of the file.
None lies further than `SPREAD` beyond the first byte that is not acknowledged: so whatever happens, an unfinished
file holds no gap but in its last `SPREAD` bytes (`transfer.resume` looks there).

Where a file system is behind the server, requests of zeros are not sent: what is written beyond the end of a file has
zeros before it (draft-ietf-secsh-filexfer-02 §6.4), and most often they take no room there.
"""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.stores.sftp_flow import MOST, Pace
from app.stores.sftp_wire import FSETSTAT, HAS_SIZE, WRITE, StatusError, Wire, string

if TYPE_CHECKING:
    from app.stores import Acked
    from app.stores.sftp_further import Further

SESSIONS = 4  # side by side at most
SPREAD = SESSIONS * MOST  # bytes
ZEROS = bytes(1 << 20)  # more than any request has
FILE_SYSTEM = b"fsync@openssh.com"  # of OpenSSH's server; what another one makes of a hole is not known
LAST_WORDS = 10.0  # seconds in which a server that refused one request answers those after it
GRACE = 0.6  # seconds that a stopped upload waits for the answers under way


class Lane:
    """One session in which the file is open, and its requests that are not answered yet (number: offset, length)."""

    def __init__(self, wire: Wire, handle: bytes) -> None:
        self.wire, self.handle = wire, handle
        self.name = string(handle)
        self.open: dict[int, tuple[int, int]] = {}
        self.open_bytes = 0

    @property
    def first(self) -> int:
        """The offset of its oldest request; there must be one."""
        return next(iter(self.open.values()))[0]


class Upload:
    """WRITE requests to one file, from *offset* on; *further* opens more sessions when the way is long."""

    def __init__(self, lane: Lane, offset: int, longest: int, acked: Acked, further: Further | None = None) -> None:
        self.lanes, self.at, self.acked = [lane], offset, acked
        self.pace = Pace(longest)
        self._further = further
        self._holes = FILE_SYSTEM in lane.wire.extensions
        self._skipped = b""
        self._refused_at: int | None = None
        self._gap = False

    def pour(self, blocks: Iterator[bytes]) -> None:
        """Send all *blocks*; what they raise is passed on after a short wait for the answers under way."""
        try:
            for piece in _pieces(blocks, self.pace):
                if self._holes and piece == ZEROS[: len(piece)]:
                    self._skip(piece)
                else:
                    self._send(piece)
            self._end_after_data()
            while self._open():
                self._collect(wait=True)
        except StatusError:
            self._leave_no_gap()
            raise
        except BaseException:
            self._drain_in_a_hurry()
            raise

    def _skip(self, zeros: bytes) -> None:
        """Leave *zeros* out; the last of them wait for what comes, since it is data that makes a file longer."""
        self._count_skipped()
        self._skipped = zeros
        self.at += len(zeros)
        self._collect(wait=False)

    def _count_skipped(self) -> None:
        skipped, self._skipped = len(self._skipped), b""
        if skipped:
            self.acked(skipped)

    def _end_after_data(self) -> None:
        zeros, self._skipped = self._skipped, b""
        if zeros:
            self.at -= len(zeros)
            self._send(zeros)

    def _send(self, piece: bytes) -> None:
        self._count_skipped()
        lane = self._free_lane(len(piece))
        number = lane.wire.ask_with(piece, WRITE, lane.name, struct.pack(">QI", self.at, len(piece)))
        lane.open[number] = (self.at, len(piece))
        lane.open_bytes += len(piece)
        self.at += len(piece)
        self._collect(wait=False)

    def _free_lane(self, count: int) -> Lane:
        """The session with the least under way, once there is room in it for *count* bytes more."""
        while True:
            self._widen()
            lane = min(self.lanes, key=lambda one: one.open_bytes)
            room = not lane.open or lane.open_bytes + count <= self.pace.under_way // len(self.lanes)
            if room and self.at + count - self._begun() <= SPREAD:
                return lane
            self._collect(wait=True)

    def _widen(self) -> None:
        """Where the way is long and not the line narrow, let further sessions be opened; take those that are."""
        if self._further:
            if self.pace.waits_for_the_way(self.lanes[0].wire.round_trip):
                self._further.wanted()
            self.lanes += self._further.opened()
            self.pace.sessions = len(self.lanes)

    def _open(self) -> list[Lane]:
        return [lane for lane in self.lanes if lane.open]

    def _begun(self) -> int:
        """The first byte that is not acknowledged."""
        return min((lane.first for lane in self._open()), default=self.at)

    def _collect(self, *, wait: bool) -> None:
        if wait and (waiting := self._open()):
            lane = min(waiting, key=lambda one: one.first)
            lane.wire.wait_for(next(iter(lane.open)))
        for lane in self.lanes:
            self._take(lane)

    def _take(self, lane: Lane) -> None:
        lane.wire.take_in()
        for number in [n for n in lane.open if lane.wire.arrived(n)]:
            offset, count = lane.open.pop(number)
            lane.open_bytes -= count
            try:
                lane.wire.answer(number)
            except StatusError:
                self._refused_at = min(offset, offset if self._refused_at is None else self._refused_at)
                raise
            self._gap = self._gap or (self._refused_at is not None and offset > self._refused_at)
            self.pace.got(count)
            if self._further and lane is not self.lanes[0]:
                self._further.carried()
            self.acked(count)

    def _leave_no_gap(self) -> None:
        """A request was refused, but later ones may have been stored: cut off what lies behind the gap.

        Else the length, by which an upload goes on, would count bytes that were never stored.
        """
        self._hurry(LAST_WORDS)
        try:
            while self._open():
                with contextlib.suppress(StatusError):
                    self._collect(wait=True)
        finally:
            self._hurry(0.0)
        if self._refused_at is not None and (self._gap or len(self.lanes) > 1):
            lane = self.lanes[0]
            lane.wire.call(FSETSTAT, lane.name, struct.pack(">IQ", HAS_SIZE, self._refused_at))

    def _drain_in_a_hurry(self) -> None:
        """The job is stopping, or the source broke: count what still gets answered; the first trouble matters."""
        self._hurry(GRACE)
        try:
            while self._open():
                self._collect(wait=True)
        except Exception:  # noqa: BLE001 - the caller raises the reason why we stop
            for lane in self.lanes:
                lane.wire.close()
        finally:
            self._hurry(0.0)

    def _hurry(self, seconds: float) -> None:
        """End every wait after *seconds*; 0: wait as ever again."""
        self.acked = _nobody if seconds else self.acked
        for lane in self.lanes:
            lane.wire.hurried_until = time.monotonic() + seconds if seconds else 0.0


def _pieces(blocks: Iterator[bytes], pace: Pace) -> Iterator[bytes]:
    """*blocks* cut anew into requests; a block that has the right length already is handed on as it is."""
    rest = bytearray()
    for block in blocks:
        if len(block) == pace.request:
            if rest:
                yield bytes(rest)
                rest.clear()
            yield block
            continue
        rest += block
        while len(rest) >= pace.request:
            size = pace.request
            yield bytes(rest[:size])
            del rest[:size]
    for at in range(0, len(rest), pace.longest):
        yield bytes(rest[at : at + pace.longest])


def _nobody(count: int) -> None:
    """Nobody counts any more."""
