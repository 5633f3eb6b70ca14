"""The bytes of a file on their way: cancelled, slowed down, hashed, and counted against what was promised."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.context import Context
from app.errors import JobError
from app.transfer.hashing import Hashing

if TYPE_CHECKING:
    from app.transfer.proof import Original

SMOOTH = 4  # pieces a second when there is a limit


class Meter:
    """Hands on the bytes of *file* from *offset* on; *limit* in bytes a second, 0 for none."""

    def __init__(self, file: Original, offset: int, ctx: Context, limit: int = 0) -> None:
        self._file, self._offset, self._ctx, self._limit = file, offset, ctx, limit
        sha = hashlib.sha256() if offset == 0 else file.beginning(offset, ctx)
        self._sha = Hashing(sha) if sha else None
        self._source: Iterator[bytes] = iter(())
        self._given = offset

    def blocks(self) -> Iterator[bytes]:
        """The blocks; raises `JobError` when the file turns out shorter or longer than it was."""
        self._source = self._file.store.read(self._file.name, self._offset)
        began = time.monotonic()
        for block in self._source:
            if self._given + len(block) > self._file.size:
                raise self._other_length()
            if self._sha:
                self._sha.update(block)
            for piece in self._pieces(block):
                self._ctx.stop_if_cancelled()
                self._wait(began, self._given - self._offset)
                self._given += len(piece)
                yield piece
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
            self._sha.end()
        close = getattr(self._source, "close", None)
        if close:
            close()

    def _pieces(self, block: bytes) -> Iterator[bytes]:
        size = max(self._limit // SMOOTH, 1024) if self._limit else max(len(block), 1)
        return (block[at : at + size] for at in range(0, len(block), size))

    def _wait(self, began: float, given: int) -> None:
        if self._limit and (early := given / self._limit - (time.monotonic() - began)) > 0:
            self._ctx.sleep(early)

    def _other_length(self) -> JobError:
        return JobError(
            f"{self._file.name} changed its length while it was being sent.",
            "Is another program writing to it? Make it again, then upload it.",
            means="What arrived stays as an unfinished file and is compared before it is used.",
            topic="changed",
        )
