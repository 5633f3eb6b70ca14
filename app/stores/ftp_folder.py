"""A folder on an FTP server that is entered when it is needed and left when a line breaks; files are read from it."""

from __future__ import annotations

import contextlib
import ftplib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.errors import Cancelled, Transient
from app.stores import BLOCK, HungUp, ftp_look, ftp_words
from app.stores.ftp_login import Door
from app.stores.ftp_outflow import STALL
from app.stores.ftp_session import CutShort, FtpSession, NoDataLine, TlsTrouble
from app.stores.wire import READ, Wire

if TYPE_CHECKING:
    from app.context import Context

GOODBYE = 5.0  # seconds for close_notify; some servers never send theirs
TICKET = 1800.0  # seconds; an older TLS session may be refused on a new data line


class FtpFolder:
    """What is common to reading and writing: the login, data lines, lengths, and the border of exceptions."""

    def __init__(self, url: str, ctx: Context) -> None:
        self.url, self.ctx = url, ctx
        self._door = Door(url, ctx)
        self._ftp: FtpSession | None = None
        self._since = 0.0
        self._used = self._sent = False
        self._look = ftp_look.Look()

    def close(self) -> None:
        """Log out."""
        if self._ftp:
            self._ftp.leave()
            self._ftp = None

    @property
    def host(self) -> str:
        """The server's name."""
        return self._door.host

    def _session(self) -> FtpSession:
        if self._ftp is None:
            self._ftp, self._since, self._used = self._door.enter(), time.monotonic(), False
        return self._ftp

    def _drop(self) -> None:
        if self._ftp:
            self._ftp.close()
            self._ftp = None

    def _farewell(self) -> None:
        """Give the server a moment to close the file, so that it is not “in use” when the upload goes on."""
        with contextlib.suppress(Exception):
            self._session().wire.pause(READ)
        self.close()

    def _length(self, name: str) -> int | None:
        return self._look.size(self._session(), name, lambda command: (self._line(command), self._session()))

    def _line(self, command: str, offset: int = 0) -> Wire:
        """A data line; once, when its TLS fails, with the older TLS version on a new login (`app.stores.ftp_tls`)."""
        if time.monotonic() - self._since > TICKET:
            self._drop()
        while True:
            ftp = self._session()
            self._used = True
            try:
                line = ftp.data_line(command, offset)
            except NoDataLine as exc:
                if not self._has_sent():
                    raise
                raise Transient(exc.message, "It worked before, so it is tried again.", topic=exc.topic) from exc
            except TlsTrouble as exc:
                self._drop()
                if not self._door.version.step_down():
                    raise ftp_words.not_encrypted(exc, self.host) from exc
            except CutShort as exc:
                self._drop()
                if not self._door.version.was_cut():
                    raise HungUp(f"The line to {self.host} was cut.", "Check the network; it is tried again.") from exc
            else:
                self._see(line)
                self._sent = True
                return line

    def _has_sent(self) -> bool:
        """Whether data lines to this place have worked before; then it is the network that does not at the moment."""
        return self._sent or "abilities" in self.ctx.state.of(self.ctx.step)

    def _see(self, line: Wire) -> None:
        try:
            self._door.trust.check(line.certificate)
        except BaseException:
            line.close()
            raise

    def _last_word(self) -> Exception | None:
        try:
            if self._ftp:
                with self._ftp.patient(GOODBYE):
                    self._ftp.voidresp()
        except ftplib.Error as exc:
            return exc
        except (OSError, EOFError):
            pass
        return None

    def _retrieve(self, name: str, offset: int, wanted: int | None, *, whole: bool) -> Iterator[bytes]:
        line, got = self._line(f"RETR {name}", offset), 0
        try:
            while got != wanted:
                data = line.recv_ready(BLOCK if wanted is None else min(BLOCK, wanted - got), STALL)
                if not data:
                    break
                got += len(data)
                yield data
            if whole or wanted is None:
                line.finish(GOODBYE, GOODBYE, lambda: False)
            if wanted is None:
                self._session().voidresp()
        finally:
            line.close()
            if wanted is not None:
                self._resync()
        if wanted is not None and got < wanted:
            raise EOFError

    def _resync(self) -> None:
        """Take the reply to a RETR that was ended by us; 426 and 451 are as good as 226 there."""
        try:
            if self._ftp:
                with self._ftp.patient(GOODBYE):
                    self._ftp.voidresp()
        except ftplib.Error:
            return
        except (OSError, EOFError, Cancelled):
            self._drop()

    @contextlib.contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        """The border: ftplib's and the system's exceptions become words; after trouble the line is dropped."""
        try:
            yield
        except (Transient, Cancelled):
            self._drop()
            raise
        except (ftplib.Error, OSError, EOFError) as exc:
            told = ftp_words.explained(exc, self.host, doing)
            if not isinstance(exc, ftplib.error_perm) or isinstance(told, Transient):
                self._drop()
            raise told from exc
