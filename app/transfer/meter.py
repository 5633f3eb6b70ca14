"""The bytes of a file on their way: cancelled, slowed down, hashed, timed, and counted against what was promised."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.context import Context
from app.errors import JobError
from app.hashing import Hashing

if TYPE_CHECKING:
    from app.transfer.proof import Original
    from app.transfer.watch import Watch

SMOOTH = 4  # pieces a second when there is a limit
BURST = 1.0  # seconds of the limit that may be made up for after a stall


class Meter:
    """Hands on the bytes of *file* from *offset* on, as fast as *watch* allows.

    *hashed*: their SHA-256 is computed meanwhile. Where all is read back afterwards, hashing would only take the
    processor away from what encrypts and sends.
    """

    def __init__(self, file: Original, offset: int, ctx: Context, watch: Watch, *, hashed: bool = True) -> None:
        self._file, self._offset, self._ctx, self._watch = file, offset, ctx, watch
        self._sha = self._begun() if hashed else None
        self._source: Iterator[bytes] = iter(())
        self._given, self._due = offset, 0.0

    def blocks(self) -> Iterator[bytes]:
        """The blocks; raises `JobError` when the file turns out shorter or longer than it was, else as `Watch` does."""
        self._source = self._file.store.read(self._file.name, self._offset)
        while (block := self._read()) is not None:
            if self._given + len(block) > self._file.size:
                raise self._other_length()
            self._hash(block)
            for piece in self._pieces(block):
                self._given += len(piece)
                self._watch.give()
                yield piece
                self._watch.back()
        if self._given != self._file.size:
            raise self._other_length()

    def changed(self) -> bool:
        """Whether the bytes that went out were not those that the file is known to have."""
        if self._sha is None:
            return False
        shown = self._sha.hexdigest()
        self._file.sha256 = self._file.sha256 or shown
        return shown != self._file.sha256

    def close(self) -> None:
        """Let go of the file, and of the thread that hashes."""
        if self._sha:
            self._sha.close()
        close = getattr(self._source, "close", None)
        if close:
            close()

    def _begun(self) -> Hashing | None:
        sha = hashlib.sha256() if self._offset == 0 else self._file.beginning(self._offset, self._ctx)
        return Hashing(sha) if sha else None

    def _read(self) -> bytes | None:
        began = time.monotonic()
        block = next(self._source, None)
        self._watch.spent("disk", time.monotonic() - began)
        return block

    def _hash(self, block: bytes) -> None:
        """Waits where hashing cannot keep up, which is then what all the rest waits for."""
        if self._sha:
            began = time.monotonic()
            self._sha.update(block)
            self._watch.spent("cpu", time.monotonic() - began)

    def _pieces(self, block: bytes) -> Iterator[bytes]:
        """*block*, under a limit cut into pieces that come no faster than it says."""
        at = 0
        while at < len(block):
            self._ctx.stop_if_cancelled()
            allowed = self._watch.allowed
            size = len(block) if math.isinf(allowed) else max(int(allowed) // SMOOTH, 1024)
            piece = block[at : at + size]
            self._wait(len(piece), allowed)
            at += len(piece)
            yield piece

    def _wait(self, count: int, allowed: float) -> None:
        now = time.monotonic()
        early = (self._due or now) - now
        self._due = max(self._due or now, now - BURST) + count / allowed
        if early > 0:
            self._ctx.sleep(early)
            self._watch.spent("limit", early)

    def _other_length(self) -> JobError:
        return JobError(
            f"{self._file.name} changed its length while it was being sent.",
            "Is another program writing to it? Make it again, then upload it.",
            means="What arrived stays as an unfinished file and is compared before it is used.",
            topic="changed",
        )
