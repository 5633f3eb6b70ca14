"""SSH servers of CentOS 6's age: their ways are used for one host only, and only after the person has agreed.

What counts as old follows OpenSSH's own defaults (its releases 6.7 to 8.8, https://www.openssh.com/legacy.html):
SHA-1 in key exchange, signatures and checksums, CBC ciphers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import paramiko
from paramiko.kex_curve25519 import KexCurve25519

from app import host
from app.context import Finding
from app.errors import JobError, Question

if TYPE_CHECKING:
    from pathlib import Path

    from app.context import Context
    from app.ssh.config import Settings

GCM = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")  # 2.3 times less work than AES-CTR with HMAC
CURVE = "curve25519-sha256"  # RFC 8731; paramiko knows it by its first name only
SHA1_KEY = ("ssh-rsa",)
# what is agreed on (RFC 4253 §7.1): our name, the server's lists, in words
_PARTS = (
    ("kex", ("kex_algo_list",), "key exchange"),
    ("keys", ("server_key_algo_list",), "host key"),
    ("ciphers", ("client_encrypt_algo_list", "server_encrypt_algo_list"), "encryption"),
    ("macs", ("client_mac_algo_list", "server_mac_algo_list"), "checksum"),
)
KNOWN = "is very old: it knows only ways of its time."
REFUSED = "seems to be very old: it does not take your RSA key as such keys sign today."
_OLD = re.compile(r"-sha1$|^ssh-rsa(-cert.*)?$|-cbc$|^hmac-(sha1|md5)")
_NO_SHA2 = re.compile(r"-OpenSSH_([1-6]|7\.[01])")  # user's RSA keys sign by SHA-1 only (RFC 8332, OpenSSH 7.2)
_NO_SHA2_CERTIFICATES = re.compile(r"-OpenSSH_([1-6]|7\.[0-7])")


_THEIRS: Any = paramiko.Transport


class TooOld(Exception):
    """There is a common way, but only with what is in *needed*."""

    def __init__(self, needed: tuple[str, ...]) -> None:
        super().__init__(", ".join(needed))
        self.needed = needed


class Transport(paramiko.Transport):
    """paramiko's transport with what is safe today; *extra* are the old ways that the person agreed to."""

    _kex_info: ClassVar[dict[str, Any]] = {CURVE: KexCurve25519, **_THEIRS._kex_info}

    def __init__(self, sock: Any, extra: Iterable[str] = ()) -> None:
        super().__init__(sock)
        self.offered: dict[str, list[str]] = {}
        self.hung_up_in_words = False  # by SSH_MSG_DISCONNECT (RFC 4253 §11.1); a line that is cut just ends
        self._preferred_kex = _chosen((CURVE, *_THEIRS._preferred_kex), extra)
        self._preferred_keys = _chosen(_THEIRS._preferred_keys, extra)
        self._preferred_macs = _chosen(_THEIRS._preferred_macs, extra)
        self._preferred_ciphers = _chosen(dict.fromkeys((*GCM, *_THEIRS._preferred_ciphers)), extra)
        self.disabled_algorithms = {"pubkeys": list(SHA1_KEY)}

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """The kinds of host keys that are wanted; paramiko would add certificates that nobody can check."""
        return tuple(self._preferred_keys)

    def _parse_disconnect(self, m: paramiko.Message) -> None:
        self.hung_up_in_words = True
        super()._parse_disconnect(m)  # type: ignore[misc]

    def _parse_kex_init(self, m: paramiko.Message) -> None:
        self.offered = self._really_parse_kex_init(paramiko.Message(m.asbytes()))  # type: ignore[attr-defined]
        super()._parse_kex_init(m)  # type: ignore[misc]


def judged(transport: Transport, where: str) -> TooOld | JobError:
    """What stands between us and a server with which no way was found."""
    needed: list[str] = []
    for part, lists, word in _PARTS:
        ours = getattr(transport, f"preferred_{part}")
        every = getattr(_THEIRS, f"_preferred_{part}")
        theirs = set.intersection(*(set(transport.offered.get(name, ())) for name in lists))
        if theirs.intersection(ours):
            continue
        usable = [name for name in every if name in theirs]
        if not usable:
            return _no_way(where, word, sorted(name for name in theirs if not name.startswith(("kex-", "ext-info"))))
        needed.append(usable[0])
    return TooOld(tuple(needed))


def agreed(settings: Settings, ctx: Context, needed: tuple[str, ...], why: str = KNOWN) -> tuple[str, ...]:
    """*needed*, if the person agrees for this host; raises `NeedsAnswer` until they have."""
    kept = _kept(settings)
    if not set(needed) <= kept:
        detail = ", ".join(sorted(kept | set(needed)))
        question = Question("old-server", f"old-ssh {settings.address}", _asking(settings, why, detail), detail)
        if ctx.need(question) != detail:
            ctx.answers.forget(question.about)
            ctx.need(question)
        _keep(settings, detail)
    _tell(settings, ctx, needed)
    return needed


def is_agreed(settings: Settings, ctx: Context, needed: tuple[str, ...]) -> bool:
    """Whether the person has agreed to *needed* for this host before."""
    return set(needed) <= _kept(settings)


def signs_old(transport: Any, key: paramiko.PKey) -> bool:
    """Whether this server takes this user key with a signature by SHA-1 only."""
    name = key.public_blob.key_type if key.public_blob else key.get_name()
    if "rsa" not in name:
        return False
    if name.endswith("-cert-v01@openssh.com") and _NO_SHA2_CERTIFICATES.search(transport.remote_version):
        return True
    if told := _signatures(transport):
        return not {b"rsa-sha2-512", b"rsa-sha2-256"} & set(told.split(b","))
    return bool(_NO_SHA2.search(transport.remote_version))


def may_sign_old(transport: Any, key: paramiko.PKey) -> bool:
    """Whether a server that refused *key* may be one that takes it with a signature by SHA-1: it does not say."""
    return "rsa" in key.get_name() and not _signatures(transport)


def sign(transport: Any, settings: Settings, ctx: Context, *, by_sha1: bool) -> None:
    """Choose how RSA keys sign from now on; by SHA-1 only if the person agrees (`agreed`)."""
    if by_sha1:
        agreed(settings, ctx, SHA1_KEY, REFUSED)
    refused = ["rsa-sha2-512", "rsa-sha2-256"] if by_sha1 else list(SHA1_KEY)
    transport.disabled_algorithms = {"pubkeys": refused}


def _signatures(transport: Any) -> bytes:
    """The signatures that the server says it takes (server-sig-algs, RFC 8308 §3.1); empty where it does not say."""
    return bytes(transport.server_extensions.get("server-sig-algs", b""))


def _chosen(names: Iterable[str], extra: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if not _OLD.search(name) or name in extra)


def _no_way(where: str, word: str, theirs: list[str]) -> JobError:
    listed = ", ".join(theirs[:8]) or "nothing"
    text = f"{where} and this program know no common way of secure SSH: for the {word} it offers {listed} only."
    remedy = "Ask its people to allow another way as well (such as those of OpenSSH's defaults), or use another server."
    means = "This program can do none of these, agreed to or not. Nothing was sent."
    return JobError(text, remedy, means=means, topic="old-server")


def _asking(settings: Settings, why: str, detail: str) -> str:
    return (
        f"The SSH server of {settings.where} {why} Older ways would be {detail}, which are no longer safe against "
        "a strong eavesdropper. Shall they be used for this one server?"
    )


def _tell(settings: Settings, ctx: Context, used: tuple[str, ...]) -> None:
    title = f"{settings.where} is reached by old ways of SSH, as you agreed."
    if any(finding.title == title for finding in ctx.findings.get(ctx.step, ())):
        return
    text = f"Its server knows only {', '.join(used)}, which a strong eavesdropper may be able to break."
    ctx.found(Finding("care", title, text, "Ask its people for a newer SSH server.", "old-server"))


def _file() -> Path:
    return host.data_home() / "old_servers"


def _lines() -> dict[str, str]:
    try:
        lines = _file().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in lines if line}


def _kept(settings: Settings) -> set[str]:
    return set(filter(None, _lines().get(settings.address, "").split(", ")))


def _keep(settings: Settings, detail: str) -> None:
    host.private_folder(_file().parent)
    lines = {**_lines(), settings.address: detail}
    host.write_whole(_file(), "".join(f"{address} {names}\n" for address, names in lines.items()).encode())
