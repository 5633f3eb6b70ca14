"""What is this file? By content, in words, without touching it, and never led astray."""

from __future__ import annotations

import gzip
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.context import Context
from app.disk.image import inspect
from app.disk.partitions import read_layout
from app.errors import JobError
from tests.disk import makers

Make = Callable[..., Context]
DRIVERS = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx"}


@pytest.mark.parametrize("format_", DRIVERS)
def test_content_decides_and_the_name_does_not(tmp_path: Path, context: Make, format_: str) -> None:
    raw = makers.raw_disk(tmp_path / "disk.img")
    options = ("-o", "force_size=on") if format_ == "vhd" else ()
    image = makers.as_format(raw, tmp_path / "holiday, 100%: photo.jpg", DRIVERS[format_], *options)
    before = makers.digest(image), image.stat()
    info = inspect(image, context())
    assert (info.format, info.virtual_size, info.table, info.partitions) == (format_, 16 * makers.MIB, "mbr", 1)
    assert info.firmware == "bios"
    assert info.allocated <= info.size or format_ == "raw"
    assert (makers.digest(image), image.stat().st_mtime_ns) == (before[0], before[1].st_mtime_ns)
    assert info.as_json()["path"] == str(image)


def test_fixed_vhd_is_known_by_its_footer(tmp_path: Path, context: Make) -> None:
    raw = makers.raw_disk(tmp_path / "disk.img")
    fixed = makers.as_format(raw, tmp_path / "fixed", "vpc", "-o", "subformat=fixed,force_size=on")
    info = inspect(fixed, context())
    assert (info.format, info.detail, info.virtual_size) == ("vhd", "fixed", 16 * makers.MIB)


def test_vmdk_kinds(tmp_path: Path, context: Make) -> None:
    raw = makers.raw_disk(tmp_path / "disk.img")
    for kind in ("streamOptimized", "monolithicSparse"):
        image = makers.as_format(raw, tmp_path / kind, "vmdk", "-o", f"subformat={kind}")
        assert inspect(image, context()).detail == kind
    makers.as_format(raw, tmp_path / "flat.vmdk", "vmdk", "-o", "subformat=monolithicFlat")
    with pytest.raises(JobError, match="only the description of a VMware disk"):
        inspect(tmp_path / "flat.vmdk", context())


def _gz(path: Path) -> None:
    path.write_bytes(gzip.compress(makers.noise(1000)))


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("disk.raw", b"x" * 1000)


def _tar(path: Path, name: str = "disk.raw") -> None:
    member = path.with_name(name)
    member.write_bytes(b"x" * 1000)
    with tarfile.open(path, "w") as archive:
        archive.add(member, name)


OTHERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda p: p.write_bytes(b""), "is empty"),
    "folder": (lambda p: p.mkdir(), "is a folder"),
    "jpeg": (lambda p: p.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + makers.noise(9000)), "a picture"),
    "gzip": (_gz, "a gzip archive"),
    "xz": (lambda p: p.write_bytes(b"\xfd7zXZ\x00\x00" + makers.noise(900)), "an xz archive"),
    "zip": (_zip, "a zip archive"),
    "tar": (_tar, "a tar archive"),
    "ova": (lambda p: _tar(p, "machine.ovf"), "an OVA package"),
    "text": (lambda p: p.write_text("Grüße\n" * 3000), "a text file"),
    "web": (lambda p: p.write_text("<!DOCTYPE html><title>404</title>"), "a web page"),
    "luks": (lambda p: p.write_bytes(b"LUKS\xba\xbe" + bytes(70000)), "an encrypted disk"),
    "iso": (lambda p: p.write_bytes(bytes(0x8001) + b"CD001" + bytes(9000)), "a CD or DVD image"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_is_no_disk_image_is_named_in_words(tmp_path: Path, context: Make, what: str) -> None:
    make, words = OTHERS[what]
    file = tmp_path / "disk.qcow2"
    make(file)
    with pytest.raises(JobError, match=words) as caught:
        inspect(file, context())
    assert caught.value.remedy


def test_missing_file_device_and_unreadable_file(
    tmp_path: Path, context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(JobError, match="No such file"):
        inspect(tmp_path / "none.raw", context())
    with pytest.raises(JobError, match="a device or the like"):
        inspect(Path("/dev/null"), context())
    closed = makers.raw_disk(tmp_path / "closed.raw")
    closed.chmod(0)
    if os.geteuid() == 0:  # root may read everything: ask as somebody else
        real = Path.open
        monkeypatch.setattr(
            Path, "open", lambda p, *a, **k: (_ for _ in ()).throw(PermissionError(13, "Permission denied"))
            if p == closed else real(p, *a, **k)
        )  # fmt: skip
    with pytest.raises(JobError, match="cannot be read: Permission denied"):
        inspect(closed, context())
    assert stat.S_IMODE(closed.stat().st_mode) == 0


def _qcow2_with(path: Path, **header: object) -> Path:
    path.write_bytes(makers.qcow2_header(**header) + bytes(4 * 65536))  # type: ignore[arg-type]
    return path


def _hostile_vmdk(path: Path, *, parent: str = "ffffffff", more: str = "", extent: str, capacity: int = 32768) -> Path:
    path.write_bytes(makers.vmdk(makers.DESCRIPTOR.format(parent=parent, more=more, extent=extent), capacity))
    return path


SPARSE = 'RW 32768 SPARSE "disk.vmdk"'
HOSTILE: dict[str, tuple[Callable[[Path, str], Path], str]] = {
    "qcow2 backing file": (lambda p, s: _qcow2_with(p, backing=s), "needs a second file"),
    "qcow2 backing on the network": (lambda p, _: _qcow2_with(p, backing="nbd://localhost:1/x"), "needs a second file"),
    "qcow2 backing as json": (lambda p, _: _qcow2_with(p, backing='json:{"driver":"file"}'), "needs a second file"),
    "qcow2 data file": (lambda p, _: _qcow2_with(p, features=4), "keeps its data in a second file"),
    "qcow2 unknown feature": (
        lambda p, _: _qcow2_with(p, features=1 << 40),
        "features that other programs do not know",
    ),
    "qcow2 encrypted": (lambda p, _: _qcow2_with(p, crypt=1), "is encrypted"),
    "qcow2 version 1": (lambda p, _: _qcow2_with(p, version=1), "a QCOW version"),
    "vmdk extent elsewhere": (lambda p, s: _hostile_vmdk(p, extent=f'RW 1 FLAT "{s}" 0', capacity=0), "other files"),
    "vmdk extent beside": (lambda p, _: _hostile_vmdk(p, extent='RW 1 FLAT "secret" 0', capacity=0), "other files"),
    "vmdk flat extent, capacity": (lambda p, _: _hostile_vmdk(p, extent='RW 1 FLAT "secret" 0'), "other files"),
    "vmdk two extents": (lambda p, _: _hostile_vmdk(p, extent=f"{SPARSE}\n{SPARSE}"), "other files"),
    "vmdk parent": (
        lambda p, s: _hostile_vmdk(p, parent="11111111", more=f'parentFileNameHint="{s}"', extent=SPARSE),
        "needs a second file",
    ),
    "vmdk parent, odd spelling": (
        lambda p, s: _hostile_vmdk(p, more=f'PARENTFileNameHint="{s}"', extent=SPARSE),
        "needs a second file",
    ),
}


@pytest.mark.parametrize("trick", HOSTILE)
def test_hostile_headers_are_refused_before_qemu_sees_them(
    tmp_path: Path, context: Make, monkeypatch: pytest.MonkeyPatch, trick: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(makers.SECRET)
    make, words = HOSTILE[trick]
    file = make(tmp_path / "disk.img", str(secret))
    monkeypatch.setattr("app.host.start", lambda *a, **k: pytest.fail("a program was started on a hostile file"))
    with pytest.raises(JobError, match=words):
        inspect(file, context())


def test_the_hostile_qcow2_would_really_have_worked(tmp_path: Path) -> None:
    """QEMU follows the hand-made header: the refusal above is not of something harmless."""
    (tmp_path / "secret").write_bytes(makers.SECRET.ljust(512))
    file = _qcow2_with(tmp_path / "disk.img", backing=str(tmp_path / "secret"))
    makers.qemu_img("dd", "-f", "qcow2", "-O", "raw", "bs=512", "count=1", f"if={file}", f"of={tmp_path / 'out'}")
    assert makers.SECRET in (tmp_path / "out").read_bytes()


def test_vhd_and_vdi_differences_are_refused(tmp_path: Path, context: Make) -> None:
    raw = makers.raw_disk(tmp_path / "disk.img")
    vhd = makers.as_format(raw, tmp_path / "d.vhd", "vpc", "-o", "force_size=on")
    vdi = makers.as_format(raw, tmp_path / "d.vdi", "vdi")
    for image, offset, kind in ((vhd, 60, struct.pack(">I", 4)), (vdi, 0x4C, struct.pack("<I", 4))):
        with image.open("r+b") as file:
            file.seek(offset)
            file.write(kind)
        with pytest.raises(JobError, match="needs a second file"):
            inspect(image, context())


def test_promised_raw_that_became_qcow2_is_refused(tmp_path: Path, context: Make) -> None:
    raw = makers.raw_disk(tmp_path / "disk.img")
    image = makers.as_format(raw, tmp_path / "disk.raw", "qcow2")
    with pytest.raises(JobError, match="should be a raw disk image, but its content is a QCOW2"):
        inspect(image, context(), expected="raw")


@pytest.mark.parametrize("driver", ["qcow2", "vmdk", "vmdk:streamOptimized", "vhdx", "vpc", "vdi"])
def test_cut_off_images_are_damaged_and_not_a_bug_of_ours(tmp_path: Path, context: Make, driver: str) -> None:
    raw = makers.raw_disk(tmp_path / "disk.img", payload=makers.noise(5 * makers.MIB))
    driver, _, kind = driver.partition(":")
    image = makers.as_format(raw, tmp_path / "disk", driver, *(("-o", f"subformat={kind}") if kind else ()))
    for keep in (image.stat().st_size * 7 // 10, 300_000, 1500, 600, 100, 8):
        os.truncate(image, keep)
        with pytest.raises(JobError):
            inspect(image, context())


def test_corrupt_bit_and_absurd_size(tmp_path: Path, context: Make) -> None:
    with pytest.raises(JobError, match="damaged"):
        inspect(_qcow2_with(tmp_path / "a", features=2), context())
    with pytest.raises(JobError, match="damaged"):
        inspect(_qcow2_with(tmp_path / "b", size=1 << 62), context())


def test_partition_tables(tmp_path: Path, context: Make) -> None:
    efi, bios, linux = (
        "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
        "21686148-6449-6E6F-744E-656564454649",
        "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    )
    for types, firmware in (((efi, linux), "uefi"), ((bios, linux), "bios"), ((bios, efi, linux), "both")):
        info = inspect(makers.gpt_disk(tmp_path / "disk", *types), context())
        assert (info.table, info.partitions, info.firmware) == ("gpt", len(types), firmware)
    bare = tmp_path / "bare"
    bare.write_bytes(bytes(0x438) + b"\x53\xef" + bytes(1 << 20))
    assert inspect(bare, context()).filesystem == "ext4"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=700), st.sampled_from([0, 446, 510, 512, 584, 1024]))
def test_no_bytes_break_the_reading_of_tables(piece: bytes, at: int) -> None:
    head = bytearray(2048)
    head[510:512] = b"\x55\xaa"
    head[512:520] = b"EFI PART"
    head[at : at + len(piece)] = piece
    layout = read_layout(bytes(head))
    assert layout.table in ("mbr", "gpt", "none")
    read_layout(piece)
