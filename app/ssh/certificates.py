"""OpenSSH certificates (PROTOCOL.certkeys): for whom, until when, and signed by whom."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

SUFFIX = "-cert-v01@openssh.com"
HOST, USER = SSHCertificateType.HOST, SSHCertificateType.USER
_UNREADABLE = (OSError, ValueError, UnsupportedAlgorithm)


def of_blob(blob: bytes) -> SSHCertificate | None:
    """The certificate that *blob* (as sent on the line) holds; None when it holds none, or cannot be read."""
    try:
        length = int.from_bytes(blob[:4], "big")
        line = blob[4 : 4 + length] + b" " + base64.b64encode(blob)
        found = load_ssh_public_identity(line)
    except _UNREADABLE:
        return None
    return found if isinstance(found, SSHCertificate) else None


def of_file(file: Path) -> tuple[SSHCertificate, str] | None:
    """The certificate in a `-cert.pub` file, and the text of the file."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
        blob = base64.b64decode(text.split()[1], validate=True)
    except (OSError, ValueError, IndexError):
        return None
    found = of_blob(blob)
    return (found, text) if found else None


def key_of(certificate: SSHCertificate) -> bytes:
    """The key that is certified, as sent on the line."""
    return _bytes(certificate.public_key())


def signer_of(certificate: SSHCertificate) -> bytes:
    """The authority's key, as sent on the line."""
    return _bytes(certificate.signature_key())


def why_not_now(certificate: SSHCertificate) -> str:
    """Why it is not good at this moment, as the end of a sentence (“was valid until …”); empty when it is."""
    now = time.time()
    if now < certificate.valid_after:
        return f"is valid from {_day(certificate.valid_after)} on only"
    if now >= certificate.valid_before:
        return f"was valid until {_day(certificate.valid_before)}"
    return ""


def why_not_for(certificate: SSHCertificate, name: str, fits: Callable[[str, str], bool]) -> str:
    """Why it is not good for *name* (a user's or a host's); one without names is good for everyone of its type."""
    names = [one.decode("utf-8", "replace") for one in certificate.valid_principals]
    if not names or any(fits(name, one) for one in names):
        return ""
    return f"is for {' and '.join(names)}, not for {name}"


def why_not_host(certificate: SSHCertificate, name: str, fits: Callable[[str, str], bool]) -> str:
    """Why a host may not show this certificate under *name*; empty when it may. Its signer is not looked at here."""
    if certificate.type is not HOST:
        return "is one of a person, not of a server"
    if certificate.critical_options:
        return "has conditions that this program does not know"
    try:
        certificate.verify_cert_signature()
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return "has a wrong signature"
    return why_not_now(certificate) or why_not_for(certificate, name, fits)


def for_key(key: bytes, files: Collection[Path]) -> Iterator[str]:
    """The texts of those *files* that certify the user's *key* and are valid now."""
    for file in files:
        found = of_file(file)
        if found and found[0].type is USER and key_of(found[0]) == key and not why_not_now(found[0]):
            yield found[1]


def why_not_user(files: Collection[Path], user: str) -> list[str]:
    """Sentences about those of the person's certificates that are not good for logging in as *user*."""
    said = []
    for file in files:
        if found := of_file(file):
            why = why_not_now(found[0]) or why_not_for(found[0], user, str.__eq__)
            said += [f"Your certificate {file} {why}."] if why else []
    return said


def _bytes(key: Any) -> bytes:
    return base64.b64decode(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])


def _day(seconds: int) -> str:
    return time.strftime("%d %B %Y, %H:%M", time.localtime(seconds)).lstrip("0")
