"""One guestfish program that is spoken to by its standard input (guestfish(1)): safe quoting, answers, errors."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from app import host
from app.context import Context
from app.disk.qemu_img import FullDiskError
from app.errors import JobError

MOST = 64 << 20  # bytes of one answer; more is a trap
LEAST_FREE = 48 << 20  # bytes of this computer's disk below which QEMU would soon stop its machine and wait for ever
PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-:,=")


class Refused(JobError):
    """libguestfs could not do something; the message is its own words."""


def quoted(word: str) -> str:
    r"""*word* as one guestfish argument: everything but plain letters as `\xhh`, so that no name means anything."""
    raw = os.fsencode(word)
    if 0 in raw:
        raise ValueError("a name with a NUL")
    return '"' + "".join(chr(byte) if byte in PLAIN else f"\\x{byte:02x}" for byte in raw) + '"'


class Shell:
    """The running program; `shell("cat", "/etc/fstab")` returns what the command printed, or raises `Refused`."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path, ctx: Context) -> None:
        self.process, self.ctx = process, ctx
        self._errors, self._read_errors = errors, 0
        self._said, self._ended, self._news = bytearray(), False, threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def __call__(
        self, command: str, *args: str | int, patience: float = 900, watch: Callable[[], None] | None = None
    ) -> bytes:
        """Run one command; *patience*: seconds until the machine counts as stuck; *watch* is called meanwhile."""
        words = [arg if isinstance(arg, str) else str(arg) for arg in args]
        mark = f"mark-{secrets.token_hex(8)}"
        self._send(f"-{command} {' '.join(quoted(word) for word in words)}\necho {mark}\n")
        answer = self._until(f"{mark}\n".encode(), patience, watch)
        if trouble := self._new_errors():
            raise Refused(trouble, means="The fetched disk itself is never changed.", topic="adapt")
        return answer

    def _send(self, text: str) -> None:
        try:
            if self.process.stdin is None:
                raise OSError
            self.process.stdin.write(text.encode("ascii"))
            self.process.stdin.flush()
        except OSError as exc:
            raise self._gone() from exc

    def _until(self, mark: bytes, patience: float, watch: Callable[[], None] | None = None) -> bytes:
        """What was said before *mark*; looks for cancel and for room on this computer's disk meanwhile."""
        limit = time.monotonic() + patience
        while True:
            with self._news:
                self._news.wait_for(lambda: self._said.endswith(mark) or self._ended or len(self._said) > MOST, 0.2)
                if self._said.endswith(mark):
                    answer = bytes(self._said[: -len(mark)])
                    self._said.clear()
                    return answer
                if len(self._said) > MOST:
                    raise Refused("The disk gave an answer without an end.", topic="adapt")
                if self._ended:
                    raise self._gone()
            if watch:
                watch()
            self.ctx.advance()
            if host.free_space(self.ctx.work) < LEAST_FREE:
                raise _full()
            if time.monotonic() > limit:
                raise Refused("The small machine that opens the copy does not answer any more.", topic="adapt")

    def _listen(self) -> None:
        fd = self.process.stdout.fileno() if self.process.stdout else -1
        while True:
            try:
                piece = os.read(fd, 65536)
            except OSError:
                piece = b""
            with self._news:
                self._said += piece
                self._ended = not piece
                self._news.notify_all()
                if not piece or len(self._said) > MOST:
                    self._ended = True
                    return

    def _new_errors(self) -> str:
        with self._errors.open("rb") as file:
            file.seek(self._read_errors)
            raw = file.read(100_000)
            self._read_errors += len(raw)
        lines = [line for line in raw.decode(errors="replace").splitlines() if "warning:" not in line]
        return re.sub(r"\*stdin\*:\d+: |libguestfs: error: ", "", "\n".join(lines)).strip()[-600:]

    def _gone(self) -> JobError:
        words = self._new_errors()
        return Refused(f"The small machine that opens the copy ended by itself: {words or 'it did not say why'}")


def _full() -> JobError:
    return FullDiskError(
        "The disk of this computer is full; the copy could not be changed to its end.",
        "Make room, then go on: this step begins anew.",
        means="The fetched disk itself is never changed.",
        topic="space",
    )
