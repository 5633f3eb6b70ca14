"""Ports of tests: two processes never take the same one."""

from __future__ import annotations

import socket
import subprocess
import sys

from tests.ports import STRETCH, free_port, free_range

ASKS = "from tests.ports import free_range; print(free_range(20)[0], flush=True); input()"


def test_processes_take_from_stretches_of_their_own() -> None:
    def one() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", ASKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    others = [one() for _ in range(3)]
    firsts = [free_range(20)[0]]
    for other in others:
        assert other.stdout
        firsts.append(int(other.stdout.readline()))
    for other in others:
        other.communicate("\n", timeout=10)
    assert len({first // STRETCH for first in firsts}) == len(firsts)


def test_what_somebody_listens_on_is_not_given() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.2", free_port()))
        sock.listen()
        taken = sock.getsockname()[1]
        assert taken not in {free_port() for _ in range(STRETCH + 50)}


def test_a_port_is_given_again_as_late_as_can_be() -> None:
    given = [port for _ in range(10) for port in free_range(20)]
    assert len(set(given)) == len(given)
