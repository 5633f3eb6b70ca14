"""A folder on an FTP server, over TLS: `ftpes://` (explicit, port 21) and `ftps://` (implicit, port 990)."""

from __future__ import annotations

import contextlib
import ftplib
import hashlib
import re
import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.errors import JobError, Transient
from app.stores import Abilities, Acked, HungUp, Unseekable, ftp_look, ftp_words, not_kept
from app.stores.ftp_folder import GOODBYE, FtpFolder
from app.stores.ftp_outflow import STALL, Outflow
from app.stores.ftp_session import FtpSession
from app.stores.wire import Wire
from app.units import plain

if TYPE_CHECKING:
    from app.context import Context

WAITING = "Waiting until the server has stored the last bytes"
STORING = 600.0  # seconds; antivirus and slow disks take minutes to say 226
FIRST_LOOK = 20.0  # seconds; then twice as long, and so on
SETTLING = (1.0, 3.0)  # seconds; some servers count what they have stored a moment later
ABRUPT = 30.0  # seconds, when the server itself broke the data line off
HASHING = 3600.0  # seconds without a word while the server reads a big file
REWRITE = 8 << 20  # bytes that are read back and written again where a file has to be shortened
EARLY = 1 << 20  # bytes; trouble before that may be the TLS version's
_NO_RESTART = re.compile(r"restart|resum|append", re.IGNORECASE)
_IN_THE_WAY = re.compile(r"(?<!not )exists", re.IGNORECASE)


class _Broken(Exception):
    """The data line broke in mid-write."""


class Ftps(FtpFolder):
    """The store of an `ftpes:` or `ftps:` URL."""

    answers = False  # see `transfer.carrier.Carried`

    def __init__(self, url: str, ctx: Context) -> None:
        super().__init__(url, ctx)
        self.abilities = Abilities()
        self._restarts = True
        self._out: Wire | None = None

    def open(self) -> None:
        """Log in and enter the folder."""
        with self._explained("log in"):
            self._session()

    def size(self, name: str) -> int | None:
        """Length in bytes, or None when there is no such file (or nobody may ask)."""
        with self._explained("look at files"):
            return self._length(ftp_look.plain(name))

    def read(self, name: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from *offset* on, *length* of them at most."""
        with self._explained(f"read {ftp_look.plain(name)}"):
            total = self._length(name)
            left = None if total is None else max(total - offset, 0)
            wanted = left if length is None else length if left is None else min(length, left)
            if wanted != 0:
                yield from self._retrieve(name, offset, wanted, whole=wanted == left)

    def write(self, name: str, blocks: Iterator[bytes], offset: int, acked: Acked) -> None:
        """Keep the first *offset* bytes and replace the rest; TCP's acknowledgements are what counts on the way.

        Returns only when the server confirmed the end, or, without that word, holds the right number of bytes.
        """
        with self._explained(f"write {ftp_look.plain(name)}"):
            if offset and self._used:
                self._drop()
            before = max(offset, ftp_look.quick_size(self._session(), name))
            flow = Outflow(self._begin(name, offset), acked)
            self._out = flow.wire
            try:
                _pour(flow, blocks)
                flow.finish(GOODBYE, STORING)
                self.ctx.stop_if_cancelled()
                confirmed = self._await_stored(flow, name, offset + flow.sent)
            except (_Broken, ftplib.Error) as exc:
                flow.wire.close()
                raise self._why(exc, name, flow) from exc
            except BaseException:
                flow.finish(GOODBYE, STALL)
                self._farewell()
                raise
            self._confirm(name, before, offset + flow.sent, confirmed)

    def rename(self, old: str, new: str) -> None:
        """Give a file its name, replacing what had it."""
        with self._explained(f"rename {ftp_look.plain(old)}"):
            ftp = self._session()
            try:
                ftp.rename(old, ftp_look.plain(new))
            except ftplib.error_perm as exc:
                if not _IN_THE_WAY.search(str(exc)) or self._length(old) is None:
                    raise
                self._exchange(ftp, old, new)

    def remove(self, name: str) -> None:
        """Delete a file; one that is gone already is fine."""
        with self._explained(f"delete {ftp_look.plain(name)}"):
            try:
                self._session().delete(name)
            except ftplib.error_perm:
                if self._length(name) is not None:
                    raise

    def digest(self, name: str, length: int | None = None) -> str | None:
        """SHA-256 by HASH or XSHA256 where the server has one of them, else None."""
        if length == 0:
            return hashlib.sha256(b"").hexdigest()
        with self._explained(f"hash {ftp_look.plain(name)}"), self._session().patient(HASHING) as ftp:
            return ftp_look.digest(ftp, name, length)

    def free(self) -> int | None:
        """What AVBL says, where the server knows it."""
        with self._explained("ask for the free space"):
            return ftp_look.free(self._session())

    def carrier(self) -> socket.socket | None:
        """The data line of the upload."""
        return self._out.sock if self._out else None

    def _begin(self, name: str, offset: int) -> Wire:
        """REST + STOR says where it writes; APPE does not, so it is used right after SIZE only."""
        if not offset:
            return self._line(f"STOR {name}")
        have = self._length(name)
        if have is not None and have < offset:
            raise Transient(f"The server holds {have:,} bytes of {name}, not {offset:,}.", "It is looked at again.")
        if self._restarts:
            try:
                return self._line(f"STOR {name}", offset)
            except ftplib.Error as exc:
                if ftp_words.is_held(exc) or ftp_words.is_full(exc):
                    raise
                self._restarts = False
        if have != offset:
            raise Unseekable(f"The server {self.host} cannot write in the middle of a file.", "Begin at the start.")
        return self._append(name)

    def _append(self, name: str) -> Wire:
        try:
            return self._line(f"APPE {name}")
        except ftplib.Error as exc:
            if ftp_words.is_held(exc) or ftp_words.is_full(exc):
                raise
            if ftp_words.is_unknown(exc) or _NO_RESTART.search(str(exc)) or not self.abilities.resume:
                raise Unseekable(f"The server {self.host} lets no upload go on.", "Begin at the start.") from exc
            if ftp_words.code(exc) in ("550", "553") and self._takes_files(name):
                raise ftp_words.held(self.host) from exc
            raise

    def _takes_files(self, name: str) -> bool:
        """Whether a new file may be written here; where not, an old one is not “still held” either."""
        trial = f"{name}.probe"
        try:
            self._line(f"STOR {trial}").finish(GOODBYE, GOODBYE, lambda: False)
            self._session().voidresp()
        except ftplib.error_perm:
            return False
        with contextlib.suppress(ftplib.error_perm):
            self._session().delete(trial)
        return True

    def _await_stored(self, flow: Outflow, name: str, wanted: int) -> bool:
        """Wait for the server's last word about an upload; False when the line died before it came.

        A router that forgot the silent control line in the hours of data swallows it: so while it does not come, look
        by another login whether all *wanted* bytes are there.
        """
        ftp, look = self._session(), FIRST_LOOK
        end = time.monotonic() + (ABRUPT if flow.wire.was_reset else STORING)
        try:
            if not ftp.listens(1.0):
                self.ctx.begin(WAITING)
            while not ftp.listens(look):
                if time.monotonic() > end or self._seen_by_another(name) == wanted:
                    raise TimeoutError
                look *= 2
            ftp.voidresp()
        except (OSError, EOFError):
            self._drop()
            return False
        self._door.version.worked()
        flow.complete()
        return True

    def _seen_by_another(self, name: str) -> int | None:
        """The length of a file as another login sees it; None where there can be no other."""
        with contextlib.suppress(JobError, ftplib.Error, OSError, EOFError):
            ftp = self._door.enter()
            try:
                return ftp_look.Look().size(ftp, name, lambda command: (ftp.data_line(command), ftp))
            finally:
                ftp.leave()
        return None

    def _confirm(self, name: str, before: int, wanted: int, confirmed: bool) -> None:
        """“226” is no proof: look how long the file is now; it was *before* bytes long, where that is known."""
        have = self._after_the_end(name, confirmed)
        for pause in SETTLING:
            if have is None or have == wanted or not confirmed:
                break
            self.ctx.sleep(pause)
            have = self._length(name)
        if have == wanted and not confirmed:
            self.ctx.note(f"{self.host} did not confirm the end of {name}, but holds all {wanted:,} bytes.")
        if have == wanted or (have is None and confirmed):
            return
        if have is not None and wanted < have <= before:
            self._shorten(name, wanted)
            return
        if have is not None and confirmed and (have > wanted or have <= before):
            raise not_kept(f"The server {self.host}", name, have, wanted)
        some = "nothing" if have is None else f"only {have:,} of {wanted:,} bytes"
        raise Transient(f"The server {self.host} holds {some} of {name}.", "What is missing is sent again.")

    def _after_the_end(self, name: str, confirmed: bool) -> int | None:
        """The length; some servers hang up when the folder went with the last byte."""
        try:
            return self._length(name)
        except ftplib.error_temp as exc:
            if not confirmed or ftp_words.code(exc) != "421":
                raise
            self._drop()
            return None

    def _shorten(self, name: str, wanted: int) -> None:
        """FTP cannot truncate: a short file is written again, a long one has to be begun again."""
        if wanted > REWRITE:
            raise Unseekable(f"The server {self.host} cannot shorten {name}.", "Begin at the start.")
        data = b"".join(self._retrieve(name, 0, wanted, whole=False))
        self.write(name, iter([data]), 0, lambda _: None)

    def _why(self, exc: Exception, name: str, flow: Outflow) -> JobError:
        """Why an upload ended: the server's own word for it where there is one."""
        word = exc if isinstance(exc, ftplib.Error) else self._last_word() or exc.__cause__ or exc
        self._drop()
        if ftp_words.is_full(word):
            with contextlib.suppress(JobError, ftplib.Error, OSError, EOFError):
                return ftp_words.full(self.host, self._length(name), self.ctx.total)
            return ftp_words.full(self.host, None, self.ctx.total)
        if flow.sent < EARLY and ftp_words.is_tls_trouble(word):
            self._door.version.step_down()
            return ftp_words.not_encrypted(word, self.host)
        if flow.sent < EARLY and ftp_words.may_be_tls_trouble(word):
            self._door.version.was_cut()
            return HungUp(f"The data line to {self.host} ended ({plain(word)}).", "It is tried again.")
        return ftp_words.explained(word, self.host, f"write {name}")

    def _exchange(self, ftp: FtpSession, old: str, new: str) -> None:
        """Servers that never replace: put the old file aside, and back if it does not work."""
        aside = f"{new}.old"
        ftp.rename(new, aside)
        try:
            ftp.rename(old, new)
        except ftplib.Error:
            ftp.rename(aside, new)
            raise
        ftp.delete(aside)


def _pour(flow: Outflow, blocks: Iterator[bytes]) -> None:
    for block in blocks:
        with _breaking():
            flow.send(block)
    with _breaking():
        flow.flush()


@contextlib.contextmanager
def _breaking() -> Iterator[None]:
    """The border between the line's trouble and that of whoever hands on the blocks."""
    try:
        yield
    except OSError as exc:
        raise _Broken(str(exc)) from exc
