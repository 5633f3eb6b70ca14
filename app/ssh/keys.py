"""The person's keys: in the agent, named in ~/.ssh/config, or the usual files (certificates beside them are used)."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.pkey import UnknownKeyType

from app.errors import NeedsAnswer, Question

if TYPE_CHECKING:
    from app.context import Context
    from app.ssh.config import Settings

_UNREADABLE = (OSError, ValueError, TypeError, UnsupportedAlgorithm, paramiko.SSHException, UnknownKeyType)


def open_keys(settings: Settings) -> Iterator[paramiko.PKey]:
    """Every key that can be used without asking, once each: the named files, the agent's, the usual files."""
    seen: set[bytes] = set()
    files = [key for file in settings.identities if (key := _plain(file))]
    agents = list(_of_agent(settings))
    for key in [*files, *agents] if settings.chosen else [*agents, *files]:
        if (blob := key.asbytes()) not in seen:
            seen.add(blob)
            yield key


def locked_files(settings: Settings) -> list[Path]:
    """Key files that want a passphrase first; those that the agent has opened already are left out."""
    have = {key.asbytes() for key in _of_agent(settings)}
    return [f for f in settings.identities if f.is_file() and is_locked(f) and _public(f) not in have]


def unlocked(file: Path, ctx: Context) -> paramiko.PKey | None:
    """The key of a locked file; asks for its passphrase. None when the person left the answer empty."""
    about = f"key://{file}"
    text = f"The passphrase of your key {file} (leave it empty to go on without this key)."
    passphrase = ctx.need(Question("passphrase", about, text))
    if not passphrase:
        return None
    try:
        secret: Any = passphrase.encode()  # typed as str in the stubs; cryptography wants bytes
        return paramiko.PKey.from_path(str(file), secret)
    except _UNREADABLE as exc:
        ctx.answers.forget(about)
        text = f"That was not the passphrase of {file}. Once more, please (empty: go on without this key)."
        raise NeedsAnswer(Question("passphrase", about, text)) from exc


def is_locked(file: Path) -> bool:
    """Whether a private key file is encrypted (PEM headers, or the cipher's name in OpenSSH's PROTOCOL.key)."""
    try:
        text = file.read_bytes()
    except OSError:
        return False
    if b"OPENSSH PRIVATE KEY" not in text:
        return b"ENCRYPTED" in text
    body = b"".join(line for line in text.splitlines() if not line.startswith(b"-----"))
    try:
        raw = base64.b64decode(body)
        (length,) = struct.unpack_from(">I", raw, len(b"openssh-key-v1\0"))
        return raw[19 : 19 + length] != b"none"
    except (binascii.Error, struct.error, ValueError):
        return False


def _plain(file: Path) -> paramiko.PKey | None:
    if not file.is_file() or is_locked(file):
        return None
    try:
        return paramiko.PKey.from_path(str(file))
    except _UNREADABLE:
        return None


def _of_agent(settings: Settings) -> Iterator[paramiko.PKey]:
    try:
        keys = paramiko.Agent().get_keys()
    except (paramiko.SSHException, OSError):
        return
    wanted = {_public(file) for file in settings.identities} if settings.only_identities else None
    for key in keys:
        if wanted is None or key.asbytes() in wanted:
            yield key


def _public(file: Path) -> bytes | None:
    """The public half of a key file, from the .pub beside it (the file itself may be one: IdentityFile x.pub)."""
    for path in (file.with_name(file.name + ".pub"), file):
        try:
            return base64.b64decode(path.read_text().split()[1], validate=True)
        except (OSError, IndexError, binascii.Error, UnicodeDecodeError):
            continue
    return None
