"""What the system tells about the TCP connection that carries an upload, and about the way to its other end."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Protocol, runtime_checkable

from app import host

ANSWER = 5.0  # seconds for a server to answer a new connection


@runtime_checkable
class Carried(Protocol):
    """A store whose bytes go over a TCP connection of our own.

    *answers*: the server's program says of each piece that it has it (SFTP), not just its system (FTP).
    """

    answers: bool

    def carrier(self) -> socket.socket | None:
        """The connection; None while there is none, and behind a proxy, which says nothing about the line."""


class Carrier:
    """One connection, for as long as it lives."""

    def __init__(self, sock: socket.socket, *, answers: bool) -> None:
        self.sock, self._answers = sock, answers
        self.here, self.there = sock.getsockname()[0], sock.getpeername()[:2]
        self._held = (0.0, 0.0)

    @classmethod
    def of(cls, store: object) -> Carrier | None:
        """The carrier of *store*, None where there is none that tells anything."""
        sock = store.carrier() if isinstance(store, Carried) else None
        if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
            return None
        with contextlib.suppress(OSError):
            return cls(sock, answers=bool(getattr(store, "answers", False)))
        return None

    def waits_for(self) -> str:
        """What a wait is for just now: `line`, `server`, or `far` where that cannot be told."""
        try:
            queued, held = host.unacknowledged(self.sock), host.held_back(self.sock)
        except (OSError, ValueError):  # it is being closed
            return "far"
        if queued is None:
            return "far"
        if self._answers:
            return "line" if queued else "server"
        before, self._held = self._held, held or (0.0, 0.0)
        busy, by_receiver = (new - old for new, old in zip(self._held, before, strict=True))
        return "line" if held and by_receiver < busy / 2 else "far"

    def way(self) -> str:
        """The address by which this computer would go there now; empty when it has no way out."""
        return host.way_to(self.there[0])


class Asking:
    """Looks whether the other end can still be reached, in a thread of its own: that may take long."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self.answer = ""
        threading.Thread(target=self._run, daemon=True, name="is it still there").start()

    def _run(self) -> None:
        self.answer = why_silent(self._carrier.there, self._carrier.way())


def why_silent(there: tuple[str, int], way: str) -> str:
    """Why no byte gets through to *there*: `no-network`, `unreachable`, `refused`, or `alive` (it does answer)."""
    if not way:
        return "no-network"
    try:
        with socket.create_connection(there, timeout=ANSWER):
            return "alive"
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "unreachable"
