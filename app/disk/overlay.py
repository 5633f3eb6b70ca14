"""A copy-on-write overlay of ours over a disk that is never written to."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from app.context import Context
from app.disk import info, qemu_img
from app.disk.formats import DRIVERS
from app.disk.info import Info

FINE, COARSE = 4096, 65536  # bytes of a cluster: what is deleted in whole ones of these is gone from the copy
FINE_UP_TO = 256 << 30  # bytes of a disk; beyond that the tables of fine clusters get big (8 bytes each)


def create(path: Path, below: Info, ctx: Context, size: int = 0) -> None:
    """Make a fresh overlay *path* over the disk *below*; one that lies there already is replaced.

    *size*: bytes that the disk is to have, where it is to be bigger than *below*.
    """
    path.unlink(missing_ok=True)
    cluster = FINE if max(size, below.virtual_size) <= FINE_UP_TO else COARSE
    names = ("-b", str(below.path.absolute()), "-F", DRIVERS[below.format])
    options = f"compat=1.1,cluster_size={cluster}"
    bigger = [str(size)] if size > below.virtual_size else []
    where = [str(path.absolute()), *bigger]
    status, _, err = qemu_img.run(ctx, "create", "-q", "-f", "qcow2", "-o", options, *names, *where)
    if status:
        path.unlink(missing_ok=True)
        raise qemu_img.trouble(path, err)


def seen(path: Path, below: Info, virtual_size: int = 0) -> Info:
    """The disk as it is seen through the overlay: *below*'s layout, but a file that no target can take as it is.

    *virtual_size*: its bytes, where the overlay is bigger than *below*.

    No header is believed here: the overlay is ours, and QEMU's machine could only write into its blocks.
    """
    found = path.stat()
    return dataclasses.replace(
        below, path=path.absolute(), format="qcow2", size=found.st_size,
        allocated=found.st_blocks * 512 if hasattr(found, "st_blocks") else found.st_size,
        detail="1.1", snapshots=0, flat=False, virtual_size=max(virtual_size, below.virtual_size),
    )  # fmt: skip


def finish(path: Path) -> None:
    """Make the overlay durable: libguestfs wrote it without waiting for the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def opened(path: Path, below: Path, format_: str, ctx: Context, virtual_size: int = 0) -> Info:
    """Look at the overlay *path* over *below* again, in a later step; *virtual_size* as for `seen`."""
    return seen(path, info.inspect(below, ctx, expected=format_), virtual_size)
