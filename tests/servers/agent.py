"""A real ssh-agent of its own, and ones that misbehave."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from tests.servers import need, until


class Agent:
    """`with Agent(tmp_path, monkeypatch) as agent: agent.add(key)`; it is that of SSH_AUTH_SOCK if *usual*."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, usual: bool = True) -> None:
        self.socket = tmp_path / "a"
        if usual:
            monkeypatch.setenv("SSH_AUTH_SOCK", str(self.socket))

    def __enter__(self) -> Self:
        command = [need("ssh-agent"), "-D", "-a", str(self.socket)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(self.socket.exists)
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        self.process.wait()

    def add(self, key: Path, *options: str) -> None:
        """Give it a key, and the certificate beside it."""
        command = [need("ssh-add"), "-q", *options, str(key)]
        environment = {**os.environ, "SSH_AUTH_SOCK": str(self.socket)}
        subprocess.run(command, check=True, capture_output=True, env=environment)


class Relay:
    """Between us and an agent: requests that *swallow* names (by number) are never answered."""

    def __init__(self, place: Path, agent: Path | None, swallow: Callable[[int], bool]) -> None:
        self.agent, self.swallow = agent, swallow
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(place))
        self.listener.listen()
        self.lines: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        for line in (self.listener, *self.lines):
            line.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            self.lines.append(line)
            threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, near: socket.socket) -> None:
        far = socket.socket(socket.AF_UNIX)
        self.lines.append(far)
        if self.agent:
            far.connect(str(self.agent))
        try:
            while request := _message(near):
                if not self.swallow(request[4]):
                    far.sendall(request)
                    near.sendall(_message(far))
        except OSError:
            return


def _message(line: socket.socket) -> bytes:
    head = line.recv(4, socket.MSG_WAITALL)
    return head + line.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL) if len(head) == 4 else b""
