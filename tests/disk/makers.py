"""Small real disks, and hostile ones, made byte by byte."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.disk.practice_disk import START, write_disk

MIB = 1 << 20
SECRET = b"root:$6$secret:19000:0:99999:7:::\n"


def qemu_img(*args: object) -> None:
    if not shutil.which("qemu-img") and not os.environ.get("CI"):
        pytest.skip("qemu-img is not here")
    subprocess.run(["qemu-img", *map(str, args)], check=True, capture_output=True)


def noise(count: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(count)


def raw_disk(path: Path, size: int = 16 * MIB, payload: bytes | None = None, **how: Any) -> Path:
    """A bootable raw disk with data at its beginning, a hole, and data at its very end."""
    write_disk(path, size, noise(300_000) if payload is None else payload, **how)
    with path.open("r+b") as file:
        file.seek(size - 5000)
        file.write(noise(5000, 2))
    return path


def as_format(source: Path, path: Path, driver: str, *options: str) -> Path:
    qemu_img("convert", "-f", "raw", "-O", driver, *options, source, path)
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def same_disk(first: Path, driver1: str, second: Path, driver2: str) -> None:
    """Raises unless QEMU itself reads the same disk from both."""
    qemu_img("compare", "-f", driver1, "-F", driver2, first, second)


def qcow2_header(
    *, backing: str = "", version: int = 3, crypt: int = 0, size: int = 16 * MIB, features: int = 0
) -> bytes:
    """The first cluster of a QCOW2 by hand (QEMU docs/interop/qcow2.txt)."""
    offset = 512 if backing else 0
    fields = (b"QFI\xfb", version, offset, len(backing), 16, size, crypt, 1, 3 << 16, 1 << 16, 1, 0, 0)
    head = struct.pack(">4sIQIIQIIQQIIQ", *fields) + struct.pack(">QQQII", features, 0, 0, 4, 104)
    return (head.ljust(512, b"\0") + backing.encode()).ljust(65536, b"\0")


def vmdk(descriptor: str, capacity: int = 32768) -> bytes:
    """A sparse VMDK whose embedded description is *descriptor* (Virtual Disk Format 5.0, SparseExtentHeader)."""
    head = struct.pack("<4sIIQQQQIQQQB4sH", b"KDMV", 1, 3, capacity, 128, 1, 20, 512, 21, 26, 128, 0, b"\n \r\n", 0)
    return (head.ljust(512, b"\0") + descriptor.encode()).ljust(20 * 512 + 512, b"\0").ljust(128 * 512, b"\0")


DESCRIPTOR = """# Disk DescriptorFile
version=1
CID=12345678
parentCID={parent}
createType="monolithicSparse"
{more}
{extent}
ddb.adapterType = "ide"
"""


def gpt_disk(path: Path, *types: str, size: int = 16 * MIB) -> Path:
    """A raw disk with a GPT that holds partitions of the *types* (GUIDs)."""
    import uuid

    entries = b"".join(
        uuid.UUID(kind).bytes_le + bytes(15) + bytes([n + 1])
        + struct.pack("<QQQ", 2048 * (n + 1), 2048 * (n + 2) - 1, 0) + bytes(72)
        for n, kind in enumerate(types)
    ).ljust(128 * 128, b"\0")  # fmt: skip
    header = struct.pack("<8sIIIIQQQQ16sQII", b"EFI PART", 0x10000, 92, 0, 0, 1, size // 512 - 1, 34, size // 512 - 34,
                         bytes(16), 2, 128, 128)  # fmt: skip
    guard = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", 0xEE, b"\xff\xff\xff", 1, size // 512 - 1)
    mbr = bytes(446) + guard + bytes(48) + b"\x55\xaa"
    path.write_bytes(mbr + header.ljust(516, b"\0")[:512] + entries)
    os.truncate(path, size)
    return path


def uefi_disk(path: Path, text: str, size: int = 16 * MIB) -> Path:
    """A disk that only UEFI starts: an EFI system partition (type EFh) whose BOOTX64.EFI writes *text* to 0x3f8."""
    raw_disk(path, size, payload=_fat_with(_efi_program(text)), prompt="")
    with path.open("r+b") as file:
        file.write(bytes(440))  # no BIOS boot code
        file.seek(446 + 4)
        file.write(b"\xef")
    return path


def _efi_program(text: str) -> bytes:
    """A PE32+ image with one section (Microsoft PE format; UEFI 2.10 §2.1.1): write each letter, then rest."""
    code = bytes.fromhex("488d351c000000 ac 84c0 7414 88c4 66bafd03 ec a820 74fb 88e0 66baf803 ee ebe7 f4 ebfd")
    code += text.replace("\n", "\r\n").encode() + b"\0"
    body = code.ljust(512, b"\0")
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x22)
    optional = struct.pack("<HBBIIIII", 0x20B, 0, 0, 512, 0, 0, 4096, 4096)
    optional += struct.pack("<QIIHHHHHHIIIIHH", 0, 4096, 512, 0, 0, 0, 0, 0, 0, 0, 8192, 512, 0, 10, 0)
    optional += struct.pack("<QQQQII", 4096, 4096, 4096, 4096, 0, 16) + bytes(128)
    section = struct.pack("<8sIIIIIIHHI", b".text", 512, 4096, 512, 512, 0, 0, 0, 0, 0x60000020)
    return (dos + coff + optional + section).ljust(512, b"\0") + body


def _fat_with(program: bytes) -> bytes:
    """A FAT12 file system of 1 MiB that holds /EFI/BOOT/BOOTX64.EFI (Microsoft FAT specification)."""
    boot = b"\xeb\x3c\x90SAND    " + struct.pack("<HBHBHHBHHHII", 512, 1, 1, 2, 112, 2048, 0xF8, 6, 32, 2, START, 0)
    boot = (boot + struct.pack("<BBBI", 0x80, 0, 0x29, 1) + b"SANDHOPPER FAT12   ").ljust(510, b"\0") + b"\x55\xaa"
    clusters = -(-len(program) // 512)
    links = [0xFF8, 0xFFF, 0xFFF, 0xFFF, *range(5, 4 + clusters), 0xFFF]
    links += [0] * (len(links) % 2)
    fat = b"".join((a | b << 12).to_bytes(3, "little") for a, b in zip(links[::2], links[1::2], strict=True))
    fat = fat.ljust(6 * 512, b"\0")
    root, efi = _entry(b"EFI        ", 0x10, 2), _entry(b"BOOT       ", 0x10, 3)
    dots = _entry(b".          ", 0x10, 2) + _entry(b"..         ", 0x10, 0)
    more = _entry(b".          ", 0x10, 3) + _entry(b"..         ", 0x10, 2)
    file = _entry(b"BOOTX64 EFI", 0x20, 4, len(program))
    data = (dots + efi).ljust(512, b"\0") + (more + file).ljust(512, b"\0") + program
    return (boot + fat + fat + root.ljust(7 * 512, b"\0") + data).ljust(MIB, b"\0")


def _entry(name: bytes, kind: int, cluster: int, size: int = 0) -> bytes:
    return name + bytes([kind]) + bytes(14) + struct.pack("<HI", cluster, size)
