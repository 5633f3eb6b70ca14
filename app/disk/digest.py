"""SHA-256 of a file: streamed, with progress, in flat memory; holes are counted without being read from the disk."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import cast

from app.context import Context
from app.disk import formats
from app.errors import JobError
from app.units import plain

BLOCK = 1 << 20
_ZEROS = bytes(BLOCK)


def sha256(path: Path, ctx: Context) -> str:
    """The SHA-256 (hex) of *path*; `JobError` when it cannot be read or changes its length meanwhile."""
    digest = hashlib.sha256()
    with formats.opened(path) as buffered:
        file = cast("FileIO", buffered.raw)  # lseek below would go unnoticed by a buffer
        total = os.fstat(file.fileno()).st_size
        ctx.begin("hash", total)
        try:
            for piece in _pieces(file, total):
                digest.update(piece)
                ctx.advance(len(piece))
        except OSError as exc:
            raise JobError(
                f"{plain(path.name)} could not be read to its end: {exc.strerror}.", "Check the disk it lies on."
            ) from exc
        whole = ctx.done == total == os.fstat(file.fileno()).st_size  # what was cut off reads like a hole
    if not whole:
        raise JobError(f"{plain(path.name)} changed its length meanwhile.", "Let nothing write to it; try again.")
    return digest.hexdigest()


def _pieces(file: FileIO, total: int) -> Iterator[bytes | memoryview]:
    at = 0
    while at < total:
        data, end = _next_data(file, at, total)
        while at < data:
            count = min(BLOCK, data - at)
            at += count
            yield memoryview(_ZEROS)[:count]
        file.seek(at)
        while at < end:
            piece = file.read(min(BLOCK, end - at))
            if not piece:
                return
            at += len(piece)
            yield piece


def _next_data(file: FileIO, at: int, total: int) -> tuple[int, int]:
    """Where data begins and ends at or after *at* (lseek(2) SEEK_DATA); all is data where a system cannot tell."""
    if not hasattr(os, "SEEK_DATA"):
        return at, total
    with contextlib.suppress(OSError):
        try:
            data = os.lseek(file.fileno(), at, os.SEEK_DATA)
        except OSError as exc:
            if exc.errno == errno.ENXIO:  # nothing but a hole up to the end
                return total, total
            raise
        return min(data, total), min(os.lseek(file.fileno(), data, os.SEEK_HOLE), total)
    return at, total
