"""A folder at an SSH server, reached by SFTP."""

from __future__ import annotations

import contextlib
import socket
import stat
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

from app.errors import Cancelled, JobError, Transient
from app.ssh import Ssh
from app.stores import Abilities, Acked, not_kept, sftp_flow, sftp_shell
from app.stores import sftp_wire as wire
from app.stores.sftp_further import Further
from app.stores.sftp_trouble import in_words
from app.stores.sftp_upload import SPREAD, Lane, Upload
from app.stores.sftp_wire import StatusError, Wire, string

if TYPE_CHECKING:
    from app.context import Context

LONG_FSYNC = 900.0  # seconds; a busy disk takes minutes to write gigabytes down


class Sftp:
    """The store of an `sftp://user@host:port/folder/` URL; `/~/` at its start is the login's own folder."""

    spread = SPREAD  # see `transfer.resume.Spread`
    answers = True  # see `transfer.carrier.Carried`

    def __init__(self, url: str, ctx: Context) -> None:
        self.url, self.ctx, self.ssh = url, ctx, Ssh(url, ctx)
        self.abilities = Abilities()
        self._wire: Wire | None = None
        self._folder = b""
        self._longest = (sftp_flow.SMALL, sftp_flow.SMALL)  # bytes of a READ, of a WRITE
        self._shell: bool | None = None

    def open(self) -> None:
        """Log in and see that the folder is there."""
        with self._talking("") as line:
            try:
                _, mode = wire.size_of(line.call(wire.STAT, string(self._folder.rstrip(b"/") or b"/"))[1])
            except StatusError as exc:
                if exc.code != wire.DENIED:  # a drop box may be written to, not looked at
                    raise
                return
            if mode is not None and not stat.S_ISDIR(mode):
                raise JobError(f"{_shown(self._folder)} at {self.ssh.where} is no folder.", "Choose another one.")

    def size(self, name: str) -> int | None:
        """Length in bytes, or None when there is no such file."""
        with self._talking(name) as line:
            return self._size(line, self._path(name))

    def read(self, name: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from *offset* on, *length* of them at most."""
        with self._talking(name) as line, self._opened(line, name, wire.FOR_READING) as handle:
            yield from sftp_flow.download(line, handle, offset, length, self._longest[0])

    def write(self, name: str, blocks: Iterator[bytes], offset: int, acked: Acked) -> None:
        """Keep the first *offset* bytes and replace the rest; acknowledged is what the server has answered."""
        flags = wire.FOR_WRITING | wire.CREATE | (0 if offset else wire.TRUNCATE)
        with self._talking(name) as line, self._opened(line, name, flags) as handle:
            if offset:
                self._cut(line, handle, name, offset)
            further = Further(lambda: self._another(name), self.ctx)
            upload = Upload(Lane(line, handle), offset, self._longest[1], acked, further)
            try:
                with contextlib.closing(further):
                    upload.pour(blocks)
                    further.finish(LONG_FSYNC)
                line.extended(b"fsync@openssh.com", string(handle), patience=LONG_FSYNC)
            except StatusError as exc:
                left = max(self.ctx.total - self.ctx.done, sftp_flow.SMALL)
                raise self._not_stored(line, exc, name, handle, left) from exc
            stored = self._length(line, handle)
            if stored is not None and (stored > upload.at or stored <= offset < upload.at):
                raise not_kept(self.ssh.where, name, stored, upload.at)
            if stored not in (None, upload.at):
                text = f"{self.ssh.where} took {upload.at:,} bytes of {name} but stored {stored:,}."
                raise Transient(text, "The rest is sent again.")

    def rename(self, old: str, new: str) -> None:
        """Give a file its name in one step where the server can; else what had it is put aside first, then removed."""
        with self._talking(old) as line:
            before, after = string(self._path(old)), string(self._path(new))
            line.call(wire.STAT, before)  # nothing is removed for a file that is not there
            try:
                if line.extended(b"posix-rename@openssh.com", before, after) is not None:
                    return
            except StatusError as exc:
                if exc.code != wire.UNSUPPORTED:
                    raise
            try:
                line.call(wire.RENAME, before, after)
            except StatusError as exc:
                if exc.code in (wire.DENIED, wire.UNSUPPORTED) or self._size(line, self._path(new)) is None:
                    raise
                _exchange(line, before, after, string(self._path(f"{new}.old")))

    def remove(self, name: str) -> None:
        """Delete a file; one that is gone already is fine."""
        with self._talking(name) as line:
            try:
                line.call(wire.REMOVE, string(self._path(name)))
            except StatusError as exc:
                if exc.code != wire.NO_SUCH_FILE:
                    raise

    def digest(self, name: str, length: int | None = None) -> str | None:
        """SHA-256 (hex) by the server's own sha256sum; None when this login has no shell or no such program."""
        with self._talking(name) as line:
            self._size(line, self._path(name))
        if self._shell is None:  # a place that was seen to compute one need not be asked for a shell again
            self._shell = self.abilities.digest or sftp_shell.there(self.ssh)
        return sftp_shell.digest(self.ssh, self._path(name), length) if self._shell else None

    def free(self) -> int | None:
        """Bytes that may still be written there (statvfs@openssh.com), None when the server does not say."""
        with self._talking("") as line:
            return self._free(line)

    def carrier(self) -> socket.socket | None:
        """The connection, unless it is a proxy's or another machine's."""
        return self.ssh.carrier

    def close(self) -> None:
        """Log out. Never raises."""
        line, self._wire = self._wire, None
        if line:
            with contextlib.suppress(Exception):
                line.close()
        self.ssh.close()

    @contextlib.contextmanager
    def _talking(self, name: str) -> Iterator[Wire]:
        """The open session; errors come out in words, and the line is dropped when it is of no more use."""
        try:
            with self.ssh.guarded():
                yield self._connected()
        except StatusError as exc:
            raise in_words(exc, self.ssh.where, _shown(self._folder), name) from exc
        except (Transient, Cancelled):
            self.close()
            raise

    def _connected(self) -> Wire:
        if self._wire and self.ssh.alive() and not self._wire.channel.closed:
            return self._wire
        self._wire = None
        self.ssh.open()
        line = Wire(self.ssh, self.ctx)
        self._folder = self._resolved(line)
        if limits := line.extended(b"limits@openssh.com"):
            _, reads, writes, _ = struct.unpack_from(">4Q", limits)
            self._longest = (min(reads, 1 << 18) or sftp_flow.SMALL, min(writes, 1 << 18) or sftp_flow.SMALL)
        self._wire = line
        return line

    def _resolved(self, line: Wire) -> bytes:
        path = unquote_to_bytes(urlsplit(self.url).path) or b"/"
        if not path.startswith(b"/~/") and path != b"/~":
            return path if path.endswith(b"/") else path + b"/"
        home = wire.strings(line.call(wire.REALPATH, string(b"."))[1][4:])[0]
        return home.rstrip(b"/") + b"/" + path[3:].strip(b"/") + (b"/" if path[3:].strip(b"/") else b"")

    def _path(self, name: str) -> bytes:
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise JobError(f"“{name}” is no file name.", "Choose a name without slashes.")
        return self._folder + name.encode("utf-8", "surrogateescape")

    def _size(self, line: Wire, path: bytes) -> int | None:
        try:
            size, mode = wire.size_of(line.call(wire.STAT, string(path))[1])
        except StatusError as exc:
            if exc.code == wire.NO_SUCH_FILE:
                return None
            raise
        if mode is not None and stat.S_ISDIR(mode):
            raise JobError(f"{_shown(path)} at {self.ssh.where} is a folder, which is in the way.", "Move it away.")
        return size

    def _another(self, name: str) -> Lane:
        """Another session of the same connection that writes into the same file."""
        line = Wire(self.ssh, self.ctx)
        try:
            body = line.call(wire.OPEN, string(self._path(name)), struct.pack(">II", wire.FOR_WRITING, 0))[1]
        except BaseException:
            line.close()
            raise
        return Lane(line, wire.strings(body)[0])

    @contextlib.contextmanager
    def _opened(self, line: Wire, name: str, flags: int) -> Iterator[bytes]:
        body = line.call(wire.OPEN, string(self._path(name)), struct.pack(">II", flags, 0))[1]
        handle = wire.strings(body)[0]
        try:
            yield handle
        except BaseException:
            with contextlib.suppress(StatusError, JobError, Cancelled, OSError, EOFError):
                line.forget(line.ask(wire.CLOSE, string(handle)))
            raise
        line.call(wire.CLOSE, string(handle), patience=LONG_FSYNC)  # some disks tell that they are full only now

    def _cut(self, line: Wire, handle: bytes, name: str, offset: int) -> None:
        there = self._length(line, handle)
        if there is not None and there < offset:
            text = f"{name} at {self.ssh.where} is shorter ({there:,} bytes) than it was a moment ago."
            raise Transient(text, "What is there is looked at again.")
        if there != offset:
            line.call(wire.FSETSTAT, string(handle), struct.pack(">IQ", wire.HAS_SIZE, offset))

    def _free(self, line: Wire) -> int | None:
        try:
            said = line.extended(b"statvfs@openssh.com", string(self._folder))
        except StatusError:
            return None
        if said is None or len(said) < 40:
            return None
        _, fragment, _, _, available = struct.unpack_from(">5Q", said)
        return int(fragment * available)

    def _not_stored(self, line: Wire, exc: StatusError, name: str, handle: bytes, left: int) -> JobError:
        """OpenSSH says “Failure” for a full disk, a used-up quota and a file size limit alike: look what it is."""
        stored = self._length(line, handle)
        return in_words(exc, self.ssh.where, _shown(self._folder), name, stored or 0, self._free(line), left)

    def _length(self, line: Wire, handle: bytes) -> int | None:
        """The length of an open file, None where the server does not say."""
        try:
            return wire.size_of(line.call(wire.FSTAT, string(handle))[1])[0]
        except StatusError:
            return None


def _exchange(line: Wire, before: bytes, after: bytes, aside: bytes) -> None:
    """RENAME refuses a name that is taken (draft-ietf-secsh-filexfer-02 §6.5): the old file must not be lost by it."""
    line.call(wire.RENAME, after, aside)
    try:
        line.call(wire.RENAME, before, after)
    except StatusError:
        line.call(wire.RENAME, aside, after)
        raise
    line.call(wire.REMOVE, aside)


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace")
