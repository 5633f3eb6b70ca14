"""Log in: keys first, then what the person knows. A login is never tried twice with an answer that was refused.

Some servers hang up in place of a refusal (OpenSSH where PAM lets nobody in), and a line that is cut looks the same.
So an end of the line in place of the first answer is `Unheard`: who connects once more sees which of the two it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko

from app.errors import JobError, NeedsAnswer, Question, Transient
from app.secrets import login_of
from app.ssh import old
from app.ssh.keys import Ring
from app.ssh.parked import Talk
from app.ssh.prompts import Prompts, expired, shown
from app.ssh.trouble import AGAIN, explained, patiently, refused_login

if TYPE_CHECKING:
    from app.context import Context
    from app.ssh.config import Settings

PASSWORDS = {"password", "keyboard-interactive"}
_LET_IN: set[str] = set()  # the logins that have worked since this program was started
MOST_KEYS = 5  # OpenSSH's MaxAuthTries is 6; the last one is for the password


class Unheard(Transient):
    """The line ended in mid-login before the server refused anything."""


class Login:
    """One login over a transport whose host key is the right one; *again*: after one that was `Unheard`."""

    def __init__(
        self, transport: old.Transport, settings: Settings, url: str, ctx: Context, *, again: bool = False
    ) -> None:
        self.transport, self.settings, self.ctx = transport, settings, ctx
        self.about = login_of(url)
        self.ring = Ring(settings, ctx)
        self.allowed: set[str] = set()
        self.tried = self.left = self.parts = 0
        self._refused_any, self._again = False, again
        self.talk: Talk | None = None
        self.took_code = False  # whether this login cost the person a code

    @property
    def waits(self) -> bool:
        """Whether it stopped in mid-login and goes on from there once the person has answered."""
        return bool(self.talk and self.talk.wanted and self.transport.is_active())

    def run(self, ctx: Context) -> None:
        """Be logged in, or raise `NeedsAnswer` (a password, a passphrase, a code) or `JobError`."""
        self.ctx = self.ring.ctx = ctx
        try:
            with explained(self.settings.where):
                if self._resumed() if self.waits else self._from_the_start():
                    _LET_IN.add(self.about)
                    return
        finally:
            if not self.waits:
                self.ring.close()
        takes = " or ".join(sorted(self.allowed)) or "nothing"
        raise self._refused(f" as {self.settings.user}; it takes {takes} only")

    def _from_the_start(self) -> bool:
        if self._attempt(lambda: self.transport.auth_none(self.settings.user)):
            return True
        if not self.transport.is_active():
            raise EOFError
        self._refused_any = False  # that question is always refused
        return self._methods()

    def _resumed(self) -> bool:
        return self._prompts() or self._methods()

    def _methods(self) -> bool:
        """Every way that the server allows; again after each that is a part of what it wants."""
        while True:
            before = self.parts
            if self._keys() or self._password() or self._prompts():
                return True
            if self.parts == before:
                return False

    def _attempt(self, act: Callable[[], list[str]]) -> bool:
        """Whether the server let us in; a partial success changes what is `allowed`."""
        try:
            further = patiently(self.ctx, act, self.transport.close)
        except paramiko.BadAuthenticationType as exc:
            self.allowed, self._refused_any = set(exc.allowed_types), True
            return False
        except paramiko.AuthenticationException as exc:
            if not self.transport.is_active():
                self._stop_if_cut(exc)
            self._refused_any = True
            return False
        if self.transport.is_authenticated():
            return True
        self.allowed, self.parts = set(further), self.parts + 1
        return False

    def _stop_if_cut(self, exc: Exception) -> None:
        """Raise where the end of the line is not the server's answer, or may not be."""
        if self.about in _LET_IN:
            raise EOFError from exc
        handler = self.transport.auth_handler
        refused = self._refused_any or not (handler and handler.username)  # which paramiko forgets at a refusal
        used_code = self.talk and self.talk.prompts.codes  # cannot be given once more
        if not (self._again or refused or self.transport.hung_up_in_words or used_code):
            raise Unheard(f"The connection to {self.settings.where} was cut.", AGAIN) from exc

    def _keys(self) -> bool:
        if "publickey" not in self.allowed:
            return False
        password_is_here = self._answer() is not None and bool(self.allowed & PASSWORDS)
        locked = [] if password_is_here else self.ring.locked()
        most = 1 if password_is_here else MOST_KEYS - min(len(locked), 2 if self.settings.chosen else 1)
        late: list[paramiko.PKey] = []
        for key in self.ring.ready(most):
            if old.signs_old(self.transport, key) and not old.is_agreed(self.settings, self.ctx, old.SHA1_KEY):
                late.append(key)
            elif self.tried >= most:
                self.left += 1
            elif self._key(key):
                return True
            elif old.may_sign_old(self.transport, key) and not self.allowed & PASSWORDS:
                late.append(key)
        return self._late_keys(late, password_is_here) or any(self._unlocked(file) for file in locked)

    def _late_keys(self, late: list[paramiko.PKey], password_is_here: bool) -> bool:
        """RSA keys at a server that may know their old way of signing only: after all others, if the person agrees."""
        if password_is_here:
            return False
        return any(self.tried < MOST_KEYS and self._key(key, by_sha1=True) for key in late)

    def _unlocked(self, file: Path) -> bool:
        if "publickey" not in self.allowed or self.tried >= MOST_KEYS:
            return False
        opened = self.ring.unlocked(file)
        return opened is not None and any(self._key(key) for key in self.ring.with_certificates(opened))

    def _key(self, key: paramiko.PKey, *, by_sha1: bool = False) -> bool:
        if "publickey" not in self.allowed:
            return False
        if key.get_name().startswith("sk-"):
            self.ctx.note("If your security key blinks now, touch it.")
        by_sha1 = by_sha1 or old.signs_old(self.transport, key)
        old.sign(self.transport, self.settings, self.ctx, by_sha1=by_sha1)
        self.tried += 1
        if self._attempt(lambda: self.transport.auth_publickey(self.settings.user, key)):
            return True
        if not self.transport.is_active():
            raise self._thrown_out()
        return False

    def _thrown_out(self) -> JobError:
        """The server ended the connection in mid-login, mostly because its number of attempts was used up."""
        why = f": it ended the login after {self.tried} keys of yours"
        if self.tried and self.allowed & PASSWORDS and self._answer() is None:
            text = f"{self.settings.where} did not let you in{why}. The password of {self.settings.user} there, please."
            remedy = "Or name the right key for this host in ~/.ssh/config (IdentityFile, IdentitiesOnly yes)."
            return NeedsAnswer(Question("password", self.about, text), remedy)
        return self._refused(why)

    def _password(self) -> bool:
        if "password" not in self.allowed:
            return False
        text = f"{self.settings.where} asks for the password of {self.settings.user}."
        password = self.ctx.need(Question("password", self.about, text))
        try:
            if self._attempt(lambda: self.transport.auth_password(self.settings.user, password, fallback=False)):
                return True
        except paramiko.SSHException as exc:
            if "info request" in str(exc):  # SSH_MSG_USERAUTH_PASSWD_CHANGEREQ (RFC 4252 §8) has that number, too
                raise expired(self.settings.where) from exc
            raise
        if "password" in self.allowed:
            raise self._wrong(Prompts(self.settings.where, self.about, self.ctx))
        return False

    def _prompts(self) -> bool:
        """keyboard-interactive; what servers ask one after the other may take several rounds and several methods."""
        while "keyboard-interactive" in self.allowed:
            before = self.allowed
            talk = self.talk = self.talk or self._begun()
            let_in = self._attempt(partial(talk.outcome, self.ctx))
            self.talk, self.took_code = None, self.took_code or bool(talk.prompts.codes)
            if let_in:
                return True
            if self.allowed is before:  # no part of the login was accepted
                if talk.prompts.codes or talk.prompts.password_given:
                    raise self._wrong(talk.prompts)
                return False
        return False

    def _begun(self) -> Talk:
        return Talk(self.transport, self.settings.user, Prompts(self.settings.where, self.about, self.ctx))

    def _wrong(self, prompts: Prompts) -> JobError:
        """What was typed is wrong; or it is right, and the server hangs up, whether it says why or not."""
        hung_up = not self.transport.is_active()
        if hung_up and self._banner():
            return self._refused(f" as {self.settings.user}")
        return prompts.refused(hung_up=hung_up)

    def _answer(self) -> str | None:
        return self.ctx.answers.get(self.about)

    def _refused(self, why: str) -> JobError:
        """No key that we have and no password that it takes; with what may be the reason."""
        said = self.ring.complaints()
        if self.left:
            said.append(f"{self.left} more of your keys were not tried, for servers shut out who tries many.")
        if banner := self._banner():
            said.append(f"It says: “{banner}”")
        if self.settings.passed_over:
            words = " and ".join(self.settings.passed_over)
            said.append(f"What ~/.ssh/config says under “Match … {words}” was not used: no program is run for it here.")
        return refused_login(self.settings.where, why, " ".join(said))

    def _banner(self) -> str:
        """What the server said to everybody who logs in, or to this one; not its terms of use."""
        banner = shown((self.transport.get_banner() or b"").decode("utf-8", "replace"))
        return "" if re.search(r"[.!]\s+\S.*[.!]\s+\S", banner) else banner
