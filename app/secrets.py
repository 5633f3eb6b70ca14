"""Passwords and other answers: where they come from, and how they are kept out of everything else.

The order for a login is: given for this session (asked, or `--secrets-stdin`), then the system keyring.
Keys and agents (`~/.ssh`), `clouds.yaml` and the like are read by the adapters that need them.
There is no file fall-back: without a keyring an answer lives for this session only.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import keyring
import keyring.errors

from app.errors import NeedsAnswer, Question, Usage

SERVICE = "sandhopper"
HIDDEN = "•••"
T = TypeVar("T")
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)(?=@)")


class Answers:
    """The answers of this session; safe to use from several threads."""

    def __init__(self, given: dict[str, str] | None = None, *, use_keyring: bool = True) -> None:
        self._lock = threading.Lock()
        self._given: dict[str, str] = {}
        self._seen: set[str] = set()
        self._use_keyring = use_keyring
        for about, value in (given or {}).items():
            self.give(about, value)

    def get(self, about: str) -> str | None:
        """The answer kept under *about*, or None."""
        with self._lock:
            if about in self._given:
                return self._given[about]
        value = _from_keyring(about) if self._use_keyring else None
        if value:
            with self._lock:
                self._seen.add(value)
        return value

    def give(self, about: str, value: str, *, keep: bool = False) -> bool:
        """Keep *value* for this session and, when *keep*, in the system keyring; False if there is none."""
        with self._lock:
            self._given[about] = value
            self._seen.add(value)
        return not keep or _into_keyring(about, value)

    def forget(self, about: str) -> None:
        """Drop an answer that turned out to be wrong, from this session and the keyring."""
        with self._lock:
            self._given.pop(about, None)
        if self._use_keyring:
            _drop_from_keyring(about)

    def let_go(self, about: str) -> None:
        """Drop an answer that was given for one act only; what the keyring keeps under *about* stays there.

        For hiding it in what that act has told, the value is remembered until the session ends.
        """
        with self._lock:
            self._given.pop(about, None)

    def need(self, question: Question) -> str:
        """The answer to *question*; raises `NeedsAnswer` when nobody has given it yet."""
        value = self.get(question.about)
        if value is None:
            raise NeedsAnswer(question)
        return value

    def redact(self, text: str) -> str:
        """*text* without any secret that this session has seen, and without passwords in URLs."""
        with self._lock:
            seen = sorted((s for s in self._seen if len(s) > 3), key=len, reverse=True)
        for secret in seen:
            text = text.replace(secret, HIDDEN)
        return redact_urls(text)

    def redact_all(self, value: Any) -> Any:
        """*value* as JSON can hold it, with every text in it redacted."""
        if isinstance(value, dict):
            return {self.redact(str(key)): self.redact_all(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.redact_all(inner) for inner in value]
        return self.redact(str(value)) if isinstance(value, str | PurePath) else value


def redact_urls(text: str) -> str:
    """*text* with the password of every `scheme://user:password@host` hidden."""
    return _PASSWORD_IN_URL.sub(rf"\1:{HIDDEN}", text)


def login_of(url: str) -> str:
    """The login that *url* belongs to, e.g. `sftp://me@host:2222`: no path, no password (RFC 3986 §3.2)."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = parts.username or ""
    return urlunsplit((parts.scheme, f"{user}@{host}" if user else host, "", "", ""))


def read_secret_lines(lines: Iterable[str]) -> dict[str, str]:
    """Read `LOGIN-URL<TAB>SECRET` lines (`--secrets-stdin`); raises `Usage` for a line without a tab."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        about, tab, value = line.rstrip("\r\n").partition("\t")
        if not tab:
            raise Usage(f"Line {number} of the secrets has no tab.", "Write LOGIN-URL, a tab, and the secret.")
        found[about.strip()] = value
    return found


def keyring_here() -> bool:
    """Whether this computer has a system keyring that really keeps secrets."""
    backend = keyring.get_keyring()
    return backend.priority > 0 and not type(backend).__module__.startswith(("keyring.backends.fail", "keyrings.alt"))


def _from_keyring(about: str) -> str | None:
    return _tried(lambda: keyring.get_password(SERVICE, about))


def _into_keyring(about: str, value: str) -> bool:
    if not keyring_here():
        return False
    _tried(lambda: keyring.set_password(SERVICE, about, value))
    return _from_keyring(about) == value


def _drop_from_keyring(about: str) -> None:
    _tried(lambda: keyring.delete_password(SERVICE, about))


def _tried(act: Callable[[], T]) -> T | None:
    try:
        return act() if keyring_here() else None
    except (keyring.errors.KeyringError, OSError, RuntimeError):
        return None
