"""Where a connection goes and with what: the URL, completed by the person's ~/.ssh/config (ssh_config(5)).

`StrictHostKeyChecking no` and the like are not honoured: a host key is always checked here.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.errors import JobError, Usage
from app.ssh.config_file import Said, looked_up

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
USUAL_AGENT = "SSH_AUTH_SOCK"


@dataclass(frozen=True)
class Settings:
    """One host's settings. *chosen*: the identities were named by the config, not just the usual ones.

    *alias* is its HostKeyAlias. *agent* is the agent's socket, `SSH_AUTH_SOCK` for the usual one, empty for none.
    *passed_over* names what the config makes depend on something that is not looked at here (`Match exec`).
    """

    host: str
    port: int
    user: str
    alias: str = ""
    identities: tuple[Path, ...] = ()
    chosen: bool = False
    only_identities: bool = False
    certificates: tuple[Path, ...] = ()
    agent: str = USUAL_AGENT
    known_hosts: tuple[Path, ...] = ()
    jump: str = ""
    proxy: str = ""
    passed_over: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """Host and port for a sentence; the port only where it is unusual."""
        return self.host if self.port == 22 else f"{self.host}, port {self.port}"

    @property
    def known_as(self) -> str:
        """The name that a host certificate must be for."""
        return self.alias or self.host

    @property
    def known_hosts_name(self) -> str:
        """The host as known_hosts files call it (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT); an alias has no port."""
        return self.alias or (self.host if self.port == 22 else f"[{self.host}]:{self.port}")

    @property
    def address(self) -> str:
        """`ssh://host:port`: what was decided about this host is kept under it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ssh://{host}:{self.port}"

    @property
    def host_key_about(self) -> str:
        """The key under which an answer about this host's key is kept."""
        return f"host-key {self.address}"


def settings_of(url: str) -> Settings:
    """The settings for an `ssh:` or `sftp:` URL; what the URL says wins over the config."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise Usage(f"{url} names no host.")
    asked_host = parts.netloc.rpartition("@")[2]
    named = unquote(parts.hostname) if asked_host.startswith("[") else re.sub(r":\d*$", "", asked_host)
    try:
        port = parts.port
    except ValueError as exc:
        raise Usage(f"{url} names no port.") from exc
    return _settings(named, looked_up(named, unquote(parts.username or ""), port))


def _settings(named: str, said: Said) -> Settings:
    port = said.one("port", "22")
    if not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise JobError(f"Your ~/.ssh/config has a port that is none: {port}.", "Correct it.")
    tokens = _Tokens(named, said)
    if _unless_none(said.one("proxycommand")):
        for name in (named, tokens.host, tokens.user):
            _stop_if_a_shell_obeys(name)
    values, home = said.values, Path.home() / ".ssh"
    usual = [str(home / "known_hosts"), str(home / "known_hosts2")]
    everywhere = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]
    known = [*values.get("userknownhostsfile", usual), *values.get("globalknownhostsfile", everywhere)]
    return Settings(
        host=tokens.host,
        port=int(port),
        user=tokens.user,
        alias=said.one("hostkeyalias").lower(),
        identities=tokens.paths(values.get("identityfile", [str(home / key) for key in DEFAULT_KEYS])),
        chosen="identityfile" in values,
        only_identities=said.one("identitiesonly").lower() in ("yes", "true"),
        certificates=tokens.paths(values.get("certificatefile", [])),
        agent=tokens.agent(said.one("identityagent", USUAL_AGENT)),
        known_hosts=tokens.paths(known),
        jump=tokens.filled(_unless_none(said.one("proxyjump")), "hnpr"),
        proxy=tokens.filled(_unless_none(said.one("proxycommand")), "hnpr"),
        passed_over=tuple(dict.fromkeys(said.passed_over)),
    )


class _Tokens:
    """What `%h` and the like stand for (ssh_config(5), TOKENS)."""

    def __init__(self, named: str, said: Said) -> None:
        me, here = getpass.getuser(), socket.gethostname()
        self.user = said.one("user", me)
        self.known = {"%": "%", "n": named, "h": named}
        self.host = self.filled(said.one("hostname"), "h") or named
        jump = _unless_none(said.one("proxyjump"))
        self.known |= {"h": self.host, "p": said.one("port", "22"), "r": self.user, "u": me, "d": str(Path.home())}
        self.known |= {"L": here.partition(".")[0], "l": here, "k": said.one("hostkeyalias", named), "j": jump}
        self.known["i"] = str(os.getuid()) if hasattr(os, "getuid") else ""
        whole = "".join(self.known[letter] for letter in "lhprj")
        self.known["C"] = hashlib.sha1(whole.encode(), usedforsecurity=False).hexdigest()

    def filled(self, text: str, allowed: str) -> str:
        """*text* with its tokens filled in; only those *allowed* may stand there."""

        def one(match: re.Match[str]) -> str:
            if match[1] not in {"%", *allowed}:
                raise JobError(
                    f"Your ~/.ssh/config uses “{match[0]}” where it stands for nothing: {text}",
                    "Correct it; `ssh -G HOST` checks it.",
                )
            return self.known[match[1]]

        return re.sub(r"%(.?)", one, text)

    def path(self, text: str) -> Path:
        """A file: `~`, tokens and `${NAME}` of the environment filled in."""
        text = re.sub(r"\$\{(\w+)\}", lambda match: os.environ.get(match[1], ""), text)
        return Path(self.filled(text, "CdhijkLlnpru")).expanduser()

    def paths(self, texts: list[str]) -> tuple[Path, ...]:
        """Files; `none` stands for no file."""
        return tuple(self.path(text) for text in texts if text.lower() != "none")

    def agent(self, text: str) -> str:
        """The socket of the agent; a word that begins with `$` names a variable of the environment."""
        if text == USUAL_AGENT:
            return text
        if re.fullmatch(r"\$\w+", text):
            return os.environ.get(text[1:], "")
        return str(self.path(text)) if _unless_none(text) else ""


def _stop_if_a_shell_obeys(name: str) -> None:
    """As OpenSSH does: an address may come from somebody else, and a ProxyCommand is read by a shell."""
    if name.startswith("-") or re.search(r"[\s'\"`$\\;&<>|(){}\x00-\x1f\x7f]", name):
        raise JobError(
            f"“{name}” is no name that a ProxyCommand of ~/.ssh/config may be given.",
            "Correct the address.",
            means="No program was started.",
        )


def _unless_none(value: str) -> str:
    return "" if value.lower() == "none" else value
