"""Bad lines on demand: a relay on 127.0.0.2 in front of a server on 127.0.0.1.

`with Relay(port) as relay:` listens on 127.0.0.2 on the same port; put `Relay.HOST` in place of 127.0.0.1 into the
URL. *data* are further ports to relay (FTP's passive ones); with them only their bytes are counted and slowed, unless
*both* is set: then every byte of both directions counts. The faults may be changed while bytes flow.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
import threading
import time
from collections.abc import Sequence
from typing import Self

PIECE = 1 << 14


class Relay:
    """*rate* in bytes a second towards the server (0: no limit), *delay* in seconds each way.

    *idle*: a connection on *port* that was silent for so many seconds is forgotten, as routers do: what is sent on it
    afterwards gets nowhere, and nobody is told. *drip*: seconds for each byte that comes from the server on *port*.
    *before*: said on *port* before the server's first word, *hold* seconds after the connection was made.
    """

    HOST = "127.0.0.2"

    def __init__(
        self,
        port: int,
        data: Sequence[int] = (),
        *,
        rate: float = 0,
        delay: float = 0,
        idle: float = 0,
        drip: float = 0,
        before: bytes = b"",
        hold: float = 0,
        both: bool = False,
    ) -> None:
        self.port, self.data, self.rate, self.delay = port, tuple(data), rate, delay
        self.idle, self.drip, self.both = idle, drip, both
        self.before, self.hold = before, hold
        self.passed = self.forgotten = 0
        self.down = False
        self._cut_at = -1
        self._how = "all"
        self._flows = threading.Event()
        self._flows.set()
        self._lock = threading.Lock()
        self._socks: set[socket.socket] = set()
        self._listeners: list[socket.socket] = []

    def url(self, url: str) -> str:
        """*url* by way of this relay."""
        return url.replace("127.0.0.1", self.HOST)

    def cut_after(self, count: int, how: str = "all") -> None:
        """Reset every connection once *count* more bytes that count have passed; *how* may be `one`: the one alone on
        which that byte was, or `end`: that one is closed in order, as by a server that is stopped.
        """
        self._cut_at, self._how = self.passed + count, how

    def stall(self) -> None:
        """Pass nothing on any more, but keep the connections."""
        self._flows.clear()

    def go(self) -> None:
        """Pass bytes on again."""
        self._flows.set()

    def cut(self) -> None:
        """Reset every connection now."""
        with self._lock:
            socks, self._socks = self._socks, set()
        self._reset(socks)

    def _reset(self, socks: set[socket.socket], *, politely: bool = False) -> None:
        with self._lock:
            self._socks -= socks
        for sock in socks:
            with contextlib.suppress(OSError):
                if not politely:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def __enter__(self) -> Self:
        for port in (self.port, *self.data):
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)  # else the relay acknowledges far ahead
            listener.bind((self.HOST, port))
            listener.listen()
            self._listeners.append(listener)
            threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.go()
        self.cut()

    def _accept(self, listener: socket.socket, port: int) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                if self.down:
                    raise ConnectionError
                far = socket.create_connection(("127.0.0.1", port), timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._socks |= {near, far}
            counted = self.both or not self.data or port in self.data
            line = _Line(near, far, self.idle if port == self.port else 0)
            for source, goal, towards in ((near, far, True), (far, near, False)):
                drip = self.drip if port == self.port and not towards else 0
                args = (source, goal, counted and (towards or self.both), line, drip)
                threading.Thread(target=self._pump, args=args, daemon=True).start()

    def _pump(self, source: socket.socket, goal: socket.socket, counted: bool, line: _Line, drip: float) -> None:
        late: queue.Queue[tuple[float, bytes]] = queue.Queue(1000)
        if self.delay:
            threading.Thread(target=self._late, args=(late, goal), daemon=True).start()
        try:
            if self.hold and line.is_far(source):
                time.sleep(self.hold)
            if self.before and line.is_far(source):
                goal.sendall(self.before)
            while piece := source.recv(1 if drip else PIECE):
                time.sleep(drip)
                if line.forgets():
                    self.forgotten += 1
                else:
                    self._pass(piece, goal, counted, late, line)
        except OSError:  # one side reset its connection: so does the other
            self._reset({source, goal})
            return
        if line.forgets():
            return
        if self.delay:
            late.put((time.monotonic() + self.delay, b""))
        else:
            with contextlib.suppress(OSError):
                goal.shutdown(socket.SHUT_WR)

    def _pass(
        self,
        piece: bytes,
        goal: socket.socket,
        counted: bool,
        late: queue.Queue[tuple[float, bytes]],
        line: _Line,
    ) -> None:
        self._flows.wait()
        if counted:
            piece = self._count(piece)
        if self.delay:
            late.put((time.monotonic() + self.delay, piece))
        else:
            goal.sendall(piece)
        if counted and 0 <= self._cut_at <= self.passed:
            self._cut_at = -1
            time.sleep(0.05)
            if self._how == "all":
                self.cut()
            else:
                self._reset(line.socks, politely=self._how == "end")

    def _count(self, piece: bytes) -> bytes:
        if self.rate:
            time.sleep(len(piece) / self.rate)
        if self._cut_at >= 0:
            piece = piece[: max(0, self._cut_at - self.passed)]
        self.passed += len(piece)
        return piece

    def _late(self, late: queue.Queue[tuple[float, bytes]], goal: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, piece = late.get()
                time.sleep(max(0.0, due - time.monotonic()))
                if not piece:
                    goal.shutdown(socket.SHUT_WR)
                    return
                goal.sendall(piece)


class _Line:
    """A connection as a router sees it: after *idle* seconds of silence it knows it no more."""

    def __init__(self, near: socket.socket, far: socket.socket, idle: float) -> None:
        self.socks, self._far = {near, far}, far
        self._idle, self._last, self._gone = idle, time.monotonic(), False

    def is_far(self, sock: socket.socket) -> bool:
        return sock is self._far

    def forgets(self) -> bool:
        now = time.monotonic()
        self._gone = self._gone or (bool(self._idle) and now - self._last > self._idle)
        self._last = now
        return self._gone
