"""One FTP login over TLS: ftplib's commands and replies on lines that can be cancelled.

RFC 959 and RFC 3659 (FTP), RFC 4217 (TLS), RFC 2428 (EPSV). The data line resumes the control line's TLS
session, which vsftpd, ProFTPD and others demand (python/cpython#63699); implicit TLS is the old port 990 way.
"""

from __future__ import annotations

import contextlib
import ftplib
import re
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.errors import JobError
from app.stores.wire import READ, Wire
from app.units import plain

if TYPE_CHECKING:
    from app.context import Context

REPLY = 60.0  # seconds for an ordinary reply
GREETING = 60.0  # seconds for the first word; a server that waits for TLS from the first byte never says one
LONGEST_LINE = 8192  # bytes
_NOW_NOT = ("421", "530")  # the login is over


class TlsTrouble(OSError):
    """The data line's TLS could not be set up; the older version may do."""


class CutShort(ConnectionError):
    """The data line ended before it was encrypted; see `app.stores.ftp_tls`."""


class NoDataLine(JobError):
    """No data line can be had: the server opens none, or its port cannot be reached."""


class FtpSession(ftplib.FTP_TLS):
    """A control line to *name*:*port*, not logged in yet."""

    def __init__(self, name: str, port: int, ctx: Context, context: ssl.SSLContext, *, implicit: bool) -> None:
        super().__init__(context=context)
        self.encoding = "utf-8"
        self.host, self.port, self.ctx, self.implicit = name, port, ctx, implicit
        self.patience = REPLY
        self.features: dict[str, str] = {}
        self._extended = True
        self._heard = bytearray()
        self._wire: Wire | None = None

    @property
    def wire(self) -> Wire:
        """The control line."""
        if self._wire is None:
            raise EOFError
        return self._wire

    def start(self) -> None:
        """Connect and put TLS on the control line."""
        self._wire = Wire.connect(self.host, self.port, self.ctx)
        if self.implicit:
            self.wire.secure(self.context, self.host)
        with self.patient(GREETING):
            self.welcome = self.getresp()
        if self.implicit:
            return
        try:
            self.voidcmd("AUTH TLS")
        except ftplib.error_perm as exc:
            raise JobError(
                f"The server {self.host} does not offer encryption ({exc}).",
                "Ask for an address with TLS, or for SFTP. Sandhopper sends no password in the clear.",
                means="No password was sent.",
                topic="no-tls",
            ) from exc
        if self._heard:
            raise JobError(
                f"The server {self.host} said something it should not have said before the line was encrypted.",
                "Somebody may be in between: try from another network, and tell the people who run the server.",
                means="No password was sent.",
            )
        self.wire.secure(self.context, self.host)

    def enter(self, user: str, password: str) -> None:
        """Log in."""
        answer = self.sendcmd(f"USER {user}")
        if answer[0] == "3":
            answer = self.sendcmd(f"PASS {password}")
        if answer[0] == "3":
            raise ftplib.error_perm("532 the server wants an account name as well")  # noqa: S321 - over TLS

    def prepare(self) -> None:
        """Learn what the server can do, and ask for encrypted, binary data lines."""
        self._ask_features()
        self.voidcmd("PBSZ 0")
        self.voidcmd("PROT P")
        self.voidcmd("TYPE I")

    def _ask_features(self) -> None:
        with contextlib.suppress(ftplib.error_perm, ftplib.error_temp):
            lines = self.sendcmd("FEAT").splitlines()[1:-1]
            self.features = {w[0].upper(): " ".join(w[1:]) for w in (line.split() for line in lines) if w}
        if "UTF8" in self.features:
            with contextlib.suppress(ftplib.error_perm, ftplib.error_temp):
                self.sendcmd("OPTS UTF8 ON")

    def data_line(self, command: str, offset: int = 0) -> Wire:
        """Open a data line for *command*, beginning at *offset*; `TlsTrouble` or `CutShort` without TLS."""
        line = self._connected()
        try:
            if offset:
                self.sendcmd(f"REST {offset}")
            answer = self.sendcmd(command)
            if answer[0] == "2":  # some servers confirm twice, see ftplib
                answer = self.getresp()
            if answer[0] != "1":
                raise ftplib.error_reply(answer)  # noqa: S321 - over TLS
            self._secure(line)
        except BaseException:
            line.close()
            raise
        return line

    def _secure(self, line: Wire) -> None:
        control = self.wire.tls
        try:
            line.secure(self.context, self.host, control.session if control else None)
        except (ssl.SSLCertVerificationError, TimeoutError):
            raise
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError) as exc:
            raise CutShort(str(exc)) from exc
        except OSError as exc:
            raise TlsTrouble(str(exc)) from exc

    def _connected(self) -> Wire:
        """The address that PASV announces is ignored: behind a NAT it is wrong, and it could be somebody else's."""
        port = self._passive_port()
        try:
            return Wire.connect(self.wire.peer, port, self.ctx)
        except OSError as exc:
            raise NoDataLine(
                f"The login to {self.host} works, but its data port {port} cannot be reached ({exc}).",
                "A firewall lets the login through and blocks the data: ask for the server's passive ports to be "
                "opened, try another network, or SFTP.",
                topic="data-port",
            ) from exc

    def _passive_port(self) -> int:
        """The port by EPSV, else by PASV; what says neither is no server to send files to."""
        refusals: list[ftplib.Error] = []
        for ask in (self._by_epsv, self._by_pasv) if self._extended else (self._by_pasv,):
            try:
                return ask()
            except ftplib.Error as exc:
                if str(exc)[:3] in _NOW_NOT or ":" in self.wire.peer:  # PASV knows no IPv6
                    raise
                refusals.append(exc)
                self._extended = False
        if isinstance(refusals[-1], ftplib.error_temp):
            raise refusals[-1]
        raise NoDataLine(
            f"The server {self.host} lets you in, but opens no line for data ({'; '.join(map(plain, refusals))}).",
            "Ask the people who run it for passive mode (EPSV or PASV), or for SFTP.",
            topic="data-port",
        )

    def _by_epsv(self) -> int:
        answer = self.sendcmd("EPSV")
        found = re.search(r"\((.)\1\1(\d{1,5})\1\)", answer)
        if not found:
            raise ftplib.error_proto(answer)  # noqa: S321 - over TLS
        return int(found[2])

    def _by_pasv(self) -> int:
        return ftplib.parse227(self.sendcmd("PASV"))[1]  # noqa: S321 - over TLS

    def putline(self, line: str) -> None:
        """Send one command; a line break inside would be a second command."""
        if re.search(r"[\r\n\0]", line):
            raise JobError("A name or password with a line break in it cannot be sent.", "Choose another one.")
        self.wire.sendall(f"{line}\r\n".encode(), self.patience)

    def getline(self) -> str:
        """One line of a reply, waited for `patience` seconds."""
        while b"\n" not in self._heard:
            if len(self._heard) > LONGEST_LINE:
                raise ftplib.error_proto("a line without an end")  # noqa: S321 - over TLS
            data = self.wire.recv(4096, self.patience)
            if not data:
                raise EOFError
            self._heard += data
        line, _, rest = bytes(self._heard).partition(b"\n")
        if line.startswith(b"SSH-"):  # RFC 4253 section 4.2; to ftplib it is the first of many lines
            raise JobError(
                f"An SSH server answers on port {self.port} of {self.host}, not an FTP server.",
                f"Try sftp://{self.host} with this port.",
                means="No password was sent.",
            )
        self._heard[:] = rest
        return line.rstrip(b"\r").decode("utf-8", "replace")

    @contextlib.contextmanager
    def patient(self, seconds: float) -> Iterator[FtpSession]:
        """Wait so long for replies inside this block."""
        before, self.patience = self.patience, seconds
        try:
            yield self
        finally:
            self.patience = before

    def listens(self, seconds: float) -> bool:
        """Whether a reply begins to arrive within *seconds*."""
        return bool(self._heard) or self.wire.readable(seconds)

    def close(self) -> None:
        """Let go of the line without a word."""
        if self._wire:
            self._wire.close()
            self._wire = None

    def leave(self) -> None:
        """Log out in short, and let go of the line."""
        with contextlib.suppress(Exception):
            self.wire.try_send(memoryview(b"QUIT\r\n"))
            self.wire.pause(READ)
        self.close()
