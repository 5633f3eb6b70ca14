"""How a login becomes root at the other computer: it is root, or sudo or doas lets it, with or without a terminal."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING

from app.errors import JobError, NeedsAnswer, Question
from app.ssh import command
from app.ssh.command import Result
from app.ssh.terminal import Terminal
from app.ssh.trouble import no_shell
from app.units import plain

if TYPE_CHECKING:
    from app.ssh.client import Ssh

WHO, SECONDS = "id -u", 60
SUDO = "env LC_ALL=C sudo -k"  # -k: never a cached login, or the password would end up in the command's own input
WORDS_OF_WRONG = ("incorrect password", "sorry, try again", "authentication failure")
WORDS_OF_NO = ("not in the sudoers", "may not run", "not allowed", "not permitted", "expired")


@dataclass(frozen=True)
class Way:
    """One way to become root. *prompt* is what sudo asks with; *password* whether it wants one."""

    program: str
    tty: bool = False
    password: bool = False
    prompt: str = ""

    def line(self, command_line: str) -> str:
        """The command with this way in front of it."""
        inner = f"sh -c {shlex.quote(command_line)}"
        if self.program == "doas":
            return f"doas {inner}" if self.password else f"doas -n {inner}"
        return f"{SUDO} -S -p '{self.prompt}' {inner}" if self.password else f"{SUDO} -n {inner}"


class Rights:
    """How this login becomes root at the other computer; found out once a connection."""

    def __init__(self, ssh: Ssh) -> None:
        self.ssh, self.secret = ssh, b""
        self.way: Way | None = self._found()

    def run(self, line: str, stdin: bytes, timeout: float) -> Result:
        """Run *line* as root."""
        if self.way is None:
            return command.run(self.ssh, line, stdin, timeout)
        return self._by(self.way, line, stdin, timeout)

    def _by(self, way: Way, line: str, stdin: bytes, timeout: float) -> Result:
        secret = self.secret if way.password else b""
        if way.tty:
            return Terminal(self.ssh, asks=way.program == "doas" and way.password).run(
                way.line(line), secret, stdin, timeout
            )
        return command.run(self.ssh, way.line(line), secret + stdin, timeout)

    def _found(self) -> Way | None:
        itself = command.run(self.ssh, WHO, b"", SECONDS)
        if _is_root(itself):
            return None
        if not b"".join(itself.out.split()[-1:]).isdigit():
            raise no_shell(self.ssh.where, itself.out + itself.err)
        sudo, doas = Way("sudo"), Way("doas")
        tried = self._tried(sudo)
        if _is_root(tried):
            return sudo
        if _missing(tried):
            return self._by_doas(doas)
        in_tty = self._tried(Way("sudo", tty=True))
        if _is_root(in_tty):
            return Way("sudo", tty=True)
        # what it says is in any language; that it says something else in a terminal means that it wants one
        wants_tty = (
            bool(in_tty.err.strip())
            and in_tty.status != command.NO_TERMINAL
            and in_tty.err.split() != tried.err.split()
        )
        return self._with_password(Way("sudo", wants_tty, True, f"<{token_hex(6)}>"), in_tty if wants_tty else tried)

    def _by_doas(self, way: Way) -> Way:
        tried = self._tried(way)
        if _is_root(tried):
            return way
        if _missing(tried):
            who = self.ssh.settings.user
            text = f"{self.ssh.where} has no sudo or doas, and {who} is not root."
            raise JobError(text, "Log in as root.", topic="sudo")
        return self._with_password(Way("doas", tty=True, password=True), tried)

    def _with_password(self, way: Way, refused: Result) -> Way:
        self._reject_hopeless(way, refused)
        ssh = self.ssh
        host = f"[{ssh.settings.host}]" if ":" in ssh.settings.host else ssh.settings.host
        about = f"sudo://{ssh.settings.user}@{host}:{ssh.settings.port}"
        text = f"{ssh.where} asks for the password of {ssh.settings.user} for {way.program}."
        self.secret = ssh.ctx.need(Question("sudo", about, text)).encode() + b"\n"
        tried = self._tried(way)
        if _is_root(tried):
            return way
        self._reject_hopeless(way, tried)
        if way.prompt and tried.err.count(way.prompt.encode()) == 1 and not _says(tried, WORDS_OF_WRONG):
            raise self._refusal(way, tried)  # it took the password, asked no second time, and still refused
        ssh.ctx.answers.forget(about)
        raise NeedsAnswer(Question("sudo", about, f"{way.program} at {ssh.where} refused that password. Again?"))

    def _tried(self, way: Way) -> Result:
        return self._by(way, WHO, b"", SECONDS)

    def _reject_hopeless(self, way: Way, tried: Result) -> None:
        if _says(tried, WORDS_OF_NO):
            raise self._refusal(way, tried)

    def _refusal(self, way: Way, tried: Result) -> JobError:
        said = plain(tried.err.decode(errors="replace").replace(way.prompt or "\0", "")).strip()[-200:]
        text = f"{self.ssh.settings.user} may not use {way.program} at {self.ssh.where}"
        return JobError(f"{text}: “{said}”." if said else f"{text}.", "Log in as somebody who may.", topic="sudo")


def _is_root(tried: Result) -> bool:
    """Whether the last line is root's number: a login's own start-up files may have printed others before."""
    return tried.out.split()[-1:] == [b"0"]


def _missing(tried: Result) -> bool:
    return tried.status == 127


def _says(tried: Result, words: tuple[str, ...]) -> bool:
    said = tried.err.decode(errors="replace").lower()
    return any(word in said for word in words)
