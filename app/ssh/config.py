"""Where a connection goes and with what: the URL, completed by the person's ~/.ssh/config (ssh_config(5)).

`StrictHostKeyChecking no` and the like are not honoured: a host key is always checked here.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from app.errors import JobError, Usage

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
DEEPEST = 8  # Include within Include; OpenSSH stops at 16


@dataclass(frozen=True)
class Settings:
    """One host's settings. *chosen*: the identities were named by the config, not just the usual ones."""

    host: str
    port: int
    user: str
    known_as: str
    identities: tuple[Path, ...] = ()
    chosen: bool = False
    only_identities: bool = False
    known_hosts: tuple[Path, ...] = ()
    jump: str = ""
    proxy: str = ""

    @property
    def where(self) -> str:
        """Host and port for a sentence; the port only where it is unusual."""
        return self.host if self.port == 22 else f"{self.host}, port {self.port}"

    @property
    def known_hosts_name(self) -> str:
        """The host as known_hosts files call it (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
        return self.known_as if self.port == 22 else f"[{self.known_as}]:{self.port}"

    @property
    def host_key_about(self) -> str:
        """The key under which an answer about this host's key is kept."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"host-key ssh://{host}:{self.port}"


def settings_of(url: str) -> Settings:
    """The settings for an `ssh:` or `sftp:` URL; what the URL says wins over the config."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise Usage(f"{url} names no host.")
    asked_host = parts.netloc.rpartition("@")[2]
    named = parts.hostname if asked_host.startswith("[") else re.sub(r":\d*$", "", asked_host)
    return _settings(named, _looked_up(named, unquote(parts.username or ""), parts.port))


def _settings(named: str, said: dict[str, Any]) -> Settings:
    home = Path.home()
    files = said.get("identityfile", [])
    if not said.get("port", "22").isdecimal():
        raise JobError(f"Your ~/.ssh/config has a port that is none: {said['port']}.", "Correct it.")
    return Settings(
        host=said.get("hostname", named),
        port=int(said.get("port", 22)),
        user=said.get("user") or getpass.getuser(),
        known_as=said.get("hostkeyalias") or said.get("hostname", named),
        identities=tuple(Path(f).expanduser() for f in files) or tuple(home / ".ssh" / k for k in DEFAULT_KEYS),
        chosen=bool(files),
        only_identities=said.get("identitiesonly", "no").lower() == "yes",
        known_hosts=tuple(_known_hosts_files(said.get("userknownhostsfile", ""))),
        jump=_unless_none(said.get("proxyjump")),
        proxy=_unless_none(said.get("proxycommand")),
    )


def _looked_up(host: str, user: str, port: int | None) -> dict[str, Any]:
    import paramiko

    # the first value wins (ssh_config(5)): what the URL says goes before the file
    said = ["Host *", *([f"User {user}"] if user else []), *([f"Port {port}"] if port else [])]
    try:
        text = "\n".join([*said, "Host *", *_lines(Path.home() / ".ssh" / "config", DEEPEST)])
        return dict(paramiko.SSHConfig.from_text(text).lookup(host))
    except (paramiko.SSHException, ValueError, KeyError, ImportError) as exc:
        raise JobError(
            f"Your ~/.ssh/config cannot be understood: {exc}.", "Correct it; `ssh -G HOST` checks it."
        ) from exc


def _lines(file: Path, depth: int) -> Iterator[str]:
    """The config's lines with Include followed and without what would run programs just to decide."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    block = "Host *"
    for line in lines:
        word, _, rest = line.strip().replace("=", " ", 1).partition(" ")
        if word.lower() in ("host", "match"):
            runs = word.lower() == "match" and re.search(r"\bexec\b", rest, re.IGNORECASE)
            block = "Host !*" if runs else line
            yield block
        elif word.lower() == "include":
            for included in _included(rest) if depth else ():
                yield from _lines(included, depth - 1)
                yield block
        else:
            yield line


def _included(patterns: str) -> Iterator[Path]:
    for pattern in patterns.split():
        path = Path(pattern.strip('"')).expanduser()
        folder = Path(path.anchor) if path.is_absolute() else Path.home() / ".ssh"
        yield from sorted(folder.glob(str(path.relative_to(path.anchor))))


def _known_hosts_files(said: str) -> Iterator[Path]:
    home = Path.home()
    for name in said.split() or [str(home / ".ssh" / "known_hosts"), str(home / ".ssh" / "known_hosts2")]:
        if name.lower() != "none":
            yield Path(name.strip('"').replace("%d", str(home))).expanduser()
    yield Path("/etc/ssh/ssh_known_hosts")


def _unless_none(value: str | None) -> str:
    return "" if not value or value.lower() == "none" else value
