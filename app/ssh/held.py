"""A command at the other computer that is talked with while it runs: a line there, a line back."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from app.errors import JobError, Transient
from app.ssh import command, rights

if TYPE_CHECKING:
    from app.ssh.client import Ssh

LONGEST = 1 << 20  # bytes of what it says before a line ends


class Held:
    """`Held(ssh, script)` runs *script* as root until `close`, which ends its input; so does a line that is cut."""

    def __init__(self, ssh: Ssh, script: str) -> None:
        found = rights.Rights(ssh)
        if found.way and found.way.tty:
            raise JobError(
                f"{found.way.program} at {ssh.where} wants a terminal, and what is talked with cannot have one.",
                "Log in as root.",
                topic="sudo",
            )
        secret = found.secret if found.way and found.way.password else b""
        self.ssh, self.said = ssh, b""
        self.channel = ssh.session()
        try:
            command._begin(ssh, self.channel, command.portable(found.way.line(script) if found.way else script), False)
            self._send(secret)
        except BaseException:
            self.channel.close()
            raise

    def line(self, seconds: float) -> str:
        """The next line that it says, empty when it has ended; `JobError` when none comes in time."""
        until = time.monotonic() + seconds
        while b"\n" not in self.said:
            if self.channel.recv_ready():
                piece = self.channel.recv(4096)
                self.said += piece
                if len(self.said) > LONGEST:
                    raise JobError(f"{self.ssh.where} says far too much.", "Look at it by hand.")
            elif self.channel.eof_received or self.channel.closed:
                return ""
            elif not self.ssh.alive():
                raise Transient(f"The connection to {self.ssh.where} was cut.", "It is tried again.")
            elif time.monotonic() > until:
                raise JobError(f"{self.ssh.where} did not answer in time.", "Try again later.")
            else:
                time.sleep(0.02)
        line, _, self.said = self.said.partition(b"\n")
        return line.decode("utf-8", "backslashreplace")

    def say(self, text: str) -> None:
        """Send a line. Never raises: a line that is cut ends its input, too."""
        with contextlib.suppress(OSError, JobError):
            self._send(text.encode() + b"\n")

    def close(self) -> None:
        """End its input and let go of it. Never raises."""
        with contextlib.suppress(Exception):
            self.channel.shutdown_write()
        with contextlib.suppress(Exception):
            self.channel.close()

    def _send(self, data: bytes) -> None:
        self.channel.settimeout(30)
        if data:
            self.channel.sendall(data)
