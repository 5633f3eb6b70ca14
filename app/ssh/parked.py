"""Connections that cost a person a code of the moment: held while they look for it, kept for who wants the same next.

Nothing is written down; all of it ends with the program.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import paramiko

from app.errors import NeedsAnswer

if TYPE_CHECKING:
    from app.context import Context
    from app.ssh.login import Login
    from app.ssh.prompts import Prompts

UNUSED = 600.0  # seconds after which a connection that nobody wants is closed
STANDS = 10.0  # seconds for a server to show that a connection still stands
PATIENCE = 110.0  # seconds for the person; OpenSSH's LoginGraceTime is 120


@dataclass
class Parked:
    """A connection without a user: *login* is where it stopped, None when it is logged in."""

    transport: paramiko.Transport
    ends: list[Callable[[], None]]
    login: Login | None

    def close(self) -> None:
        """Hang up. Never raises."""
        for end in (self.transport.close, *reversed(self.ends)):
            with contextlib.suppress(Exception):
                end()


_lock = threading.Lock()
_all: dict[str, Parked] = {}


def keep(key: str, transport: paramiko.Transport, ends: list[Callable[[], None]], login: Login | None) -> None:
    """Keep a connection under *key*, in place of one that was kept before."""
    wait = PATIENCE if login else UNUSED
    made = Parked(transport, ends, login)
    with _lock:
        before, _all[key] = _all.get(key), made
    if before:
        before.close()
    timer = threading.Timer(wait, _over, (key, made))
    timer.daemon = True
    timer.start()


def take(key: str) -> Parked | None:
    """The connection kept under *key*, if it still stands; it is the caller's from now on."""
    with _lock:
        found = _all.pop(key, None)
    if found and not _stands(found):
        found.close()
        return None
    return found


def close_all() -> None:
    """Hang up everything that is kept."""
    with _lock:
        found = list(_all.values())
        _all.clear()
    for parked in found:
        parked.close()


def _stands(found: Parked) -> bool:
    """Whether the connection is of use; of a logged-in one the server has to say so, for the network may have gone."""
    if found.login or not found.transport.is_active():
        return found.transport.is_active()
    try:
        found.transport.open_session(timeout=STANDS).close()
    except paramiko.ChannelException:  # an answer, too
        return True
    except (paramiko.SSHException, OSError, EOFError):
        return False
    return True


def _over(key: str, parked: Parked) -> None:
    with _lock:
        if _all.get(key) is not parked:
            return
        del _all[key]
    parked.close()


class Talk:
    """One keyboard-interactive exchange; it waits for the person with the connection open.

    A code by SMS, or an answer to a challenge, is good for this exchange only.
    """

    def __init__(self, transport: Any, user: str, prompts: Prompts) -> None:
        self.transport, self.user, self.prompts = transport, user, prompts
        self.wanted: NeedsAnswer | None = None
        self._outcome: list[list[str] | BaseException] = []
        self._changed, self._may_go_on = threading.Condition(), threading.Event()
        threading.Thread(target=self._run, daemon=True, name="ssh prompts").start()

    def outcome(self, ctx: Context) -> list[str]:
        """As `Transport.auth_interactive`; raises `NeedsAnswer` whenever the person is wanted: call it again then."""
        self.prompts.ctx, self.wanted = ctx, None
        self._may_go_on.set()
        with self._changed:
            self._changed.wait_for(lambda: self.wanted or self._outcome)
        if self.wanted:
            raise self.wanted
        result = self._outcome[0]
        if isinstance(result, BaseException):
            raise result
        return result

    def _run(self) -> None:
        self._may_go_on.wait()
        try:
            self._tell(self.transport.auth_interactive(self.user, self._answered))
        except BaseException as exc:  # noqa: BLE001 - raised again in the thread that waits
            self._tell(exc)

    def _answered(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        while True:
            self._may_go_on.clear()
            try:
                return self.prompts.answered(title, instructions, prompts)
            except NeedsAnswer as exc:
                with self._changed:
                    self.wanted = exc
                    self._changed.notify_all()
                if not self._may_go_on.wait(PATIENCE):
                    raise

    def _tell(self, result: list[str] | BaseException) -> None:
        with self._changed:
            self._outcome.append(result)
            self._changed.notify_all()
