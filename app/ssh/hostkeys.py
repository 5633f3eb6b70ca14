"""Is this the server it was last time? known_hosts files as OpenSSH writes them (sshd(8)), and our own beside them.

paramiko's own reader knows no @revoked, no wildcards, and stops at a broken line.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app import host
from app.errors import JobError, NeedsAnswer, Question
from app.ssh.certificates import SUFFIX, of_blob, signer_of, why_not_host
from app.ssh.config_file import fits

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import SSHCertificate

    from app.context import Context
    from app.ssh.config import Settings

RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")  # three ways to sign with one kind of key (RFC 8332)


@dataclass(frozen=True)
class Known:
    """One line of a known_hosts file that is about the host in question."""

    kind: str
    key: bytes
    revoked: bool = False
    authority: bool = False  # signs the keys of hosts, is none itself


def ours() -> Path:
    """The file in which the person's decisions are kept."""
    return host.data_home() / "known_hosts"


def fingerprint(key: bytes) -> str:
    """The SHA-256 fingerprint as `ssh-keygen -l` shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def known_keys(settings: Settings) -> list[Known]:
    """What all known_hosts files say about this host."""
    name = settings.known_hosts_name
    return [known for file in (ours(), *settings.known_hosts) for known in _about(file, name)]


def preferred(known: Iterable[Known], offered: tuple[str, ...]) -> tuple[str, ...]:
    """*offered* algorithms, those first for which a key is known: a server with several keys then looks unchanged."""
    known = [k for k in known if not k.revoked]
    kinds = {k.kind for k in known if not k.authority}
    names = {name for kind in kinds for name in (RSA if kind == "ssh-rsa" else (kind,))}
    plain = tuple(sorted(offered, key=lambda name: name not in names))
    certified = tuple(name + SUFFIX for name in offered) if any(k.authority for k in known) else ()
    return certified + plain


def check(settings: Settings, kind: str, key: bytes, certificate: bytes | None, ctx: Context) -> None:
    """Return when *key* is the host's known key, or certified as such, or the person has said yes to it; else raise."""
    known = known_keys(settings)
    found = of_blob(certificate) if certificate else None
    if any(k.revoked and k.key in (key, signer_of(found) if found else key) for k in known):
        text = f"The key of {settings.where} is marked as stolen (@revoked) in your known_hosts file."
        raise JobError(text, "Do not connect. Ask the server's administrator.", topic="host-key-revoked")
    trusted = [k for k in known if not k.revoked and not k.authority]
    if any(k.key == key for k in trusted) or (found and _certified(settings, found, known)):
        return
    question = _question(settings, fingerprint(key), trusted)
    if ctx.answers.get(question.about) != question.detail:
        raise NeedsAnswer(question, "Compare it with what the server's administrator tells you, then say yes or no.")
    remember(settings.known_hosts_name, kind, key)


def _certified(settings: Settings, certificate: SSHCertificate, known: list[Known]) -> bool:
    """Whether an authority that the person trusts for this host has certified its key; `JobError` if not rightly."""
    signer = signer_of(certificate)
    if not any(k.authority and k.key == signer for k in known):
        return False
    if why := why_not_host(certificate, settings.known_as.lower(), fits):
        raise JobError(
            f"The certificate that {settings.where} shows {why}.",
            "Ask its people to renew its host certificate. Is this computer's clock right?",
            means="No password and none of your data was sent.",
            topic="host-certificate",
        )
    return True


def remember(name: str, kind: str, key: bytes) -> None:
    """Keep the person's yes, in place of what was kept for this host before."""
    file = ours()
    host.private_folder(file.parent)
    kept = [line for line in _read(file) if line.split(" ")[0] != name]
    line = f"{name} {kind} {base64.b64encode(key).decode()}"
    host.write_whole(file, ("\n".join([*kept, line]) + "\n").encode())


def _question(settings: Settings, print_: str, trusted: list[Known]) -> Question:
    if not trusted:
        text = f"{settings.where} is met for the first time. Its key has the fingerprint {print_}. Is that right?"
        return Question("host-key", settings.host_key_about, text, print_)
    before = ", ".join(sorted({fingerprint(k.key) for k in trusted}))
    text = (
        f"{settings.where} shows another key than before: {print_} instead of {before}. Either it was set up anew, "
        "or somebody is listening in between. Do you know why it changed?"
    )
    return Question("host-key-changed", settings.host_key_about, text, print_)


def _read(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _about(file: Path, name: str) -> Iterator[Known]:
    for line in _read(file):
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or marker not in ("", "@revoked", "@cert-authority") or words[0].startswith("#"):
            continue
        try:
            key = base64.b64decode(words[2], validate=True)
        except binascii.Error:
            continue
        if _matches(words[0], name):
            yield Known(words[1], key, marker == "@revoked", marker == "@cert-authority")


def _matches(patterns: str, name: str) -> bool:
    found = False
    for pattern in patterns.split(","):
        if pattern.startswith("|1|"):
            found = found or _hash_matches(pattern, name)
        elif pattern.startswith("!"):
            if fits(name.lower(), pattern[1:].lower()):
                return False
        else:
            found = found or fits(name.lower(), pattern.lower())
    return found


def _hash_matches(pattern: str, name: str) -> bool:
    """`|1|salt|HMAC-SHA1(salt, name)` (ssh_config(5), HashKnownHosts)."""
    try:
        _, _, salt, told = pattern.split("|")
        made = hmac.digest(base64.b64decode(salt), name.encode(), "sha1")
        return hmac.compare_digest(made, base64.b64decode(told))
    except (ValueError, binascii.Error):
        return False
