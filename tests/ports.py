"""Ports for servers and relays of tests, from a stretch that no other process of tests takes from.

A port that was merely free when somebody looked may be another worker's a second later, when the server of this one
has come up. So each process keeps a stretch for itself, marked by a UDP socket on its first port for as long as the
process lives. All lie below the ports of outgoing connections (`ip(7)`, ip_local_port_range).
"""

from __future__ import annotations

import contextlib
import functools
import random
import socket

HOSTS = ("127.0.0.1", "127.0.0.2")
FIRST, LAST, STRETCH = 10_000, 32_000, 500


def free_port() -> int:
    """A TCP port that nobody listens on, of 127.0.0.1 and of 127.0.0.2, where relays are."""
    return free_range(1)[0]


def free_range(count: int) -> range:
    """*count* neighbouring ports of which that holds."""
    while True:
        ports = _own().take(count)
        if all(_free(host, port) for port in ports for host in HOSTS):
            return ports


def _free(host: str, port: int) -> bool:
    with socket.socket() as sock, contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        return True
    return False


class _Stretch:
    """Ports in turn, so that one is given again as late as can be."""

    def __init__(self) -> None:
        stretches = list(range(FIRST, LAST, STRETCH))
        random.SystemRandom().shuffle(stretches)  # pytest-randomly gives every worker the same seed
        self._mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for self._first in stretches:
            with contextlib.suppress(OSError):
                self._mark.bind((HOSTS[0], self._first))
                break
        self._next = 0

    def take(self, count: int) -> range:
        start = self._next if self._next + count <= STRETCH else 0
        self._next = start + count
        return range(self._first + start, self._first + self._next)


@functools.cache
def _own() -> _Stretch:
    return _Stretch()
