"""Certificates for the servers of the tests: good, expired, for another name, self-signed."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def pem(folder: Path, kind: str = "good") -> Path:
    """A file with key and certificate chain; *kind*: good, expired, other-name, self-signed, unknown (authority)."""
    file = folder / f"{kind}.pem"
    if file.exists():
        return file
    if kind == "self-signed":
        file.write_bytes(_self_signed())
        return file
    ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
    names = ["elsewhere.example"] if kind == "other-name" else ["127.0.0.1", "127.0.0.2", "localhost"]
    ends = datetime.now(UTC) - timedelta(days=3) if kind == "expired" else None
    ca.issue_cert(*names, not_after=ends).private_key_and_cert_chain_pem.write_to_path(file)
    if kind != "unknown":
        ca.cert_pem.write_to_path(folder / "ca.pem", append=True)
    return file


def trusted(folder: Path, stack: ExitStack) -> None:
    """Make this process believe the authority of *folder*, until *stack* is left."""
    os.environ["SSL_CERT_FILE"] = str(folder / "ca.pem")
    stack.callback(os.environ.pop, "SSL_CERT_FILE", None)


def _self_signed() -> bytes:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "my server")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
    cert = made.sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    encoding = serialization.Encoding.PEM
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain) + cert.public_bytes(encoding)
