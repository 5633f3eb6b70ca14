"""Listings of a guest's file systems, read on this computer from copies of its disks.

A hash of everything takes a minute inside a guest whose processor is emulated, and two seconds here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.guest.machine import Guest
from tests.sandbox import machine as small

LISTING = Path(small.__file__).with_name("listing.py")
ALONE = """mount --make-rprivate / && mkdir "$1/on" && mount -t "$5" -o "$6,loop,offset=$3,sizelimit=$4" "$2" "$1/on" &&
    exec "$7" "$8" "$1/on" """
OPTIONS = {"xfs": "nouuid,noatime", "ext4": "noatime", "btrfs": "noatime"}

TWICE = ("trusted.SGI_ACL_FILE", "trusted.SGI_ACL_DEFAULT")  # XFS shows an ACL to root once more, under these names


@dataclass(frozen=True)
class Part:
    """A file system: on which *disk*, where (bytes), of what *kind*, and where the guest mounts it."""

    disk: int
    offset: int
    size: int
    kind: str
    path: str

    @classmethod
    def read(cls, line: str) -> Part:
        """Read a line of the file `parts` that layout.sh writes."""
        disk, offset, size, kind, path = line.split()
        return cls(int(disk), int(offset), int(size), kind, path)


def told_by(script: Path, image: Path, part: Part) -> bytes:
    """What a Python *script* says that is given the folder at which *part* of a raw *image* is mounted.

    Its journal is replayed in the image.
    """
    with tempfile.TemporaryDirectory(dir=image.parent) as place:
        words = [place, image, part.offset, part.size, part.kind, OPTIONS[part.kind], sys.executable, script]
        return subprocess.check_output(["unshare", "-m", "sh", "-c", ALONE, "sh", *(str(word) for word in words)])


def listing_in(image: Path, part: Part) -> dict[str, Any]:
    """Everything about every file of the file system *part* in a raw *image*."""
    found: dict[str, Any] = json.loads(told_by(LISTING, image, part))
    for fact in found.values():
        fact["xattr"] = {name: value for name, value in fact["xattr"].items() if name not in TWICE}
    return found


def raw(image: Path) -> Path:
    """A qcow2 image as a raw one beside it."""
    to = image.with_suffix(".raw")
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(image), str(to)], check=True)
    return to


def listings(guest: Guest, parts: list[Part]) -> dict[str, dict[str, Any]]:
    """Of each of *parts* in a running guest: mount point → listing, as it lies on the disks once it has synced."""
    guest.ssh("sync")
    found = {}
    for disk in sorted({part.disk for part in parts}):
        image = guest.hot_copy(guest.place / f"look{disk}.raw", disk, "raw")
        found |= {part.path: listing_in(image, part) for part in parts if part.disk == disk}
        image.unlink()
    return found
