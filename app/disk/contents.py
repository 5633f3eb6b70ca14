"""What a disk image holds, told by its identity: the UUID of each file system, LVM or LUKS on it, as blkid(8) does.

Where the UUID lies: ext2/3/4 and f2fs (Linux, fs/ext4/ext4.h, fs/f2fs), XFS (xfs_dsb), Btrfs (btrfs_super_block),
ReiserFS, JFS, LUKS (on-disk format 1.2.3 and 2), LVM2 (label_header and pv_header), FAT, exFAT and NTFS (their boot
sectors).
"""

from __future__ import annotations

import json
import secrets
import struct
import uuid
from collections.abc import Iterator

from app.context import Context
from app.disk import formats, qemu_img
from app.disk.info import Info
from app.disk.partitions import NEEDED, SECTOR

_EXTENDED = (0x05, 0x0F, 0x85)
_LOGICAL = 60  # partitions inside of an extended one that are looked at
_PLAIN = (  # offset of the magic, magic, offset of the UUID
    (0x438, b"\x53\xef", 0x468),
    (0, b"XFSB", 32),
    (0x10040, b"_BHRfS_M", 0x10020),
    (0x400, b"\x10\x20\xf5\xf2", 0x46C),
    (0x10034, b"ReIsEr", 0x10054),
    (0x8000, b"JFS1", 0x8088),
)
_SERIALS = ((0x52, b"FAT32", 0x43), (0x36, b"FAT1", 0x27), (3, b"EXFAT   ", 0x64))
_LVM_GROUPS = (6, 4, 4, 4, 4, 4, 6)


def identities(info: Info, ctx: Context) -> set[str]:
    """The UUIDs of everything that is known on the disk *info* and on its partitions; reads some KiB of each."""
    found = (identity(_piece(info, at, ctx)) for at in [0, *_starts(info, ctx)])
    return {known for known in found if known}


def identity(head: bytes) -> str:
    """The UUID in the first `NEEDED` bytes of a partition, empty when they hold nothing known; never raises."""
    for at, magic, where in _PLAIN:
        if head.startswith(magic, at) and len(head) >= where + 16:
            return str(uuid.UUID(bytes=head[where : where + 16]))
    if head.startswith((b"LUKS\xba\xbe", b"SKUL\xba\xbe")):
        return head[168:208].split(b"\0")[0].decode("ascii", "replace").lower()
    for at, magic, where in _SERIALS:
        if head.startswith(magic, at) and head[510:512] == b"\x55\xaa":
            number = struct.unpack_from("<I", head, where)[0]
            return f"{number >> 16:04X}-{number & 0xFFFF:04X}"
    if head.startswith(b"NTFS", 3) and len(head) >= 0x50:
        return f"{struct.unpack_from('<Q', head, 0x48)[0]:016X}"
    return _lvm(head)


def _lvm(head: bytes) -> str:
    """LVM2 writes its label into one of the first four sectors; the UUID has letters and digits in groups."""
    for sector in range(4):
        label = head[sector * SECTOR :][:SECTOR]
        if label.startswith(b"LABELONE") and label[24:32] == b"LVM2 001":
            at = struct.unpack_from("<I", label, 20)[0]
            letters = iter(label[at : at + 32].decode("ascii", "replace"))
            return "-".join("".join(next(letters, "") for _ in range(count)) for count in _LVM_GROUPS)
    return ""


def _starts(info: Info, ctx: Context) -> Iterator[int]:
    """The byte at which each partition begins (UEFI 2.10, chapter 5; extended ones by the chain of their tables)."""
    head = _piece(info, 0, ctx)
    for sector in (SECTOR, 4096):
        if head.startswith(b"EFI PART", sector):
            yield from (start * sector for start in _gpt(head, sector) if 0 < start * sector < info.virtual_size)
            return
    for kind, start in _mbr(head):
        if kind in _EXTENDED:
            yield from _chain(info, start, ctx)
        elif 0 < start * SECTOR < info.virtual_size:
            yield start * SECTOR


def _gpt(head: bytes, sector: int) -> Iterator[int]:
    table, count, length = struct.unpack_from("<QII", head[: sector + 88].ljust(sector + 88, b"\0"), sector + 72)
    for n in range(min(count, 128)):
        entry = head[table * sector + n * length :][:48]
        if len(entry) == 48 and any(entry[:16]):
            yield int(struct.unpack_from("<Q", entry, 32)[0])


def _mbr(head: bytes) -> list[tuple[int, int]]:
    if len(head) < SECTOR or head[510:512] != b"\x55\xaa":
        return []
    entries = [struct.unpack_from("<4xB3xI", head, 446 + 16 * n) for n in range(4)]
    return [(kind, start) for kind, start in entries if kind]


def _chain(info: Info, first: int, ctx: Context) -> Iterator[int]:
    here = first
    for _ in range(_LOGICAL):
        if not 0 < here * SECTOR < info.virtual_size:
            return
        entries = _mbr(_piece(info, here * SECTOR, ctx))
        yield from ((here + start) * SECTOR for kind, start in entries if kind not in _EXTENDED)
        following = [start for kind, start in entries if kind in _EXTENDED]
        if not following:
            return
        here = first + following[0]


def _piece(info: Info, at: int, ctx: Context) -> bytes:
    """Up to `NEEDED` bytes of the disk from byte *at*, as a machine would see them."""
    size = min(NEEDED, info.virtual_size - at) // SECTOR * SECTOR
    if size <= 0:
        return b""
    if info.format == "raw":
        with formats.opened(info.path) as file:
            file.seek(at)
            return file.read(size)
    piece = ctx.work / f".piece.{secrets.token_hex(4)}.part"
    below = {"driver": formats.DRIVERS[info.format], "file": {"driver": "file", "filename": str(info.path)}}
    window = "json:" + json.dumps({"driver": "raw", "offset": at, "size": size, "file": below})
    try:
        status, _, err = qemu_img.run(ctx, "convert", "-O", "raw", window, str(piece.absolute()))
        if status:
            raise qemu_img.trouble(info.path, err)
        return piece.read_bytes()
    finally:
        piece.unlink(missing_ok=True)
