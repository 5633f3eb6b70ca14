"""The partition table of a disk, read from its first bytes (UEFI specification 2.10, chapter 5)."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

SECTOR = 512
NEEDED = 128 << 10  # bytes at the beginning of a disk that hold its tables and every superblock looked for here
ESP = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")  # EFI system partition
BIOS_BOOT = uuid.UUID("21686148-6449-6e6f-744e-656564454649")  # GRUB's home on a GPT disk
_FILE_SYSTEMS = (  # offset, magic, name
    (0x438, b"\x53\xef", "ext4"),
    (0, b"XFSB", "XFS"),
    (0x10040, b"_BHRfS_M", "Btrfs"),
    (3, b"NTFS", "NTFS"),
    (0x218, b"LVM2 001", "LVM"),
    (0xFF6, b"SWAPSPACE2", "swap"),
    (0, b"LUKS\xba\xbe", "LUKS (encrypted)"),
    (0x52, b"FAT32", "FAT"),
    (0x36, b"FAT1", "FAT"),
)


@dataclass(frozen=True)
class Layout:
    """How a disk is divided.

    *table* is `mbr`, `gpt` or `none`; *partitions* how many it names; *end* the byte behind the last of them;
    *firmware* a guess of what starts it: `bios`, `uefi`, `both` or `unknown`; *filesystem* the file system that begins
    at byte 0 when there is no table.
    """

    table: str
    partitions: int = 0
    firmware: str = "unknown"
    filesystem: str = ""
    end: int = 0


def read_layout(head: bytes) -> Layout:
    """The layout of a disk whose first `NEEDED` bytes are *head*; never raises, whatever the bytes are."""
    for sector in (SECTOR, 4096):
        if head.startswith(b"EFI PART", sector):
            return _gpt(head, sector)
    signed = len(head) >= SECTOR and head[510:512] == b"\x55\xaa"
    entries = [struct.unpack_from("<B3xB3xII", head, 446 + 16 * n) for n in range(4)] if signed else []
    used = [entry for entry in entries if entry[1]]
    sane = all(flag in (0x00, 0x80) for flag, *_ in entries) and not _filesystem(head).startswith(("FAT", "NTFS"))
    if not used or not sane:
        return Layout("none", filesystem=_filesystem(head))
    firmware = "uefi" if any(kind == 0xEF for _, kind, _, _ in used) else "bios" if any(head[:4]) else "unknown"
    return Layout("mbr", len(used), firmware, end=max(start + count for _, _, start, count in used) * SECTOR)


def _gpt(head: bytes, sector: int) -> Layout:
    start, count, length = struct.unpack_from("<QII", head[: sector + 88].ljust(sector + 88, b"\0"), sector + 72)
    used, end = [], 0
    for n in range(min(count, 128)):
        entry = head[start * sector + n * length :][:48]
        if len(entry) == 48 and any(entry[:16]):
            used.append(uuid.UUID(bytes_le=entry[:16]))
            end = max(end, (int.from_bytes(entry[40:48], "little") + 1) * sector)
    efi, bios = ESP in used, BIOS_BOOT in used
    firmware = "both" if efi and bios else "uefi" if efi else "bios" if bios else "unknown"
    return Layout("gpt", len(used), firmware, end=end)


def _filesystem(head: bytes) -> str:
    return next((name for offset, magic, name in _FILE_SYSTEMS if head.startswith(magic, offset)), "")
