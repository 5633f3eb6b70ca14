"""The line to a server: a socket of our own (paramiko sets neither TCP_NODELAY nor keep-alive), or a way round."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import paramiko

from app import host
from app.errors import JobError
from app.ssh import hostkeys
from app.ssh.config import Settings
from app.ssh.trouble import explained, patiently

if TYPE_CHECKING:
    from app.context import Context

CONNECT, BANNER, LOGIN = 20.0, 30.0, 60.0  # seconds
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")  # 2.3 times less work than AES-CTR with HMAC
OLD_RSA = ("-OpenSSH_4", "-OpenSSH_5", "-OpenSSH_6", "-OpenSSH_7.0", "-OpenSSH_7.1")  # no RSA with SHA-2 (RFC 8332)
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


def through_program(command: str) -> tuple[socket.socket, Callable[[], None]]:
    """A line through the person's own ProxyCommand, and how to end it."""
    if os.name != "posix":
        raise JobError("ProxyCommand of ~/.ssh/config is not supported on this system.", "Use ProxyJump there.")
    near, far = socket.socketpair()
    with far:
        process = host.start(["/bin/sh", "-c", f"exec {command}"], stdin=far, stdout=far, stderr=subprocess.DEVNULL)

    def end() -> None:
        near.close()
        host.end(process, 0.5)

    return near, end


def shaken_hands(sock: Any, settings: Settings, ctx: Context) -> paramiko.Transport:
    """A transport over *sock* whose host key is the right one. Nobody has logged in yet."""
    with explained(settings.where):
        transport = paramiko.Transport(sock)
        transport.banner_timeout, transport.handshake_timeout, transport.auth_timeout = BANNER, BANNER, LOGIN
        options = transport.get_security_options()
        options.ciphers = (*CIPHERS, *(c for c in options.ciphers if c not in CIPHERS))
        options.key_types = hostkeys.preferred(hostkeys.known_keys(settings), tuple(options.key_types))
        try:
            patiently(ctx, lambda: transport.start_client(timeout=BANNER), sock.close)  # transport's close waits
            key = transport.get_remote_server_key()
            hostkeys.check(settings, key.get_name(), key.asbytes(), ctx)
        except BaseException:
            transport.close()
            raise
    if any(old in transport.remote_version for old in OLD_RSA):
        transport.disabled_algorithms = {"pubkeys": ["rsa-sha2-512", "rsa-sha2-256"]}
    transport.set_keepalive(30)
    return transport
