"""A download that can be cut anywhere: gone on with from the bytes on the disk, and believed only after its hash."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from app import host
from app.errors import JobError, Transient
from app.hashing import Hashing
from app.stores import BLOCK
from app.units import size as words_for

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

    from app.context import Context
    from app.stores import Store
    from app.stores.remote import Remote

SYNC_EVERY = 256 << 20  # bytes; what a power cut may cost
DAMAGED = "It is fetched again from the beginning."
_hashed: dict[Path, tuple[int, int, Hash, Hash | None]] = {}  # unfinished file → its length, time, and sums so far


class Download:
    """One image on its way to *folder*/*name*; until it is proven it is called `.part`."""

    def __init__(self, ctx: Context, folder: Path, name: str, remote: Remote) -> None:
        self.ctx, self.remote = ctx, remote
        self.whole, self.part = folder / name, folder / f"{name}.part"
        self._start_sums()

    def fetch(self, store: Store, name: str) -> tuple[Path, str]:
        """Fetch what is missing and return the proven file and its SHA-256.

        Raises `Transient` when the line breaks (call again), `JobError` when this computer's disk is
        full or the bytes are, also after a second try, not what the cloud says they are.
        """
        with _disk_explained(self.whole, self.remote.size):
            if self.whole.exists():  # a crash came between the renaming and the journal
                self.whole.replace(self.part)
            for fresh in (False, True):
                went_on = self._fill(store, name)
                if self._proven():
                    return self._finished(), self._sha256.hexdigest()
                self.part.unlink()
                self._start_sums()
                if not went_on or fresh:
                    break
                self.ctx.note("What was fetched in pieces does not fit together. " + DAMAGED)
        raise JobError(
            "The image that arrived is not the one that the cloud holds.",
            "Try again. If it happens again, tell the cloud's help desk that the image is damaged.",
            means="Nothing was kept of it; the machine and its snapshot in the cloud are as they were.",
            topic="damaged",
        )

    def _start_sums(self) -> None:
        self._sha256 = hashlib.sha256()
        self._told = hashlib.new(self.remote.algorithm, usedforsecurity=False) if self.remote.algorithm else None

    def _fill(self, store: Store, name: str) -> bool:
        """Fetch the missing rest; whether there was something already."""
        with self.part.open("r+b" if self.part.exists() else "w+b", buffering=0) as file:
            there = self._hash_what_is_here(file)
            self.ctx.begin("download", self.remote.size, there, resumed_at=there)
            with contextlib.closing(store.read(name, there)) as blocks:  # type: ignore[type-var]
                self._pour(file, blocks)
            file.truncate(self.ctx.done)
            os.fsync(file.fileno())
        return there > 0

    def _hash_what_is_here(self, file: BinaryIO) -> int:
        length, time_, sha256, told = _hashed.pop(self.part, (0, 0, self._sha256, self._told))
        now = os.fstat(file.fileno())
        if length and (now.st_size, now.st_mtime_ns) == (length, time_) and length <= self.remote.size:
            self._sha256, self._told = sha256, told  # the line was cut a moment ago, in this very run
            return file.seek(length)
        there = min(file.seek(0, os.SEEK_END), self.remote.size)
        file.truncate(there)
        file.seek(0)
        living = self.ctx.progressed  # reading our own disk is no sign that the line is alive
        if there:
            self.ctx.begin("check what is here", there)
        with self._counting() as count:
            while block := file.read(BLOCK):
                count(block)
                self.ctx.advance(len(block))
        self.ctx.progressed = living
        return there

    def _pour(self, file: BinaryIO, blocks: Iterator[bytes]) -> None:
        unsynced, done = 0, self.ctx.done
        try:
            with self._counting() as count:
                for block in blocks:
                    _store(file, block)
                    count(block)
                    done += len(block)
                    unsynced += len(block)
                    if unsynced >= SYNC_EVERY:
                        _settle(file, done)
                        unsynced = 0
                    self.ctx.advance(len(block))
        finally:
            _settle(file, done)
            told = self._told.copy() if self._told else None
            _hashed[self.part] = (done, os.fstat(file.fileno()).st_mtime_ns, self._sha256.copy(), told)

    @contextlib.contextmanager
    def _counting(self) -> Iterator[Callable[[bytes], None]]:
        """What adds a block to the sums, each in a thread of its own."""
        with contextlib.ExitStack() as stack:
            sums = [self._sha256, self._told] if self._told else [self._sha256]
            beside = [stack.enter_context(contextlib.closing(Hashing(one))) for one in sums]

            def count(block: bytes) -> None:
                for one in beside:
                    one.update(block)

            yield count

    def _proven(self) -> bool:
        if self.part.stat().st_size != self.remote.size:
            raise Transient("The cloud ended the download too early.", "It is gone on with.")
        return not self._told or self._told.hexdigest() == self.remote.digest.lower()

    def _finished(self) -> Path:
        _hashed.pop(self.part, None)
        self.part.replace(self.whole)
        host.sync_folder(self.whole.parent)
        return self.whole


def _store(file: BinaryIO, block: bytes) -> None:
    if block.strip(b"\0"):
        host.write_all(file, block)
    else:
        file.seek(len(block), os.SEEK_CUR)  # a hole reads as zeros and takes no room


def _settle(file: BinaryIO, length: int) -> None:
    """Everything before *length* is on the disk, holes included."""
    if os.fstat(file.fileno()).st_size < length:
        file.truncate(length)
    os.fsync(file.fileno())


@contextlib.contextmanager
def _disk_explained(path: Path, size: int) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise JobError(
                f"{path} cannot be written: {exc.strerror or exc}.", "Look at this computer's disk."
            ) from exc
        there = path.with_name(path.name + ".part")
        more = size - (there.stat().st_size if there.exists() else 0)
        raise JobError(
            f"This computer's disk is full: {words_for(max(more, 1))} of the image are still to come.",
            f"Make room in {path.parent}, then go on.",
            means="What was fetched so far is kept.",
            topic="disk-full",
        ) from exc
