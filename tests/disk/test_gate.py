"""What the target will say, said here first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.context import Context, Finding
from app.disk import gate, image
from app.targets import Target, load
from tests.disk import makers

Make = Callable[..., Context]
GOOD = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vhd", "vhdx": "vhdx"}


def stops(path: Path, format_: str, target: Target | str, ctx: Context) -> list[Finding]:
    target = load(target) if isinstance(target, str) else target
    return [f for f in gate.check(path, format_, target, ctx) if f.grade == "stop"]


@pytest.mark.parametrize("format_", GOOD)
def test_what_we_convert_passes(tmp_path: Path, context: Make, format_: str) -> None:
    ctx = context()
    raw = makers.raw_disk(tmp_path / "disk.raw")
    target = load("openstack")
    made = image.convert(raw, tmp_path / "out", format_, ctx, compress=True, options=target.options(format_))
    found = gate.check(made.path, format_, target, ctx)
    assert not [f for f in found if f.grade == "stop"]
    assert "One disk, 16.8 MB, MBR, 1 partition." in [f.title for f in found]
    assert any("there it needs a disk of 1 GiB" in f.title for f in found)


REFUSED = {
    "wrong format": ("vdi", (), "catalyst", "Catalyst Cloud does not take VDI files."),
    "fixed vhd": ("vpc", ("-o", "subformat=fixed,force_size=on"), "generic", "A fixed VHD looks like a raw disk"),
    "extended l2": ("qcow2", ("-o", "extended_l2=on"), "openstack", "features that other programs do not know"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_refusals(tmp_path: Path, context: Make, why: str) -> None:
    driver, options, target, words = REFUSED[why]
    raw = makers.raw_disk(tmp_path / "disk.raw")
    made = makers.as_format(raw, tmp_path / "out", driver, *options)
    found = stops(made, {"vpc": "vhd"}.get(driver, driver), target, context())
    assert any(words in f.title for f in found)
    assert all(f.remedy for f in found)


def test_snapshots_and_kinds_of_vmdk(tmp_path: Path, context: Make) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw")
    held = makers.as_format(raw, tmp_path / "a", "qcow2")
    makers.qemu_img("snapshot", "-c", "x", held)
    assert "holds snapshots" in stops(held, "qcow2", "generic", context())[0].title
    sparse = makers.as_format(raw, tmp_path / "b", "vmdk", "-o", "subformat=monolithicSparse")
    assert "streamOptimized is wanted" in stops(sparse, "vmdk", "vmware", context())[0].title
    assert not stops(sparse, "vmdk", "virtualbox", context())


def test_size_limits(tmp_path: Path, context: Make) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw")
    small = replace(load("generic"), max_size=10_000_000, max_file=1_000_000)
    titles = [f.title for f in stops(raw, "raw", small, context())]
    assert "The disk has 16.8 MB; An upload server (SFTP or FTPS) takes 10.0 MB at the most." in titles
    assert any(title.startswith("The file has 16.8 MB") for title in titles)


def test_content_that_is_not_what_it_should_be(tmp_path: Path, context: Make) -> None:
    """A guest whose disk begins like a QCOW2 would be opened as one by a cloud that probes."""
    inner = makers.as_format(makers.raw_disk(tmp_path / "disk.raw"), tmp_path / "inner", "qcow2")
    found = stops(inner, "raw", "openstack", context())
    assert "should be a raw disk image, but its content is a QCOW2" in found[0].title


def test_two_kinds_in_one_file(tmp_path: Path, context: Make) -> None:
    """A raw disk with a partition table that is an ISO as well, or a QCOW2 with a boot sector's signature."""
    held = makers.as_format(makers.raw_disk(tmp_path / "disk.raw"), tmp_path / "a", "qcow2")
    with held.open("r+b") as file:
        file.seek(510)
        file.write(b"\x55\xaa")
    assert any("can be read as gpt and qcow2" in f.title for f in stops(held, "qcow2", "openstack", context()))


def test_disks_that_no_machine_starts_from(tmp_path: Path, context: Make) -> None:
    blank = tmp_path / "blank"
    blank.write_bytes(bytes(makers.MIB))
    assert "no partition table" in stops(blank, "raw", "generic", context())[0].title
    bare = tmp_path / "bare"
    bare.write_bytes(bytes(0x438) + b"\x53\xef" + bytes(makers.MIB))
    assert "single ext4 file system" in stops(bare, "raw", "generic", context())[0].title
    cut = makers.raw_disk(tmp_path / "cut", 16 * makers.MIB)
    with cut.open("r+b") as file:
        file.truncate(9 * makers.MIB)
    assert "the end is lost" in stops(cut, "raw", "generic", context())[0].title


def test_firmware_of_the_target(tmp_path: Path, context: Make) -> None:
    disk = makers.gpt_disk(tmp_path / "disk", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
    found = stops(disk, "raw", replace(load("interoute"), firmware="bios"), context())
    assert "starts with UEFI firmware" in found[0].title
    assert not [f for f in stops(disk, "raw", "generic", context()) if f.topic == "firmware"]
