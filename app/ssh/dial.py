"""The line to a server: a socket of our own (paramiko sets neither TCP_NODELAY nor keep-alive), or a way round."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import paramiko

from app import host
from app.errors import JobError
from app.ssh import hostkeys, old
from app.ssh.config import Settings
from app.ssh.trouble import explained, patiently
from app.units import plain

if TYPE_CHECKING:
    from app.context import Context

CONNECT, BANNER, LOGIN = 20.0, 30.0, 120.0  # seconds; in a login a person may have to answer
LONGEST = 600  # bytes of a program's last words
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 120_000}


def tcp(name: str, port: int) -> socket.socket:
    """A TCP connection that sends at once and notices a dead line within about two minutes."""
    sock = socket.create_connection((name, port), timeout=CONNECT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if host.WINDOWS:  # its default of 64 KiB caps the rate; the others grow by themselves
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    for option, value in _KEEPALIVE.items():
        if hasattr(socket, option):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return sock


class Program:
    """A line through the person's own ProxyCommand: *near* is our end, *said* the last that it wrote as an error."""

    def __init__(self, command: str) -> None:
        if os.name != "posix":
            raise JobError("ProxyCommand of ~/.ssh/config is not supported on this system.", "Use ProxyJump there.")
        self.near, far = socket.socketpair()
        self.said = bytearray()
        with far:
            line = ["/bin/sh", "-c", f"exec {command}"]
            self.process = host.start(line, stdin=far, stdout=far, stderr=subprocess.PIPE)
        self._listener = threading.Thread(target=self._listen, daemon=True, name="proxy command")
        self._listener.start()

    def _listen(self) -> None:
        errors: Any = self.process.stderr
        with errors:
            while piece := errors.read1(4096):
                self.said += piece
                del self.said[:-LONGEST]

    def end(self) -> None:
        """Close the line and end the program."""
        self.near.close()
        host.end(self.process, 0.5)

    def why(self) -> str:
        """Its last words and how it ended; empty when there is nothing to tell."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)  # it may be about to say why
        self._listener.join(1)  # what it said may not be read yet
        words, status = plain(self.said.decode("utf-8", "replace")), self.process.returncode
        told = [f"said: “{words}”"] if words else []
        told += [f"ended with status {status}"] if status else []
        return f"The ProxyCommand of your ~/.ssh/config {' and '.join(told)}." if told else ""


def _bear_greetings(transport: paramiko.Transport) -> None:
    """Lines before a server's version may hold anything (RFC 4253 §4.2); paramiko ends at one that is no UTF-8."""
    read = transport.packetizer.readline

    def readline(timeout: float) -> str:
        try:
            return str(read(timeout))
        except UnicodeDecodeError:
            return ""

    transport.packetizer.readline = readline  # type: ignore[method-assign]


def shaken_hands(sock: Any, settings: Settings, extra: tuple[str, ...], ctx: Context) -> old.Transport:
    """A transport over *sock* whose host key is the right one. Nobody has logged in yet.

    *extra*: the old ways that the person has agreed to. Raises `old.TooOld` where others are needed.
    """
    with explained(settings.where):
        transport = old.Transport(sock, extra)
        _bear_greetings(transport)
        transport.banner_timeout, transport.handshake_timeout, transport.auth_timeout = BANNER, BANNER, LOGIN
        options = transport.get_security_options()
        options.key_types = hostkeys.preferred(hostkeys.known_keys(settings), tuple(options.key_types))
        try:
            patiently(ctx, lambda: transport.start_client(timeout=BANNER), sock.close)  # transport's close waits
            key = transport.get_remote_server_key()
            certificate = key.public_blob.key_blob if key.public_blob else None
            hostkeys.check(settings, key.get_name(), key.asbytes(), certificate, ctx)
        except paramiko.ssh_exception.IncompatiblePeer as exc:
            transport.close()
            if not transport.offered:
                raise
            raise old.judged(transport, settings.where) from exc
        except BaseException:
            transport.close()
            raise
    transport.set_keepalive(30)
    return transport
