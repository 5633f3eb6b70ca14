"""Whether a server's TLS certificate may be believed: by the system's rules, or because the person said so."""

from __future__ import annotations

import contextlib
import hashlib
import json
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509

from app import host
from app.errors import JobError, NeedsAnswer, Question

if TYPE_CHECKING:
    from app.context import Context

SELF_SIGNED, EXPIRED, WRONG_NAME = (18, 19), 10, (62, 64)  # X509_V_ERR_*, openssl/x509_vfy.h
COMPARE = "Compare the fingerprint with the one that the people who run the server tell you."


def fingerprint(der: bytes) -> str:
    """The SHA-256 of a certificate as it is usually shown: `SHA256:AA:BB:…`."""
    return "SHA256:" + hashlib.sha256(der).digest().hex(":").upper()


class Trust:
    """Which certificate the server *name*:*port* may show.

    The system's certificate authorities (or `SSL_CERT_FILE`) decide; a certificate that they do not
    vouch for needs the person's yes to its fingerprint, which is kept in `pins.json`.
    """

    def __init__(self, name: str, port: int, ctx: Context) -> None:
        self.name, self.ctx = name, ctx
        self.about = f"ftps://{f'[{name}]' if ':' in name else name}:{port}"
        self.pinned = ""

    def context(self, newest: ssl.TLSVersion) -> ssl.SSLContext:
        """A TLS context; when a pin is in force the caller must let `check` see each certificate."""
        made = ssl.create_default_context()
        made.maximum_version = newest
        if self.pinned:
            made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        return made

    @staticmethod
    def look(newest: ssl.TLSVersion) -> ssl.SSLContext:
        """A context that believes anything: only to see the certificate, before any secret is sent."""
        made = ssl.create_default_context()
        made.maximum_version = newest
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        return made

    def check(self, der: bytes) -> None:
        """Raise when a pin is in force and *der* is another certificate."""
        if self.pinned and fingerprint(der) != self.pinned:
            raise self._changed(fingerprint(der))

    def judge(self, refusal: ssl.SSLCertVerificationError, der: bytes) -> None:
        """Accept a certificate that the system refused because the person did, or raise why not."""
        cert = x509.load_der_x509_certificate(der)
        _stop_out_of_date(cert, refusal, self.name)
        shown, known = fingerprint(der), _pins().get(self.about)
        about = f"certificate {self.about}"
        answer = self.ctx.answers.get(about)
        if shown not in (known, answer):
            if known:
                raise self._changed(shown)
            if answer is not None:
                self.ctx.answers.forget(about)
            text = f"{_sentence(cert, refusal, self.name)} {COMPARE}"
            raise NeedsAnswer(Question("certificate", about, text, shown))
        if shown != known:
            _pin(self.about, shown)
        self.pinned = shown

    def _changed(self, shown: str) -> JobError:
        return JobError(
            f"The server {self.name} shows another certificate than the one you accepted. Somebody may be in between.",
            f"Ask the people who run the server whether they changed it. The new one is {shown}; "
            f"if they confirm exactly this, give it as the answer for “certificate {self.about}”.",
            means="No password and none of your data was sent.",
            topic="certificate-changed",
        )


def _stop_out_of_date(cert: x509.Certificate, refusal: ssl.SSLCertVerificationError, name: str) -> None:
    now = datetime.now(UTC)
    means = "No password and none of your data was sent."
    tell = f"Tell the people who run {name}: they have to renew it. Then try again."
    if cert.not_valid_after_utc < now or refusal.verify_code == EXPIRED:
        when = f" on {cert.not_valid_after_utc:%Y-%m-%d}" if cert.not_valid_after_utc < now else ""
        what = "certificate" if when else "certificate's authority"
        raise JobError(f"The {what} of {name} expired{when}.", tell, means=means, topic="certificate-expired")
    if cert.not_valid_before_utc > now:
        raise JobError(
            f"The certificate of {name} is valid only from {cert.not_valid_before_utc:%Y-%m-%d} on.",
            f"Check the date of this computer. If it is right, tell the people who run {name}.",
            means=means,
            topic="certificate-expired",
        )


def _sentence(cert: x509.Certificate, refusal: ssl.SSLCertVerificationError, name: str) -> str:
    if refusal.verify_code in WRONG_NAME:
        return f"The server's certificate is made out to {_names(cert)}, not to {name}."
    if refusal.verify_code in SELF_SIGNED and cert.issuer == cert.subject:
        return f"The server {name} shows a certificate that it has signed itself, so nobody vouches for it."
    issuer = cert.issuer.rfc4514_string() or "somebody without a name"
    return f"The certificate of {name} was signed by “{issuer}”, which this computer does not know."


def _names(cert: x509.Certificate) -> str:
    with contextlib.suppress(x509.ExtensionNotFound, ValueError):
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = [str(n.value) for n in names]
        return ", ".join(found[:3]) or "nobody"
    return cert.subject.rfc4514_string() or "nobody"


def _pins() -> dict[str, str]:
    try:
        known = json.loads((host.data_home() / "pins.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in known.items()} if isinstance(known, dict) else {}


def _pin(about: str, shown: str) -> None:
    home = host.private_folder(host.data_home())
    host.write_whole(home / "pins.json", json.dumps({**_pins(), about: shown}, indent=2).encode())
