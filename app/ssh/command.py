"""Commands at the other computer, whatever shell the login has there, always cancellable."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import paramiko

from app.errors import JobError, Transient

if TYPE_CHECKING:
    from app.ssh.client import Ssh

PIECE, TICK, MOST_OUTPUT = 1 << 15, 0.02, 64 << 20
NO_TERMINAL = 97  # our own exit status: the terminal could not be set up
_SAME_EVERYWHERE = re.compile(r"[A-Za-z0-9_/.,:@ -]+")
_READ_DIFFERENTLY = re.compile(r"[^A-Za-z0-9_/.,:@ ;|&<>(){}*?=+\[\]#~^-]")


class TooSlow(JobError):
    """A command that did not end within its time; it may still go on there."""


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


def run(
    ssh: Ssh,
    line: str,
    stdin: bytes,
    timeout: float,
    *,
    tty: bool = False,
    held: Sequence[tuple[bytes, bytes]] = (),
) -> Result:
    """Run *line* in a POSIX shell; *timeout* in seconds, 0 for none.

    *tty* gives it a terminal, which cannot end its input. *held*: what is sent only after it has written something.
    """
    channel = ssh.session()
    try:
        _begin(ssh, channel, portable(line), tty)
        talk = _Talk(ssh, channel, stdin, list(held), ends=not tty)
        return talk.finish(line, time.monotonic() + timeout if timeout else None)
    finally:
        channel.close()


def portable(line: str) -> str:
    """*line* so that csh, fish and every other login shell hand it to sh unchanged.

    They agree on plain words and, within single quotes, on all but quotes, backslashes, `!` and line ends: these are
    written as octal numbers, which printf(1) of POSIX reads.
    """
    if _SAME_EVERYWHERE.fullmatch(line):
        return line
    octal = _READ_DIFFERENTLY.sub(lambda m: "".join(f"\\{byte:03o}" for byte in m[0].encode()), line)
    return f"""sh -c 'eval "$(printf "{octal}")"'"""


def _begin(ssh: Ssh, channel: paramiko.Channel, line: str, tty: bool) -> None:
    with ssh.guarded(), ssh.breakable():
        try:
            if tty:
                channel.get_pty("dumb", 200, 50)
            channel.exec_command(line)
        except paramiko.SSHException as exc:
            if ssh.alive():
                raise JobError(f"{ssh.where} runs no commands for this login.", "Use a login with a shell.") from exc
            raise
    channel.settimeout(0.0)


class _Talk:
    """The three streams of one running command."""

    def __init__(
        self, ssh: Ssh, channel: paramiko.Channel, stdin: bytes, held: list[tuple[bytes, bytes]], *, ends: bool
    ) -> None:
        self.ssh, self.channel, self.stdin = ssh, channel, memoryview(stdin)
        self.out, self.err, self.sent_all, self.held = bytearray(), bytearray(), not ends, held

    def finish(self, line: str, deadline: float | None) -> Result:
        """Feed and drain until the command has ended."""
        while True:
            self.ssh.ctx.stop_if_cancelled()
            ended = self.channel.exit_status_ready()
            moved = self._drain() or (not ended and self._feed())
            if ended and not moved and (self.channel.eof_received or self.channel.closed):
                return self._result()
            if deadline and time.monotonic() > deadline:
                raise TooSlow(f"A command at {self.ssh.where} did not end in time: {line[:80]}", "Try again later.")
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
            self._let_go()
        while self.channel.recv_stderr_ready() and (piece := self.channel.recv_stderr(PIECE)):
            self.err += piece
            moved = True
        if len(self.out) + len(self.err) > MOST_OUTPUT:
            raise JobError(f"A command at {self.ssh.where} wrote far too much.", "Look at it by hand.")
        return moved

    def _let_go(self) -> None:
        """Send what was held back until now: the words that it waited for have come, and something after them."""
        while self.held:
            words, text = self.held[0]
            at = self.out.find(words)
            asks = len(self.held) > 1  # the prompt itself comes after the words
            if at < 0 or (asks and len(self.out) <= at + len(words)):
                return
            self.stdin = memoryview(bytes(self.stdin) + text)
            self.held.pop(0)

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
