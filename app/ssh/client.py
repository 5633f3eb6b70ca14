"""The connection itself: opened on first use, watched over, closed."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import paramiko

from app.errors import JobError, Transient
from app.secrets import login_of
from app.ssh import command, dial, old, parked, rights
from app.ssh.config import Settings, settings_of
from app.ssh.login import Login, Unheard
from app.ssh.trouble import explained, patiently

if TYPE_CHECKING:
    from app.context import Context

STALL = 120.0  # seconds in which nothing moves until a line counts as dead
OPENING = 60.0  # seconds for a server to open a channel
PATIENCE = 3.0  # seconds for a server to see that an earlier session has ended
ADMINISTRATIVELY_PROHIBITED = 1  # RFC 4254 §5.1
GRACE = 0.5  # seconds that a cancelled job waits for a stuck line


class Ssh:
    """One SSH connection to `ssh://user@host:port` (or the same of an `sftp:` URL), for one thread.

    All calls raise `JobError`, `Transient`, `NeedsAnswer` or `Cancelled`; after a `Transient` it is closed,
    and the next call connects anew.
    """

    def __init__(self, url: str, ctx: Context) -> None:
        self.url, self.ctx = url, ctx
        self._transport: paramiko.Transport | None = None
        self._ends: list[Callable[[], None]] = []
        self._stuck_since = 0.0
        self._rights: rights.Rights | None = None
        self._settings: Settings | None = None
        self._program: dial.Program | None = None
        self._login: Login | None = None
        self._coded = False  # whether this connection cost the person a code
        self._carries: tuple[str, ...] = ()  # the hosts for which it is a jump host

    @property
    def settings(self) -> Settings:
        """Where it goes, as the URL and ~/.ssh/config say."""
        self._settings = self._settings or settings_of(self.url)
        return self._settings

    @property
    def where(self) -> str:
        """The server's name for a sentence."""
        return self.settings.where

    @property
    def transport(self) -> paramiko.Transport:
        """The open, logged-in transport."""
        self.open()
        if self._transport is None:
            raise Transient(f"The connection to {self.where} was cut.", "It is tried again.")
        return self._transport

    @property
    def carrier(self) -> socket.socket | None:
        """The socket of a connection that is open; None where another machine or a program lies between."""
        sock = self._transport.sock if self._transport else None
        return sock if isinstance(sock, socket.socket) else None

    def alive(self) -> bool:
        """Whether it is connected and logged in."""
        return bool(self._transport and self._transport.is_active() and self._transport.is_authenticated())

    def open(self) -> None:
        """Connect, check the host key, log in; nothing happens when that is done already."""
        if self.alive():
            return
        self.close()
        self.ctx.stop_if_cancelled()
        try:
            try:
                self._enter()
            except Unheard:
                self._hang_up()
                self._enter(again=True)
        except BaseException as exc:
            why = self._program.why() if self._program and isinstance(exc, Transient) else ""
            self.close()
            if why:
                raise Transient(f"{exc} {why}", "Try that command in a terminal. It is tried again.") from exc
            raise
        threading.Thread(target=self._watch, args=(self._transport,), daemon=True, name="ssh watch").start()

    def _enter(self, *, again: bool = False) -> None:
        if not self._kept():
            made = self._transport = self._shaken_hands()
            self._login = Login(made, self.settings, self.url, self.ctx, again=again)
        if self._login:
            self._login.run(self.ctx)

    def _kept(self) -> bool:
        """Take what was kept of this login, if there is something."""
        kept = parked.take(self._key)
        if kept:
            self._transport, self._ends, self._login = kept.transport, kept.ends, kept.login
            self._coded = kept.login is None
        return kept is not None

    @property
    def _key(self) -> str:
        return f"{login_of(self.url)} {self.settings.user} {self.settings.address}"

    def _shaken_hands(self) -> old.Transport:
        try:
            return dial.shaken_hands(self._line(), self.settings, (), self.ctx)
        except old.TooOld as exc:
            self._hang_up()
            agreed = old.agreed(self.settings, self.ctx, exc.needed)
            return dial.shaken_hands(self._line(), self.settings, agreed, self.ctx)

    def session(self) -> paramiko.Channel:
        """A new channel of the connection."""
        transport = self.transport
        until = time.monotonic() + PATIENCE
        with self.guarded(), self.breakable():
            while True:
                try:
                    return transport.open_session(timeout=OPENING)
                except paramiko.ChannelException:  # “MaxSessions 1”: it may not know yet that the last one is closed
                    if time.monotonic() > until:
                        raise
                self.ctx.sleep(0.1)

    def run(self, command_line: str, stdin: bytes = b"", timeout: float = 60, sudo: bool = False) -> command.Result:
        """Run a shell command to its end; *timeout* in seconds, 0 for as long as it takes.

        *sudo* runs it as root (asks for a password where sudo wants one). Raises `JobError` when it does not
        end in time, `Transient` when the line breaks; any exit status is a result.
        """
        if sudo:
            self._rights = self._rights or rights.Rights(self)
            return self._rights.run(command_line, stdin, timeout)
        return command.run(self, command_line, stdin, timeout)

    def sftp(self) -> paramiko.SFTPClient:
        """A new SFTP session, for small files."""
        with explained(self.where):
            client = patiently(self.ctx, lambda: paramiko.SFTPClient.from_transport(self.transport), self._hang_up)
            if client is None or (channel := client.get_channel()) is None:
                raise Transient(f"{self.where} opened no SFTP session.", "It is tried again.")
            channel.settimeout(60)
            return client

    def close(self) -> None:
        """Log out; a connection that cost the person a code is kept for a while. Never raises."""
        login, self._login = self._login, None
        self._coded = self._coded or bool(login and login.took_code)
        waits = login if login and login.waits else None
        if self._transport and (waits or (self._coded and self.alive())):
            parked.keep(self._key, self._transport, self._ends, waits)
            self._transport, self._ends = None, []
        self._hang_up()

    def _hang_up(self) -> None:
        transport, self._transport, self._rights, self._program = self._transport, None, None, None
        self._login, self._coded = None, False
        if transport:
            with contextlib.suppress(Exception):
                transport.close()
        while self._ends:
            with contextlib.suppress(Exception):
                self._ends.pop()()

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """What talks over this connection goes in here: errors come out in words, a dead line is closed."""
        try:
            with explained(self.where):
                yield
        except Transient:
            self._hang_up()
            self.ctx.stop_if_cancelled()
            raise

    @contextlib.contextmanager
    def breakable(self) -> Iterator[None]:
        """A call that may block inside paramiko: the watcher closes the line when it is stuck, or cancelled."""
        self._stuck_since = time.monotonic()
        try:
            yield
        finally:
            self._stuck_since = 0.0

    def _watch(self, transport: paramiko.Transport) -> None:
        while transport.is_active() and self._transport is transport:
            cancelled = self.ctx.cancel.wait(0.5)
            since, now = self._stuck_since, time.monotonic()
            if since and now - since > (GRACE if cancelled else STALL):
                transport.close()
            if cancelled:
                time.sleep(0.1)

    def _line(self) -> Any:
        settings = self.settings
        if settings.jump and (other := self._other()):
            return self._carried_by(other)
        with explained(settings.where):
            if settings.proxy:
                self._program = dial.Program(settings.proxy)
                self._ends.append(self._program.end)
                return self._program.near
            return patiently(self.ctx, lambda: dial.tcp(settings.host, settings.port))

    def _other(self) -> Ssh | None:
        """ProxyJump: the last of the listed hosts, which is reached through the ones before it.

        None where that is this host itself, as under `Host *`.
        """
        before, _, last = self.settings.jump.rpartition(",")
        other = Ssh(last if "://" in last else f"ssh://{last}", self.ctx)
        other._settings = _jumping(other.settings, before)
        other._carries = (*self._carries, self.settings.address)
        if other.settings.address == self.settings.address:
            return None
        if other.settings.address in other._carries:
            raise JobError("The ProxyJump lines of your ~/.ssh/config lead in a circle.", "Correct them.")
        return other

    def _carried_by(self, other: Ssh) -> paramiko.Channel:
        goal, wanted = (self.settings.host, self.settings.port), self.settings.where
        self._ends.append(other.close)
        try:
            with other.guarded():
                return patiently(
                    self.ctx,
                    lambda: other.transport.open_channel("direct-tcpip", goal, ("127.0.0.1", 0), timeout=dial.CONNECT),
                    other._hang_up,
                )
        except JobError as exc:
            if not isinstance(exc.__cause__, paramiko.ChannelException):
                raise
            if exc.__cause__.code == ADMINISTRATIVELY_PROHIBITED:
                text = f"{other.where} does not carry you on to {wanted}: forwarding is switched off there."
                raise JobError(text, "Ask its people to allow TCP forwarding, or use another jump host.") from exc
            text = f"{other.where} cannot reach {wanted} ({exc.__cause__.text})."
            raise Transient(text, "Is the name right, as that host knows it? It is tried again.") from exc


def _jumping(settings: Settings, through: str) -> Settings:
    return dataclasses.replace(settings, jump=through, proxy="") if through else settings
