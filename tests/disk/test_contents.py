"""The UUIDs on real disks: file systems made by their own tools, partitions, LVM, every kind of image."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.context import Context
from app.disk import contents, image
from tests.servers import need

MIB = 1 << 20
Make = Callable[..., Context]
MAKERS = {
    "ext4": ["mkfs.ext4", "-q", "-U", "{own}"],
    "ext2": ["mkfs.ext2", "-q", "-U", "{own}"],
    "xfs": ["mkfs.xfs", "-q", "-m", "uuid={own}"],
    "btrfs": ["mkfs.btrfs", "-q", "-U", "{own}"],
    "vfat": ["mkfs.vfat", "-i", "{short}"],
    "luks": ["cryptsetup", "luksFormat", "-q", "--uuid", "{own}", "--pbkdf", "pbkdf2",
             "--pbkdf-force-iterations", "1000", "--key-file", "/etc/hostname"],
}  # fmt: skip


def file_system(path: Path, kind: str, size: int = 320 * MIB) -> str:
    """Make a file system in the new file *path*; its UUID as blkid says it."""
    own = str(uuid.uuid4())
    words = [word.format(own=own, short=own[:8]) for word in MAKERS[kind]]
    if not shutil.which(words[0], path="/usr/sbin:/sbin:/usr/bin:/bin"):
        pytest.skip(f"{words[0]} is not here")
    with path.open("wb") as file:
        file.truncate(size)
    subprocess.run([*words, str(path)], check=True, capture_output=True)
    told = subprocess.check_output([need("blkid"), "-p", "-s", "UUID", "-o", "value", str(path)], text=True)
    return told.strip()


def partitioned(path: Path, script: str, into: dict[int, Path], size: int = 1200) -> Path:
    """A disk of *size* MiB divided by sfdisk's *script*; *into*: first byte → what to put there."""
    with path.open("wb") as file:
        file.truncate(size * MIB)
    subprocess.run([need("sfdisk"), "-q", str(path)], input=script, text=True, check=True, capture_output=True)
    for start, source in into.items():
        command = ["dd", f"if={source}", f"of={path}", "bs=1M", f"seek={start // MIB}", "conv=notrunc,sparse"]
        subprocess.run(command, check=True, capture_output=True)
    return path


def found(path: Path, ctx: Context) -> set[str]:
    return contents.identities(image.inspect(path, ctx), ctx)


@pytest.mark.parametrize("kind", list(MAKERS))
def test_a_whole_disk(tmp_path: Path, context: Make, kind: str) -> None:
    raw = tmp_path / "disk.raw"
    own = file_system(raw, kind)
    if kind == "luks":  # such a file is refused as a disk image; inside of a partition it is one
        assert contents.identity(raw.read_bytes()[:131072]) == own
        return
    assert found(raw, context()) == {own}


@pytest.mark.parametrize("form", ["qcow2", "vmdk", "vdi", "vpc", "raw"])
@pytest.mark.parametrize("table", ["dos", "gpt"])
def test_partitions_in_every_kind_of_image(tmp_path: Path, context: Make, form: str, table: str) -> None:
    first, last = file_system(tmp_path / "a", "ext4", 64 * MIB), file_system(tmp_path / "b", "xfs")
    if table == "gpt":
        script = "label: gpt\nstart=2048, size=131072\nstart=1431552, size=655360\n"
    else:  # the second one is a logical partition
        script = "label: dos\nstart=2048, size=131072, type=83\nstart=133120, type=5\nstart=135168, size=2048\n"
        script += "start=1431552, size=655360, type=83\n"
    into = {MIB: tmp_path / "a", 699 * MIB: tmp_path / "b"}
    disk = partitioned(tmp_path / "disk.raw", script, into)
    made = tmp_path / "disk.image"
    subprocess.run([need("qemu-img"), "convert", "-O", form, str(disk), str(made)], check=True)
    assert found(made, context()) == {first, last}


def test_lvm_is_told_by_its_own_uuid(tmp_path: Path) -> None:
    label = b"LABELONE" + bytes(12) + (32).to_bytes(4, "little") + b"LVM2 001"
    head = bytes(512) + label + b"abcdef0123456789ABCDEFGHIJKLMNop" + bytes(4000)
    assert contents.identity(head) == "abcdef-0123-4567-89AB-CDEF-GHIJ-KLMNop"


@given(st.binary(max_size=2048))
def test_any_bytes_are_taken(head: bytes) -> None:
    contents.identity(head)
    contents.identity(b"XFSB" + head)
    contents.identity(bytes(512) + b"LABELONE" + bytes(16) + b"LVM2 001" + head)


def test_a_table_that_leads_in_circles_ends(tmp_path: Path, context: Make) -> None:
    disk = tmp_path / "disk.raw"
    table = bytes(446) + bytes([0, 0, 0, 0, 5, 0, 0, 0]) + (1).to_bytes(4, "little") + (9).to_bytes(4, "little")
    disk.write_bytes(table.ljust(510, b"\0") + b"\x55\xaa")
    with disk.open("r+b") as file:
        file.seek(512)
        file.write(table.ljust(510, b"\0") + b"\x55\xaa")
        file.truncate(MIB)
    assert found(disk, context()) == set()
