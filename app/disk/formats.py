"""What a file is, told by its bytes and never by its name: a kind of disk image, or a sentence on what else it is.

Magic numbers: QEMU docs/interop/qcow2.txt, VMware Virtual Disk Format 5.0, Microsoft VHD and VHDX specifications,
VirtualBox VDI (QEMU block/vdi.c), POSIX ustar, and each archive's own specification.
"""

from __future__ import annotations

import stat
from io import BufferedReader
from pathlib import Path

from app.errors import JobError
from app.units import plain

DRIVERS = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx"}  # QEMU's names
TITLES = {
    "raw": "a raw disk image",
    "qcow2": "a QCOW2 disk image",
    "vmdk": "a VMware disk image (VMDK)",
    "vdi": "a VirtualBox disk image (VDI)",
    "vhd": "a VHD disk image",
    "vhdx": "a VHDX disk image",
}
HEAD, TAIL = 65536, 512
UNTOUCHED = "The file was only read; nothing was changed."

_IMAGES = ((0, b"QFI\xfb", "qcow2"), (0, b"KDMV", "vmdk"), (0, b"conectix", "vhd"), (0, b"vhdxfile", "vhdx"))
_VDI = (0x40, b"\x7f\x10\xda\xbe")
_UNPACK = "Unpack it first, then choose the disk image inside."
_CHOOSE = "Choose the disk image itself (its name often ends in .qcow2, .vmdk, .vdi, .vhd, .vhdx, .img or .raw)."
_CONVERT = "Have it converted where it was made, to QCOW2, VMDK or raw."
_OTHERS = (  # offset, magic, what it is, what to do
    (0, b"\x1f\x8b", "a gzip archive", _UNPACK),
    (0, b"\xfd7zXZ\x00", "an xz archive", _UNPACK),
    (0, b"PK\x03\x04", "a zip archive", _UNPACK),
    (0, b"BZh", "a bzip2 archive", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, b"LUKS\xba\xbe", "an encrypted disk (LUKS)", "Unlock it on the machine it comes from and copy what is inside."),
    (0, b"-FVE-FS-", "an encrypted disk (BitLocker)", "Turn the encryption off on the machine it comes from."),
    (0, b"QED\x00", "a QED disk image, a kind that is no longer kept up", _CONVERT),
    (0, b"COWD", "an old VMware ESX disk (COWD)", _CONVERT),
    (0, b"WithoutFreeSpace", "a Parallels disk", _CONVERT),
    (0, b"WithouFreSpacExt", "a Parallels disk", _CONVERT),
    (0, b"# Disk DescriptorFile", "only the description of a VMware disk; its data lies in other files",
     "Export the machine as OVA, or copy the disk with: qemu-img convert -O qcow2 THIS.vmdk NEW.qcow2"),
    (0, b"\xff\xd8\xff", "a picture (JPEG)", _CHOOSE),
    (0, b"\x89PNG", "a picture (PNG)", _CHOOSE),
    (0, b"GIF8", "a picture (GIF)", _CHOOSE),
    (0, b"%PDF", "a PDF document", _CHOOSE),
    (0, b"\x7fELF", "a program", _CHOOSE),
    (0x8001, b"CD001", "a CD or DVD image (ISO)", _CHOOSE),
)  # fmt: skip


def sniff(path: Path) -> str:
    """The kind of disk image that *path* is (a key of `DRIVERS`); `JobError` says what else it is.

    Everything that holds no known header is `raw`: whether it is a disk is for the partition table to say.
    """
    size = _plain_file(path)
    with opened(path) as file:
        head = file.read(HEAD)
        file.seek(max(0, size - TAIL))
        tail = file.read(TAIL)
    if head.startswith(b"conectix") or (tail.startswith(b"conectix") and size > TAIL):
        return "vhd"
    for offset, magic, format_ in (*_IMAGES, (*_VDI, "vdi")):
        if head.startswith(magic, offset):
            return format_
    _refuse_others(path, head)
    return "raw"


def opened(path: Path) -> BufferedReader:
    """Open *path* for reading; `JobError` when the system does not allow it."""
    try:
        return path.open("rb")
    except OSError as exc:
        raise JobError(
            f"{plain(path.name)} cannot be read: {exc.strerror}.", "Check who may read it.", means=UNTOUCHED
        ) from exc


def _plain_file(path: Path) -> int:
    """The length of the plain file *path*, which is not empty."""
    try:
        found = path.stat()
    except OSError as exc:
        raise JobError(f"{plain(path)} cannot be read: {exc.strerror}.", "Check its name and who may read it.") from exc
    name = plain(path.name)
    if stat.S_ISDIR(found.st_mode):
        raise JobError(f"{name} is a folder, not a disk image.", _CHOOSE)
    if not stat.S_ISREG(found.st_mode):
        raise JobError(f"{name} is a device or the like, not a file.", "Copy it into a file first.")
    if not found.st_size:
        raise JobError(f"{name} is empty (0 bytes).", "Fetch or copy it again: nothing has arrived in it.")
    return found.st_size


def _refuse_others(path: Path, head: bytes) -> None:
    for offset, magic, what, remedy in _OTHERS:
        if head.startswith(magic, offset) and not _looks_like_boot_sector(head, magic):
            raise _no_image(path, what, remedy)
    if head.startswith(b"ustar", 257):
        ova = (
            b".ovf" in head[:4096].lower()
        )  # the first member by the standard (DSP0243); extended headers may come before
        raise _no_image(path, "an OVA package" if ova else "a tar archive", _UNPACK)
    if _is_text(head[:4096]):
        web = head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html"))
        raise _no_image(path, "a web page, perhaps an error message of a download" if web else "a text file", _CHOOSE)


def _looks_like_boot_sector(head: bytes, magic: bytes) -> bool:
    """A short magic could be boot code by chance; a boot sector says so at its end."""
    return len(magic) < 4 and head[510:512] == b"\x55\xaa"


def _is_text(piece: bytes) -> bool:
    if b"\0" in piece:
        return False
    try:
        text = piece.decode()
    except UnicodeDecodeError as exc:
        text = piece[: exc.start].decode() if len(piece) - exc.start < 4 else ""
    return bool(text) and all(letter.isprintable() or letter.isspace() for letter in text)


def _no_image(path: Path, what: str, remedy: str) -> JobError:
    return JobError(f"{plain(path.name)} is {what}, not a disk image.", remedy, means=UNTOUCHED, topic="image")
