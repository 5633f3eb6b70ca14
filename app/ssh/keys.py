"""The person's keys: in the agent, named in ~/.ssh/config, or the usual files; each with its certificates."""

from __future__ import annotations

import base64
import binascii
import copy
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from paramiko.pkey import PublicBlob, UnknownKeyType

from app.errors import NeedsAnswer, Question
from app.ssh import agent, certificates

if TYPE_CHECKING:
    from app.context import Context
    from app.ssh.config import Settings

_UNREADABLE = (OSError, ValueError, TypeError, UnsupportedAlgorithm, paramiko.SSHException, UnknownKeyType)
_KINDS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class Ring:
    """The keys for one login, in the order in which they are tried; the agent is asked once."""

    def __init__(self, settings: Settings, ctx: Context) -> None:
        self.settings, self.ctx = settings, ctx
        self.held = self._of_agent()

    def ready(self, most: int) -> Iterator[paramiko.PKey]:
        """Every key that can be used without asking: what the config names, then the agent's, then the usual files.

        Of *most* that can be tried, the usual files get their part, however many the agent holds.
        """
        named = [key for file in self.settings.identities for key in (*self._held_as(file), _plain(file)) if key]
        others = [] if self.settings.only_identities else self.held
        first = 0 if self._named_first() else max(most - len(named), 1)
        seen: set[bytes] = set()
        for key in (*others[:first], *named, *others[first:]):
            for made in self.with_certificates(key):
                if (blob := _offered(made)) not in seen:
                    seen.add(blob)
                    yield made

    def locked(self) -> list[Path]:
        """Key files that want a passphrase first; those that the agent has opened already are left out."""
        files = self.settings.identities
        return [f for f in files if f.is_file() and is_locked(f) and not self._held_as(f)]

    def unlocked(self, file: Path) -> paramiko.PKey | None:
        """The key of a locked file; asks for its passphrase. None when the person left the answer empty."""
        about = f"key://{file}"
        text = f"The passphrase of your key {file} (leave it empty to go on without this key)."
        passphrase = self.ctx.need(Question("passphrase", about, text))
        if not passphrase:
            return None
        try:
            return _read(file, passphrase.encode())
        except _UNREADABLE as exc:
            self.ctx.answers.forget(about)
            text = f"That was not the passphrase of {file}. Once more, please (empty: go on without this key)."
            raise NeedsAnswer(Question("passphrase", about, text)) from exc

    def with_certificates(self, key: paramiko.PKey) -> Iterator[paramiko.PKey]:
        """*key* with each certificate that belongs to it, then as it is."""
        for text in () if key.public_blob else certificates.for_key(key.asbytes(), self.certificate_files):
            certified = agent.Held(key.asked, key.blob, key.comment) if isinstance(key, agent.Held) else copy.copy(key)
            certified.public_blob = PublicBlob.from_string(text)
            yield certified
        yield key

    @property
    def certificate_files(self) -> list[Path]:
        """Where certificates may lie: what CertificateFile names, and beside the keys."""
        beside = [file.with_name(f"{file.name}-cert.pub") for file in self.settings.identities]
        return [*self.settings.certificates, *beside]

    def close(self) -> None:
        """Let go of the agent."""
        agent.close(self.held)

    def complaints(self) -> list[str]:
        """Sentences on what the config names and cannot be used, and on certificates that are not good (any more)."""
        said = certificates.why_not_user(self.certificate_files, self.settings.user)
        for file in self.settings.identities if self.settings.chosen else ():
            if not self._held_as(file) and not is_locked(file) and not _plain(file):
                said.append(f"Your key file {file} {_why_unusable(file)}.")
        refused = self.held[0].asked.refused if self.held else ()
        return said + [f"Your agent would not sign with its key {name}." for name in sorted(refused)]

    def _named_first(self) -> bool:
        return self.settings.chosen or self.settings.only_identities

    def _held_as(self, file: Path) -> list[agent.Held]:
        public = _public(file)
        return [key for key in self.held if public and key.asbytes() == public]

    def _of_agent(self) -> list[agent.Held]:
        try:
            return agent.keys(self.settings)
        except agent.Silent:
            self.ctx.note("Your SSH agent does not answer, so the keys that it holds are not used.")
            return []


def is_locked(file: Path) -> bool:
    """Whether a private key file is encrypted (PEM headers, or the cipher's name in OpenSSH's PROTOCOL.key)."""
    try:
        text = file.read_bytes()
    except OSError:
        return False
    if b"OPENSSH PRIVATE KEY" not in text:
        return b"ENCRYPTED" in text
    raw = _raw(text)
    try:
        (length,) = struct.unpack_from(">I", raw, len(b"openssh-key-v1\0"))
    except struct.error:
        return False
    return raw[19 : 19 + length] != b"none"


def _raw(text: bytes) -> bytes:
    """What lies between the lines that begin with dashes; empty where that is no base64."""
    try:
        return base64.b64decode(b"".join(line for line in text.splitlines() if not line.startswith(b"-----")))
    except (binascii.Error, ValueError):
        return b""


def _read(file: Path, passphrase: bytes | None = None) -> paramiko.PKey:
    """The key of a file in any form that ssh-keygen writes; paramiko itself reads no PKCS#8."""
    data = file.read_bytes()
    if b"BEGIN DSA" in data or b"ssh-dss" in _raw(data):  # the library would warn on the terminal
        raise UnknownKeyType(key_type="ssh-dss", key_bytes=b"")
    if b"OPENSSH PRIVATE KEY" in data:
        loaded: Any = serialization.load_ssh_private_key(data, passphrase)
    else:
        loaded = serialization.load_pem_private_key(data, passphrase)
    form = serialization.PrivateFormat.OpenSSH
    text = loaded.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    name = loaded.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    for kind in _KINDS:
        if name.split()[0].decode() in kind.identifiers():
            return kind.from_private_key(io.StringIO(text))
    raise UnknownKeyType(key_type=name.split()[0].decode(), key_bytes=b"")


def _plain(file: Path) -> paramiko.PKey | None:
    if not file.is_file() or is_locked(file):
        return None
    try:
        return _read(file)
    except _UNREADABLE:
        return None


def _why_unusable(file: Path) -> str:
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return "is not there, and your agent does not hold it"
    except OSError:
        return "may not be read"
    if text.startswith(b"PuTTY"):
        return "is one of PuTTY: write it as an OpenSSH key with PuTTYgen"
    if b"PRIVATE KEY" not in text:
        return "is no private key, and your agent does not hold it"
    return "is of a kind that this program cannot use (such as DSA): make a new one with ssh-keygen"


def _offered(key: paramiko.PKey) -> bytes:
    return bytes(key.public_blob.key_blob if key.public_blob else key.asbytes())


def _public(file: Path) -> bytes | None:
    """The public half of a key file, from the .pub beside it (the file itself may be one: IdentityFile x.pub)."""
    for path in (file.with_name(file.name + ".pub"), file):
        try:
            return base64.b64decode(path.read_text().split()[1], validate=True)
        except (OSError, IndexError, binascii.Error, UnicodeDecodeError):
            continue
    return None
