"""Asking an FTP server about a file: length, SHA-256, free space. Servers differ; the first that works is used.

SIZE, MLST, MLSD: RFC 3659. HASH, RANG: draft-bryan-ftpext-hash. XSHA256: as ProFTPD and others have it.
"""

from __future__ import annotations

import ftplib
import re
from collections.abc import Callable

from app.errors import JobError
from app.stores import ftp_words
from app.stores.ftp_session import REPLY, FtpSession
from app.stores.wire import Wire

LISTING = 4 << 20  # bytes of a folder's listing that are looked at
_UNIX = re.compile(r"[-l]\S{9}\S*\s+\d+\s+\S+\s+\S+\s+(\d+)\s+\S+\s+\S+\s+\S+\s(.*)")
_DOS = re.compile(r"\d\d-\d\d-\d{2,4}\s+\d\d:\d\d(?:[AP]M)?\s+(\d+)\s(.*)")
_HEX = re.compile(r"\b[0-9A-Fa-f]{64}\b")
Opens = Callable[[str], tuple[Wire, FtpSession]]  # of a command; the login may be a new one by then


def plain(name: str) -> str:
    """*name*, when it is a plain file name that can be sent."""
    if name in ("", ".", "..") or re.search(r"[/\r\n\0]", name):
        raise JobError(f"{name!r} is no file name.", "Choose a name without slashes and line breaks.")
    return name


class Look:
    """How long files are; remembers whether SIZE can be believed when it says that there is none."""

    def __init__(self) -> None:
        self._size_works = False

    def size(self, ftp: FtpSession, name: str, opens: Opens) -> int | None:
        """Length in bytes; None when there is no such file, or nobody may know."""
        try:
            answer = ftp.sendcmd(f"SIZE {name}")
            found = re.fullmatch(r"213\s+(\d+)\s*", answer)
            if not found:
                raise ftplib.error_proto(answer)  # noqa: S321 - over TLS
        except ftplib.error_temp as exc:  # “busy” is not “not there”
            if ftp_words.code(exc) == "421" or (listed := _listed(ftp, name, opens)) is None:
                raise
            return listed
        except ftplib.error_perm as exc:
            if self._size_works and not ftp_words.is_unknown(exc):
                return None
            return _listed(ftp, name, opens)
        self._size_works = True
        return int(found[1])


def quick_size(ftp: FtpSession, name: str) -> int:
    """What SIZE says, and 0 where it says nothing."""
    try:
        found = re.fullmatch(r"213\s+(\d+)\s*", ftp.sendcmd(f"SIZE {name}"))
    except (ftplib.error_perm, ftplib.error_temp):
        return 0
    return int(found[1]) if found else 0


def _listed(ftp: FtpSession, name: str, opens: Opens) -> int | None:
    """The length by MLST, else from the folder's listing."""
    try:
        if "MLST" in ftp.features:
            return _facts(ftp.sendcmd(f"MLST {name}").splitlines()[1].strip().partition(" ")[0])
    except (ftplib.error_perm, ftplib.error_temp, IndexError):
        pass  # 550 means “not there” or “not allowed”: the listing tells
    for command in ("MLSD", "LIST") if "MLST" in ftp.features else ("LIST",):
        try:
            return _found(_text(*opens(command)), name)
        except (ftplib.error_perm, ftplib.error_temp) as exc:
            if ftp_words.code(exc) == "421":
                raise
    return None


def _text(line: Wire, ftp: FtpSession) -> str:
    heard = bytearray()
    try:
        while len(heard) < LISTING and (data := line.recv(1 << 16, REPLY)):
            heard += data
        line.finish(1.0, 1.0, lambda: False)
    finally:
        line.close()
    ftp.voidresp()
    return heard.decode("utf-8", "replace")


def _found(text: str, name: str) -> int | None:
    for line in text.splitlines():
        if "=" in line.partition(" ")[0]:
            facts, _, listed = line.partition(" ")
            if listed == name:
                return _facts(facts)
        for shape in (_UNIX, _DOS):
            match = shape.fullmatch(line)
            if match and match[2].partition(" -> ")[0] == name:
                return int(match[1])
    return None


def _facts(facts: str) -> int | None:
    found = re.search(r"(?:^|;)size=(\d+);", facts, re.IGNORECASE)
    return int(found[1]) if found else None


def digest(ftp: FtpSession, name: str, length: int | None) -> str | None:
    """The SHA-256 (lower-case hex) of the first *length* bytes, where the server computes it."""
    try:
        if length is not None and "XSHA256" in ftp.features:
            return _hex(ftp.sendcmd(f'XSHA256 "{name}" 0 {length}'))
        if "SHA-256" in ftp.features.get("HASH", "").upper():
            return _hash(ftp, name, length)
        if "XSHA256" in ftp.features:
            return _hex(ftp.sendcmd(f'XSHA256 "{name}"'))
    except (ftplib.error_perm, ftplib.error_temp) as exc:
        if ftp_words.code(exc) == "421":
            raise
    return None


def _hash(ftp: FtpSession, name: str, length: int | None) -> str | None:
    if length is not None and "RANG" not in ftp.features:
        return None
    ftp.sendcmd("OPTS HASH SHA-256")
    if length is None:
        return _hex(ftp.sendcmd(f"HASH {name}"))
    ftp.sendcmd(f"RANG 0 {length - 1}")
    try:
        answer = ftp.sendcmd(f"HASH {name}")
    finally:
        ftp.sendcmd("RANG 1 0")  # the draft's way to say “the whole file again”
    done = re.search(r"\b0-(\d+)\b", answer)  # ProFTPD 1.3.8 takes RANG and then hashes the whole file
    return _hex(answer) if done and int(done[1]) in (length - 1, length) else None


def _hex(answer: str) -> str | None:
    found = _HEX.search(answer)
    return found[0].lower() if found else None


def free(ftp: FtpSession) -> int | None:
    """Bytes that may still be written (AVBL, draft-peterson-streamlined-ftp-command-extensions)."""
    if "AVBL" not in ftp.features:
        return None
    try:
        found = re.fullmatch(r"213\s+(\d+)\s*", ftp.sendcmd("AVBL"))
    except (ftplib.error_perm, ftplib.error_temp):
        return None
    return int(found[1]) if found else None
