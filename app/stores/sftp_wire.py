"""The SFTP protocol, version 3, over one SSH channel (draft-ietf-secsh-filexfer-02; OpenSSH's PROTOCOL, section 4).

paramiko's own client hides what an upload of many hours needs: which extensions the server offers, the status
code of each answer, requests that are answered later, and a wait that can be cancelled. This uses paramiko's
public Channel only.
"""

from __future__ import annotations

import contextlib
import math
import struct
import time
from typing import TYPE_CHECKING

from app.errors import JobError, Transient
from app.ssh.prompts import expired, says_expired, shown

if TYPE_CHECKING:
    from app.context import Context
    from app.ssh import Ssh

INIT, VERSION, OPEN, CLOSE, READ, WRITE, FSTAT, FSETSTAT = 1, 2, 3, 4, 5, 6, 8, 10
REMOVE, REALPATH, STAT, RENAME, EXTENDED = 13, 16, 17, 18, 200
STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED_REPLY = 101, 102, 103, 104, 105, 201
OK, EOF, NO_SUCH_FILE, DENIED, FAILURE, UNSUPPORTED = 0, 1, 2, 3, 4, 8
READ_ONLY_DISK, NO_SPACE, QUOTA = 12, 14, 15  # of version 5 and 6, sent by some servers nevertheless
FOR_READING, FOR_WRITING, CREATE, TRUNCATE = 1, 2, 8, 16
HAS_SIZE, HAS_OWNER, HAS_MODE = 1, 2, 4
LONGEST_PACKET = 1 << 24  # bytes; anything above is not SFTP
TICK = 0.2  # seconds between two looks whether the job is cancelled
SILENCE = 120.0  # seconds without any answer until the line counts as dead
PIECE = (1 << 15) - 64  # bytes that paramiko puts into one packet of a channel; cut so, nothing is copied twice

Reply = tuple[int, bytes]


class StatusError(Exception):
    """The server said no: an SSH_FX_* code and its words."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text or 'no words'} (SFTP status {code})")
        self.code, self.text = code, text


class Wire:
    """One SFTP session."""

    def __init__(self, ssh: Ssh, ctx: Context) -> None:
        self.ssh, self.ctx = ssh, ctx
        self.hurried_until = 0.0  # when set, waits end at that time.monotonic(), cancelled or not
        self.round_trip = math.inf  # seconds, the shortest that a question and its answer took
        self._buffer, self._number = bytearray(), 0
        self._waiting: set[int] = set()
        self._arrived: dict[int, Reply] = {}
        self.channel = ssh.session()
        try:
            with ssh.guarded():
                self.channel.settimeout(TICK)
                self._subsystem()
                self.extensions = self._greet()
        except BaseException:
            self.channel.close()
            raise

    def _subsystem(self) -> None:
        import paramiko

        try:
            self.channel.invoke_subsystem("sftp")
        except paramiko.SSHException as exc:
            if not self.ssh.alive():
                raise
            raise self._no_sftp() from exc

    def _no_sftp(self, said: bytes = b"") -> JobError:
        """*said* is what came instead. OpenSSH drops the errors of a subsystem: a command shows what the login says."""
        self.channel.close()
        with contextlib.suppress(JobError, OSError):
            said = said or self._said_to_a_command()
        words = shown(said.decode("utf-8", "replace"))
        if says_expired(words):
            return expired(self.ssh.where, words)
        text = f"{self.ssh.where} offers no SFTP for this login{f'; it says: “{words}”' if words else ''}."
        return JobError(text, "Ask its administrator for SFTP, or choose another place.", topic="no-sftp")

    def _said_to_a_command(self) -> bytes:
        done = self.ssh.run("true", timeout=10)
        return b"" if done.ok else done.out + done.err

    def _greet(self) -> dict[bytes, bytes]:
        try:
            self._push(struct.pack(">IBI", 5, INIT, 3))
            kind, body = self._packet()
        except (EOFError, OSError) as exc:
            if not self.channel.eof_received:  # the line went, not the server's program
                raise
            raise self._no_sftp() from exc
        if kind != VERSION:
            raise self._no_sftp()
        texts = strings(body[4:])
        return dict(zip(texts[::2], texts[1::2], strict=False))

    def ask(self, kind: int, *parts: bytes) -> int:
        """Send a request, return its number; its answer is taken by `answer`."""
        return self.ask_with(b"", kind, *parts)

    def ask_with(self, data: bytes, kind: int, *parts: bytes) -> int:
        """As `ask`, with *data* as its end, of which no copy is made as a whole."""
        self._number = (self._number + 1) & 0xFFFFFFFF
        body = b"".join(parts)
        self._waiting.add(self._number)
        self._push(struct.pack(">IBI", len(body) + len(data) + 5, kind, self._number) + body, data)
        return self._number

    def answer(self, number: int, patience: float | None = None) -> Reply:
        """Wait for the answer to a request; raises `StatusError` unless it is OK."""
        self.wait_for(number, patience)
        return checked(self._arrived.pop(number))

    def call(self, kind: int, *parts: bytes, patience: float | None = None) -> Reply:
        """Send a request and wait for its answer."""
        began = time.monotonic()
        number = self.ask(kind, *parts)
        self.wait_for(number, patience)
        self.round_trip = min(self.round_trip, time.monotonic() - began)
        return self.answer(number)

    def extended(self, name: bytes, *parts: bytes, patience: float | None = None) -> bytes | None:
        """Call an extension; None when the server does not offer it."""
        return self.call(EXTENDED, string(name), *parts, patience=patience)[1] if name in self.extensions else None

    def take_in(self) -> None:
        """Take in the answers that are there."""
        while self.channel.recv_ready():
            self._take()

    def wait_for(self, number: int, patience: float | None = None) -> None:
        """Wait until the answer to a request is here, *patience* seconds for each step (`SILENCE` by default)."""
        while number not in self._arrived:
            self._take(patience)

    def arrived(self, number: int) -> bool:
        """Whether the answer to a request is here."""
        return number in self._arrived

    def forget(self, number: int) -> None:
        """Nobody wants this answer any more."""
        self._waiting.discard(number)
        self._arrived.pop(number, None)

    def close(self) -> None:
        """End the session."""
        self.channel.close()

    def _take(self, patience: float | None = None) -> None:
        kind, body = self._packet(patience)
        (number,) = struct.unpack_from(">I", body)
        if number in self._waiting:
            self._waiting.discard(number)
            self._arrived[number] = (kind, body[4:])

    def _packet(self, patience: float | None = None) -> Reply:
        (length,) = struct.unpack(">I", self._exactly(4, patience))
        if not 1 <= length <= LONGEST_PACKET:
            raise self._no_sftp(struct.pack(">I", length) + bytes(self._buffer))
        packet = self._exactly(length, patience)
        return packet[0], packet[1:]

    def _exactly(self, count: int, patience: float | None) -> bytes:
        began = time.monotonic()
        while len(self._buffer) < count:
            try:
                with self.ssh.breakable():
                    piece = self.channel.recv(1 << 17)
            except TimeoutError:
                self._still_wanted(began + (patience or SILENCE))
                continue
            if not piece:
                raise EOFError
            self._buffer += piece
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _push(self, head: bytes, data: bytes = b"") -> None:
        first = max(0, PIECE - len(head))
        with self.ssh.breakable():
            self._send(head + data[:first])
            rest = memoryview(data)
            for at in range(first, len(data), PIECE):
                self._send(rest[at : at + PIECE])

    def _send(self, piece: bytes | memoryview) -> None:
        began = time.monotonic()
        while piece:
            try:
                sent = self.channel.send(piece)  # type: ignore[arg-type]
            except TimeoutError:
                self._still_wanted(began + SILENCE)
                continue
            if not sent:
                raise EOFError
            piece = piece[sent:]

    def _still_wanted(self, deadline: float) -> None:
        now = time.monotonic()
        if self.hurried_until:
            deadline = self.hurried_until
        else:
            self.ctx.stop_if_cancelled()
        if now > deadline:
            raise Transient(f"{self.ssh.where} has not answered for a while.", "The connection is made anew.")


def checked(reply: Reply) -> Reply:
    """*reply*, or `StatusError` when it is a status other than OK."""
    kind, body = reply
    if kind == STATUS:
        (code,) = struct.unpack_from(">I", body)
        if code != OK:
            words = strings(body[4:])
            raise StatusError(code, words[0].decode(errors="replace") if words else "")
    return reply


def string(data: bytes) -> bytes:
    """SSH's string: length, then bytes (RFC 4251 §5)."""
    return struct.pack(">I", len(data)) + data


def strings(data: bytes) -> list[bytes]:
    """All strings in *data*; what is cut off at the end is left out."""
    found, at = [], 0
    while at + 4 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 4 + length > len(data):
            break
        found.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return found


def size_of(attrs: bytes) -> tuple[int | None, int | None]:
    """Size and mode in ATTRS, None where the server does not say (draft §5)."""
    (flags,), at, size, mode = struct.unpack_from(">I", attrs), 4, None, None
    if flags & HAS_SIZE:
        (size,) = struct.unpack_from(">Q", attrs, at)
        at += 8
    at += 8 if flags & HAS_OWNER else 0
    if flags & HAS_MODE:
        (mode,) = struct.unpack_from(">I", attrs, at)
    return size, mode
