"""Power cuts as disks have them: what was flushed is there, and of what came later any part, in any order.

Killing a virtual machine loses only what its kernel still held in memory; the host keeps every write that it was
given. A real disk may lose those too. So the root disk of a small machine lies behind QEMU's `blklogwrites`, which
records each write and each flush in order (the format of the kernel's drivers/md/dm-log-writes.c); any moment of that
record can be made into the disk that a power cut would have left.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app import host
from tests.sandbox.machine import Machine
from tests.servers import need, until

SECTOR, FLUSH, FUA, DISCARD = 512, 1, 2, 4
ENTRY = struct.Struct("<QQQQ")  # sector, sectors, flags, length of the data


@dataclass(frozen=True)
class Write:
    """One entry of the record: *at* and *size* in bytes on the disk, *data* its place in the record."""

    at: int
    size: int
    flags: int
    data: int


class Recorded:
    """The disk image *image*, seen as *disk* through a daemon that records every write into *log*."""

    def __init__(self, image: Path) -> None:
        self.disk, self.log = image.with_name("disk"), image.with_name("log")
        self.base = image.with_name("base")
        shutil.copyfile(image, self.base)  # what was written later is in the record alone
        for file in (self.disk, self.log):
            file.touch()
        node = f"driver=blklogwrites,node-name=w,file.driver=file,file.filename={image}"
        export = f"type=fuse,id=e,node-name=w,mountpoint={self.disk},writable=on"
        line = [need("qemu-storage-daemon"), "--blockdev", f"{node},log.driver=file,log.filename={self.log}"]
        self.process = host.start([*line, "--export", export], stdin=subprocess.DEVNULL)
        until(lambda: self.disk.stat().st_size > 0)

    def close(self) -> None:
        """End the daemon; the mount of its disk goes with it."""
        host.end(self.process)

    def writes(self) -> list[Write]:
        """All entries so far; their number in the head of the record is written now and then only."""
        found, size = [], self.log.stat().st_size
        with self.log.open("rb") as log:
            at = SECTOR
            while at + ENTRY.size <= size:
                log.seek(at)
                sector, count, flags, _ = ENTRY.unpack(log.read(ENTRY.size))
                if not count and not flags:
                    break
                found.append(Write(sector * SECTOR, count * SECTOR, flags, at + SECTOR))
                at += SECTOR + (0 if flags & DISCARD else count * SECTOR)
        return found

    def cut(self, upto: int, dice: random.Random, to: Path) -> None:
        """Make *to* the disk of a power cut after *upto* entries: of those since the last flush, any may be missing."""
        writes = self.writes()[:upto]
        flushed = max((n for n, write in enumerate(writes) if write.flags & FLUSH), default=0)
        subprocess.run(["cp", "--sparse=always", str(self.base), str(to)], check=True)
        with self.log.open("rb") as log, to.open("r+b") as disk:
            for number, write in enumerate(writes):
                if number < flushed or write.flags & FUA or dice.random() < 0.5:
                    _apply(write, log.fileno(), disk.fileno())


def _apply(write: Write, log: int, disk: int) -> None:
    if write.flags & DISCARD:
        os.pwrite(disk, bytes(write.size), write.at)
    elif write.size:
        os.pwrite(disk, os.pread(log, write.size, write.data), write.at)


class JournalledMachine(Machine):
    """A machine whose root file system has a journal and flushes its disk, as on any server."""

    def _image(self, name: str, size: int, own: str = "") -> None:
        super()._image(name, size, own)
        if name == "root.img":
            file = str(self.place / name)
            subprocess.run([need("mkfs.ext4"), "-q", "-F", "-b", "4096", file], check=True)
            (self.place / "root.options").write_text("barrier=1,commit=1")

    def exchange(self, disk: Path) -> None:
        """Let *disk* be its root disk from the next start on."""
        (self.place / "root.img").unlink()
        (self.place / "root.img").symlink_to(disk)


@contextlib.contextmanager
def recorded(machine: Machine) -> Iterator[Recorded]:
    """Switch *machine* off, and on again with its root disk recorded."""
    machine.power_off()
    image = machine.place / "root.img"
    real = image.rename(machine.place / "real.img")
    record = Recorded(real)
    try:
        image.symlink_to(record.disk)
        machine.start()
        yield record
    finally:
        machine.power_off()
        record.close()
