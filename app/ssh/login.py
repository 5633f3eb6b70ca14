"""Log in: keys first, then what the person knows. A login is never tried twice with the same wrong answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import paramiko

from app.errors import JobError, NeedsAnswer, Question
from app.secrets import login_of
from app.ssh import keys
from app.ssh.trouble import explained, patiently, refused_login

if TYPE_CHECKING:
    from app.context import Context
    from app.ssh.config import Settings

PASSWORDS = {"password", "keyboard-interactive"}
MOST_KEYS = 5  # OpenSSH's MaxAuthTries is 6; the last one is for the password


class Login:
    """One login over a transport whose host key is the right one."""

    def __init__(self, transport: paramiko.Transport, settings: Settings, url: str, ctx: Context) -> None:
        self.transport, self.settings, self.ctx = transport, settings, ctx
        self.about = login_of(url)
        self.allowed: set[str] = set()
        self.tried = 0

    def run(self) -> None:
        """Be logged in, or raise `NeedsAnswer` (a password, a passphrase) or `JobError`."""
        with explained(self.settings.where):
            if self._attempt(lambda: self.transport.auth_none(self.settings.user)):
                return
            if not self.transport.is_active():
                raise EOFError
            if self._keys() or self._password() or self._prompts():
                return
        why = f" as {self.settings.user}; it takes {' or '.join(sorted(self.allowed)) or 'nothing'} only"
        raise refused_login(self.settings.where, why)

    def _attempt(self, act: Callable[[], list[str]]) -> bool:
        """Whether the server let us in; a partial success changes what is `allowed`."""
        try:
            further = patiently(self.ctx, act, self.transport.close)
        except paramiko.BadAuthenticationType as exc:
            self.allowed = set(exc.allowed_types)
            return False
        except paramiko.AuthenticationException:
            return False
        if self.transport.is_authenticated():
            return True
        self.allowed = set(further)
        return False

    def _keys(self) -> bool:
        password_is_here = self._answer() is not None and bool(self.allowed & PASSWORDS)
        most = 1 if password_is_here else MOST_KEYS
        for key in keys.open_keys(self.settings):
            if self.tried < most and self._key(key):
                return True
            if not self.transport.is_active():
                raise self._thrown_out()
        if "publickey" not in self.allowed or self.tried >= most or password_is_here:
            return False
        for file in keys.locked_files(self.settings):
            opened = keys.unlocked(file, self.ctx)
            if opened and self._key(opened):
                return True
        return False

    def _thrown_out(self) -> JobError:
        """The server ended the connection in mid-login, mostly because its number of attempts was used up."""
        why = f": it ended the login after {self.tried} keys of yours"
        if self.tried and self.allowed & PASSWORDS and self._answer() is None:
            text = f"{self.settings.where} did not let you in{why}. The password of {self.settings.user} there, please."
            remedy = "Or name the right key for this host in ~/.ssh/config (IdentityFile, IdentitiesOnly yes)."
            return NeedsAnswer(Question("password", self.about, text), remedy)
        return refused_login(self.settings.where, why)

    def _key(self, key: paramiko.PKey) -> bool:
        if "publickey" not in self.allowed:
            return False
        self.tried += 1
        return self._attempt(lambda: self.transport.auth_publickey(self.settings.user, key))

    def _password(self) -> bool:
        if "password" not in self.allowed:
            return False
        password = self._needed()
        if self._attempt(lambda: self.transport.auth_password(self.settings.user, password, fallback=False)):
            return True
        if "password" in self.allowed:
            self._refused()
        return False

    def _prompts(self) -> bool:
        """keyboard-interactive (RFC 4256): the password where it is asked for, a code of the moment otherwise."""
        if "keyboard-interactive" not in self.allowed:
            return False
        asked: list[str] = []
        if "password" not in self.allowed and self._answer() is None:
            self._needed()

        def answered(title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
            asked.extend(prompt for prompt, _ in prompts)
            return [self._reply(prompt) for prompt, _ in prompts]

        if self._attempt(lambda: self.transport.auth_interactive(self.settings.user, answered)):
            return True
        for prompt in asked:
            if not _is_password(prompt):
                raise self._code_wanted(f"{self.about} {prompt.strip()}", prompt.strip())
        self._refused()
        return False

    def _reply(self, prompt: str) -> str:
        return self.ctx.answers.get(self.about if _is_password(prompt) else f"{self.about} {prompt.strip()}") or ""

    def _code_wanted(self, about: str, prompt: str) -> NeedsAnswer:
        """A code is good once: forget it, and ask for the next one. The password may have been the wrong one."""
        if self.ctx.answers.get(about):
            self.ctx.answers.forget(self.about)
        self.ctx.answers.forget(about)
        return NeedsAnswer(Question("password", about, f"{self.settings.where} asks: {prompt}"))

    def _answer(self) -> str | None:
        return self.ctx.answers.get(self.about)

    def _needed(self) -> str:
        text = f"{self.settings.where} asks for the password of {self.settings.user}."
        return self.ctx.need(Question("password", self.about, text))

    def _refused(self) -> None:
        self.ctx.answers.forget(self.about)
        text = f"{self.settings.where} refused this password of {self.settings.user}. Type it again, please."
        raise NeedsAnswer(Question("password", self.about, text))


def _is_password(prompt: str) -> bool:
    return "password" in prompt.lower() or "passwort" in prompt.lower() or not prompt.strip()
