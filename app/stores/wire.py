"""One TCP connection, with or without TLS, on which every wait can be cancelled and has an end."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from app import host

if TYPE_CHECKING:
    from app.context import Context

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
CONNECTING, HANDSHAKE = 20.0, 30.0  # seconds
LOOK = 0.2  # seconds between two looks at the cancel button
HURRY, HURRIED = 0.6, 5.0  # seconds without, and with bytes still leaving, once the person wants to stop
SMALL_BUFFER = 1 << 18  # bytes; where the system does not tell what is unsent, little may be
T = TypeVar("T")


class Wire:
    """A connected socket that never blocks for longer than `LOOK` without heeding a cancel.

    `OSError` (with `TimeoutError` and `ssl.SSLError`) tells a broken line, `Cancelled` the person's wish.
    """

    def __init__(self, sock: socket.socket, ctx: Context) -> None:
        sock.setblocking(False)
        _keep_alive(sock)
        self.sock, self.ctx, self._closed = sock, ctx, False
        self.was_reset = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock.fileno(), READ)
        if self.unacked() is None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)

    @classmethod
    def connect(cls, host: str, port: int, ctx: Context) -> Wire:
        """Connect to the first address of *host* that answers."""
        trouble: OSError = OSError(f"{host} has no address")
        for family, kind, protocol, _, address in _addresses(host, port, ctx):
            sock = socket.socket(family, kind, protocol)
            wire = cls(sock, ctx)
            try:
                _begin_connecting(sock, address)
                wire.wait(WRITE, time.monotonic() + CONNECTING)
                if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    raise ConnectionError(code, "connect failed")
            except OSError as exc:
                wire.close()
                trouble = exc
            except BaseException:
                wire.close()
                raise
            else:
                return wire
        raise trouble

    @property
    def peer(self) -> str:
        """The IP address at the other end."""
        return str(self.sock.getpeername()[0])

    @property
    def tls(self) -> ssl.SSLSocket | None:
        """The TLS layer, once there is one."""
        return self.sock if isinstance(self.sock, ssl.SSLSocket) else None

    @property
    def certificate(self) -> bytes:
        """The other end's certificate (DER), empty without TLS."""
        return (self.tls.getpeercert(binary_form=True) or b"") if self.tls else b""

    def secure(self, context: ssl.SSLContext, host: str, session: ssl.SSLSession | None = None) -> None:
        """Put TLS on the line, resuming *session* when one is given."""
        self.sock = made = context.wrap_socket(
            self.sock, server_hostname=host, session=session, do_handshake_on_connect=False
        )
        self._until(made.do_handshake, READ, HANDSHAKE)

    def recv(self, count: int, patience: float) -> bytes:
        """Up to *count* bytes; empty at the end."""
        return self._until(lambda: self.sock.recv(count), READ, patience)

    def recv_ready(self, count: int, patience: float) -> bytes:
        """What has arrived, up to *count* bytes; waits for the first of them only. TLS hands on 16 KiB at a time."""
        pieces = [self.recv(count, patience)]
        got = len(pieces[0])
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            while pieces[-1] and got < count:
                pieces.append(self.sock.recv(count - got))
                got += len(pieces[-1])
        return b"".join(pieces)

    def sendall(self, data: bytes, patience: float) -> None:
        """Send all of *data*."""
        view = memoryview(data)
        while view:
            view = view[self._until(lambda rest=view: self.sock.send(rest), WRITE, patience) :]  # type: ignore[misc]

    def try_send(self, data: memoryview) -> int:
        """Send what fits now; after 0, call again with the same bytes (OpenSSL wants them again)."""
        try:
            return self.sock.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            self.pause(WRITE)
        except ssl.SSLWantReadError:
            self.pause(READ)
        return 0

    def pause(self, events: int) -> bool:
        """Wait `LOOK` seconds at most for *events*; whether they came."""
        self._selector.modify(self.sock.fileno(), events)
        return bool(self._selector.select(LOOK))

    def readable(self, seconds: float) -> bool:
        """Whether something arrives within *seconds*."""
        if self.tls and self.tls.pending():
            return True
        try:
            self.wait(READ, time.monotonic() + seconds)
        except TimeoutError:
            return False
        return True

    def wait(self, events: int, end: float) -> None:
        """Wait for *events* until the clock (`time.monotonic`) says *end*; then `TimeoutError`."""
        while not self.pause(events):
            self.ctx.stop_if_cancelled()
            if time.monotonic() > end:
                raise TimeoutError("no answer")

    def unacked(self) -> int | None:
        """Bytes handed to the system that the far side has not acknowledged; None where it does not say."""
        return host.unacknowledged(self.sock)

    def stop_if_broken(self) -> None:
        """Raise the `OSError` that a socket keeps to itself while nothing is sent on it."""
        if code := self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, os.strerror(code))

    def finish(self, patience: float, longest: float, moved: Callable[[], bool]) -> None:
        """Say good-bye so that the far side keeps what it got: close_notify, half-close, drain, close.

        Without it TLS 1.3 servers lose data that was sent already: unread session tickets make
        `close` reset the connection. Ends *patience* seconds after *moved*() was last true, and after
        *longest* seconds in any case; both are short once the person wants to stop. Never raises.
        """
        if self._closed:
            return
        stop = time.monotonic() + longest
        with contextlib.suppress(OSError, ValueError), self._noticing_resets():
            heard = self._slowly(self._unwrap, patience, stop, moved)
            socket.socket.shutdown(self.sock, socket.SHUT_WR)
            self._slowly(self._drained, patience if heard else LOOK, stop, moved)
        self.close()

    @contextlib.contextmanager
    def _noticing_resets(self) -> Iterator[None]:
        try:
            yield
        except (ConnectionResetError, BrokenPipeError):
            self.was_reset = True
            raise

    def _unwrap(self) -> None:
        if self.tls:
            self.tls.unwrap()

    def _drained(self) -> None:
        while self.sock.recv(1 << 16):
            pass

    def _slowly(self, act: Callable[[], None], patience: float, stop: float, moved: Callable[[], bool]) -> bool:
        last = time.monotonic()
        hurried = 0.0
        while True:
            try:
                act()
            except ssl.SSLWantWriteError:
                self.pause(WRITE)
            except (BlockingIOError, ssl.SSLWantReadError):
                self.pause(READ)
            else:
                return True
            now = time.monotonic()
            last = now if moved() else last
            if self.ctx.cancel.is_set() and not hurried:
                hurried, patience, stop = now, HURRY, min(stop, now + HURRIED)
            if now > min(last + patience, stop):
                return False

    def close(self) -> None:
        """Let go of the socket."""
        if not self._closed:
            self._closed = True
            self._selector.close()
            self.sock.close()

    def _until(self, act: Callable[[], T], events: int, patience: float) -> T:
        end = time.monotonic() + patience
        while True:
            try:
                return act()
            except ssl.SSLWantReadError:
                self.wait(READ, end)
            except ssl.SSLWantWriteError:
                self.wait(WRITE, end)
            except BlockingIOError:
                self.wait(events, end)


def _begin_connecting(sock: socket.socket, address: Any) -> None:
    with contextlib.suppress(BlockingIOError):
        sock.connect(address)


def _keep_alive(sock: socket.socket) -> None:
    """Keep routers from forgetting a line that is silent for hours (the control line of a long upload)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPALIVE", 60), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 6)):
        if hasattr(socket, option):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _addresses(host: str, port: int, ctx: Context) -> list[Any]:
    """What getaddrinfo(3) says; it cannot be interrupted, so it runs in a thread that may be left behind."""
    found: list[Any] = []
    trouble: list[OSError] = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as exc:
            trouble.append(exc)
        except UnicodeError as exc:
            trouble.append(socket.gaierror(socket.EAI_NONAME, str(exc)))

    asker = threading.Thread(target=ask, daemon=True)
    asker.start()
    end = time.monotonic() + HANDSHAKE
    while asker.is_alive() and time.monotonic() < end:
        asker.join(LOOK)
        ctx.stop_if_cancelled()
    if trouble:
        raise trouble[0]
    return list(found)
