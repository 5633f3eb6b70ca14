"""What an FTP server's refusals mean for the person. Reply codes: RFC 959 §4.2; texts as servers write them."""

from __future__ import annotations

import ftplib
import re
import ssl

from app.errors import JobError, Transient
from app.units import plain

_FULL = re.compile(
    r"no space|disk.{0,9}full|quota|exceeded|not enough|insufficient.{0,9}(space|storage)", re.IGNORECASE
)
_WRITE_FAILED = re.compile(
    r"writing to local file|error during write to file", re.IGNORECASE
)  # of vsftpd, Pure-FTPd: no more is said
_HELD = re.compile(r"in use|busy|locked|being used|another process|try again|resource temporarily", re.IGNORECASE)
_CROWDED = re.compile(r"too many|maximum|limit.{0,20}(reached|exceeded)|try (again )?later", re.IGNORECASE)
_TLS = re.compile(r"TLS|SSL|secure|reuse", re.IGNORECASE)
_NO_DATA = re.compile(r"unable to build data connection", re.IGNORECASE)  # of ProFTPD: its TLS, or a cut line
_FULL_CODES, _TLS_CODES = ("452", "552"), ("425", "426", "521", "522", "534", "535", "536")
_UNKNOWN = ("500", "501", "502", "503", "504")


def code(exc: BaseException) -> str:
    """The three digits of a reply."""
    return str(exc)[:3]


def is_unknown(exc: BaseException) -> bool:
    """Whether the server does not know the command."""
    return code(exc) in _UNKNOWN


def is_full(exc: BaseException) -> bool:
    """Whether the far side has no room (or quota) left."""
    text = str(exc)
    return code(exc) in _FULL_CODES or (code(exc)[0] in "45" and bool(_FULL.search(text) or _WRITE_FAILED.search(text)))


def is_held(exc: BaseException) -> bool:
    """Whether the file is still held by an earlier transfer."""
    return code(exc) == "450" or (code(exc) in ("451", "550", "553") and bool(_HELD.search(str(exc))))


def is_crowded(exc: BaseException) -> bool:
    """Whether a login was refused because too many are logged in, not because it is wrong."""
    return code(exc) == "421" or bool(_CROWDED.search(str(exc)))


def is_tls_trouble(exc: BaseException) -> bool:
    """Whether it is the data line's encryption that failed."""
    if isinstance(exc, ftplib.Error):
        return code(exc) in _TLS_CODES and bool(_TLS.search(str(exc)))
    return isinstance(exc, ssl.SSLError) and not isinstance(exc, ssl.SSLCertVerificationError | ssl.SSLEOFError)


def may_be_tls_trouble(exc: BaseException) -> bool:
    """Whether it is the data line's encryption that failed, or the line that was cut."""
    return code(exc) == "425" and bool(_NO_DATA.search(str(exc)))


def not_encrypted(exc: BaseException, host: str) -> Transient:
    """A data line without TLS; it may have another one next time."""
    return Transient(f"The data line to {host} cannot be encrypted ({plain(exc)}).", "It is tried again.")


def held(host: str) -> Transient:
    """The server has not let go of the file since the line was cut."""
    return Transient(
        f"The server {host} still holds the unfinished file from before.",
        "Wait: servers let go after some minutes. It goes on by itself.",
    )


def full(host: str, stored: int | None, wanted: int) -> JobError:
    """No room at the far side; *stored* of *wanted* bytes are there (0: unknown)."""
    some = f"{stored:,}" if stored is not None else "an unknown number"
    of = f" of {wanted:,}" if wanted else ""
    left = f"{max(wanted - (stored or 0), 0):,} more bytes" if wanted else "more"
    return JobError(
        f"The server {host} has no room: {some}{of} bytes are stored.",
        f"Ask the people who run it to make room for {left}, then go on with the same job.",
        means="Nothing is lost: what is stored stays, and the upload can go on from there.",
        topic="disk-full",
    )


def explained(exc: BaseException, host: str, doing: str) -> JobError:
    """The words for an exception of ftplib or of a socket; *doing* completes “could not …”."""
    said = plain(exc)
    if is_held(exc):
        return held(host)
    if isinstance(exc, ftplib.error_temp):
        return Transient(f"The server {host} cannot do it just now: {said}", "Wait; it is tried again.")
    if isinstance(exc, ftplib.error_perm):
        return _refused(exc, host, doing, said)
    if isinstance(exc, TimeoutError):
        return Transient(f"The server {host} does not answer.", "Check the network; it is tried again.")
    if isinstance(exc, EOFError):
        return Transient(f"The server {host} closed the line.", "Check the network; it is tried again.")
    if isinstance(exc, ssl.SSLEOFError | ConnectionError):
        return Transient(f"The line to {host} was cut.", "Check the network; it is tried again.")
    return Transient(f"The line to {host} broke ({said}).", "Check the network; it is tried again.")


def _refused(exc: ftplib.error_perm, host: str, doing: str, said: str) -> JobError:
    if code(exc) == "530":
        return Transient(f"The server {host} has forgotten the login ({said}).", "It is logged in again.")
    if is_unknown(exc):
        return JobError(f"The server {host} could not {doing}: {said}", "Ask its people, or choose another place.")
    return JobError(
        f"The server {host} does not let you {doing}: {said}",
        "Check the folder and ask the people who run the server for permission.",
        topic="permission",
    )


def unreachable(exc: OSError, host: str, port: int) -> JobError:
    """Why there was no connection at all."""
    if isinstance(exc, ssl.SSLEOFError | ConnectionResetError):
        return Transient(
            f"The server {host} hung up on port {port} before the line was encrypted.",
            "It is tried again. Is the port right: ftps:// is mostly 990, ftpes:// mostly 21?",
        )
    if isinstance(exc, ssl.SSLError):
        other = f"Try ftpes://{host} (port 21) instead of ftps://, or the other way round." if port else ""
        return JobError(
            f"The server {host} does not speak TLS on port {port} ({plain(exc.reason or exc)}).",
            other,
            means="No password was sent.",
            topic="no-tls",
        )
    if isinstance(exc, TimeoutError):
        return Transient(
            f"The server {host} does not answer on port {port}.",
            "Check the address, the port and your network. A server of the old kind wants ftps:// (port 990).",
        )
    if isinstance(exc, ConnectionRefusedError):
        return Transient(
            f"Nobody answers on port {port} of {host}.", "Check the address and the port; it is tried again."
        )
    return Transient(f"{host} cannot be reached ({plain(exc)}).", "Check the address and your network.")
