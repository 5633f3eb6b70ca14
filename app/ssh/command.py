"""Commands at the other computer, as this login or through sudo, always cancellable."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import paramiko

from app.errors import JobError, NeedsAnswer, Question, Transient

if TYPE_CHECKING:
    from app.ssh.client import Ssh

PIECE, TICK, MOST_OUTPUT = 1 << 15, 0.02, 64 << 20


@dataclass(frozen=True)
class Result:
    """How a command ended: its exit status (-1 when a signal ended it) and what it wrote."""

    status: int
    out: bytes
    err: bytes

    @property
    def ok(self) -> bool:
        """Whether it said that all is well."""
        return self.status == 0


def run(ssh: Ssh, line: str, stdin: bytes, timeout: float) -> Result:
    """Run *line* in the login's shell; *timeout* in seconds, 0 for none."""
    channel = ssh.session()
    try:
        _begin(ssh, channel, line)
        return _Talk(ssh, channel, stdin).finish(line, time.monotonic() + timeout if timeout else None)
    finally:
        channel.close()


def _begin(ssh: Ssh, channel: paramiko.Channel, line: str) -> None:
    with ssh.guarded(), ssh.breakable():
        try:
            channel.exec_command(line)
        except paramiko.SSHException as exc:
            if ssh.alive():
                raise JobError(f"{ssh.where} runs no commands for this login.", "Use a login with a shell.") from exc
            raise
    channel.settimeout(0.0)


class _Talk:
    """The three streams of one running command."""

    def __init__(self, ssh: Ssh, channel: paramiko.Channel, stdin: bytes) -> None:
        self.ssh, self.channel, self.stdin = ssh, channel, memoryview(stdin)
        self.out, self.err, self.sent_all = bytearray(), bytearray(), False

    def finish(self, line: str, deadline: float | None) -> Result:
        """Feed and drain until the command has ended."""
        while True:
            self.ssh.ctx.stop_if_cancelled()
            ended = self.channel.exit_status_ready()
            moved = self._drain() or (not ended and self._feed())
            if ended and not moved and (self.channel.eof_received or self.channel.closed):
                return self._result()
            if deadline and time.monotonic() > deadline:
                raise JobError(f"A command at {self.ssh.where} did not end in time: {line[:80]}", "Try again later.")
            if not moved:
                self.ssh.ctx.sleep(TICK)

    def _result(self) -> Result:
        status = self.channel.recv_exit_status()
        if status < 0 and not self.channel.eof_received:  # nobody ended the stream: the line is gone
            self.ssh.close()
            raise Transient(f"The connection to {self.ssh.where} was cut while a command ran.", "It is tried again.")
        return Result(status, bytes(self.out), bytes(self.err))

    def _drain(self) -> bool:
        moved = False
        while self.channel.recv_ready() and (piece := self.channel.recv(PIECE)):
            self.out += piece
            moved = True
        while self.channel.recv_stderr_ready() and (piece := self.channel.recv_stderr(PIECE)):
            self.err += piece
            moved = True
        if len(self.out) + len(self.err) > MOST_OUTPUT:
            raise JobError(f"A command at {self.ssh.where} wrote far too much.", "Look at it by hand.")
        return moved

    def _feed(self) -> bool:
        if self.stdin and self.channel.send_ready():
            try:
                with self.ssh.breakable():
                    sent = self.channel.send(bytes(self.stdin[:PIECE]))
            except OSError:  # the command ended without reading on; a dead line shows in its missing status
                sent = len(self.stdin)
            self.stdin = self.stdin[sent:]
            return sent > 0
        if not self.stdin and not self.sent_all:
            self.channel.shutdown_write()
            self.sent_all = True
        return False


class Sudo:
    """How this login becomes root at the other computer; found out once."""

    def __init__(self, ssh: Ssh) -> None:
        self.ssh = ssh
        self.about = f"sudo://{ssh.settings.user}@{_host_port(ssh)}"
        self.prefix, self.password = "", b""
        self._find_out()

    def run(self, line: str, stdin: bytes, timeout: float) -> Result:
        """Run *line* as root."""
        wrapped = f"{self.prefix}sh -c {shlex.quote(line)}" if self.prefix else line
        return run(self.ssh, wrapped, self.password + stdin, timeout)

    def _find_out(self) -> None:
        if run(self.ssh, "id -u", b"", 60).out.strip() == b"0":
            return
        # -k: never a cached login, or the password would end up in the command's own input
        tried = run(self.ssh, "LC_ALL=C sudo -k -n true", b"", 60)
        if tried.ok:
            self.prefix = "sudo -k -n "
            return
        self._reject_hopeless(tried)
        text = f"{self.ssh.where} asks for the password of {self.ssh.settings.user} for sudo."
        self.password = self.ssh.ctx.need(Question("sudo", self.about, text)).encode() + b"\n"
        tried = run(self.ssh, "LC_ALL=C sudo -k -S -p '' true", self.password, 60)
        if not tried.ok:
            self._reject_hopeless(tried)
            self.ssh.ctx.answers.forget(self.about)
            raise NeedsAnswer(Question("sudo", self.about, f"sudo at {self.ssh.where} refused that password. Again?"))
        self.prefix = "sudo -k -S -p '' "

    def _reject_hopeless(self, tried: Result) -> None:
        said, who = tried.err.decode(errors="replace"), self.ssh.settings.user
        if tried.status == 127 or "not found" in said:
            raise JobError(f"{self.ssh.where} has no sudo, and {who} is not root.", "Log in as root.", topic="sudo")
        if "not in the sudoers" in said or "may not run" in said or "not allowed" in said:
            raise JobError(f"{who} may not use sudo at {self.ssh.where}.", "Log in as somebody who may.", topic="sudo")
        if "must have a tty" in said:
            text = f"sudo at {self.ssh.where} works only in a terminal (“requiretty”)."
            raise JobError(text, "Log in as root, or remove requiretty from /etc/sudoers there.", topic="sudo")


def _host_port(ssh: Ssh) -> str:
    host = f"[{ssh.settings.host}]" if ":" in ssh.settings.host else ssh.settings.host
    return f"{host}:{ssh.settings.port}"
