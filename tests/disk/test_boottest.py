"""The boot test on real disks of one sector's code: each verdict told apart, nothing written, everything ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.context import Context, Event
from app.disk import boottest, machine
from app.disk.image import inspect
from app.disk.qmp import Qmp
from app.errors import Cancelled, JobError
from tests.disk import makers

Make = Callable[..., Context]
LOGIN = "Sand GNU/Linux 1 box tty1\n\nbox login: "


@pytest.fixture
def ctx(context: Make) -> Context:
    if not shutil.which(machine.TOOL) and not os.environ.get("CI"):
        pytest.skip("QEMU is not here")
    return context()


def boot(ctx: Context, image: Path, seconds: float = 3, **how: str) -> boottest.Verdict:
    return boottest.boot(image, how.pop("format_", "raw"), ctx, seconds=seconds, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("bus", ["virtio", "sata", "scsi", "ide", "nvme"])
def test_login_on_the_serial_line_by_every_bus(tmp_path: Path, ctx: Context, bus: str) -> None:
    disk = makers.raw_disk(tmp_path / "disk", prompt=LOGIN)
    before = makers.digest(disk), disk.stat().st_mtime_ns
    verdict = boot(ctx, disk, 20, bus=bus)
    assert (verdict.ok, verdict.verdict, verdict.bus, verdict.evidence) == (True, "login", bus, "serial")
    assert "box login:" in verdict.tail
    assert verdict.accel in ("tcg", "kvm", "hvf", "whpx")
    assert (makers.digest(disk), disk.stat().st_mtime_ns) == before
    assert not list(ctx.work.iterdir())
    assert set(verdict.as_json()) >= {
        "ok",
        "verdict",
        "reason",
        "seconds",
        "tail",
        "screen",
        "bus",
        "firmware",
        "accel",
    }


def test_login_on_the_screen_only(tmp_path: Path, ctx: Context) -> None:
    disk = makers.raw_disk(tmp_path / "disk", prompt=LOGIN, serial=False)
    verdict = boot(ctx, disk, 20)
    assert (verdict.ok, verdict.evidence) == (True, "screen")
    assert "box login:" in verdict.tail
    picture = Path(verdict.screen).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert picture.endswith(b"IEND\xaeB`\x82")
    from PySide6.QtGui import QImage  # the picture is shown by the window: it must be one for Qt

    image = QImage.fromData(picture)
    assert (image.isNull(), image.width() in (640, 720), image.height()) == (False, True, 400)


@pytest.mark.parametrize("format_", ["qcow2", "vmdk", "vdi", "vhd", "vhdx"])
def test_every_format_is_started(tmp_path: Path, ctx: Context, format_: str) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw", prompt=LOGIN)
    kind = {"vhd": "vpc"}.get(format_, format_)
    disk = makers.as_format(raw, tmp_path / "a, disk=1%", kind, *(("-o", "force_size=on") if kind == "vpc" else ()))
    before = makers.digest(disk)
    assert boot(ctx, disk, 20, format_=format_).ok
    assert makers.digest(disk) == before


BAD = {
    "panic": ("[ 1.2] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)", "unknown-block"),
    "emergency": ("[ TIME ] Timed out waiting for device /dev/vdb.\nYou are in emergency mode. After", "/dev/vdb"),
    "initramfs": ("ALERT!  UUID=12-34 does not exist.  Dropping to a shell!\n(initramfs) ", "UUID=12-34"),
    "bootloader": ("error: no such device: 12-34.\nEntering rescue mode...\ngrub rescue> ", "no such device: 12-34"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("shown", ["serial", "screen"])
def test_failures_are_told_apart_with_their_reason(tmp_path: Path, ctx: Context, what: str, shown: str) -> None:
    words, why = BAD[what]
    disk = makers.raw_disk(tmp_path / "disk", prompt=words, serial=shown == "serial", screen=shown == "screen")
    verdict = boot(ctx, disk)
    assert (verdict.ok, verdict.verdict, verdict.evidence) == (False, what, shown)
    assert why in verdict.reason


def test_silence_and_endless_talk(tmp_path: Path, ctx: Context) -> None:
    silent = makers.raw_disk(tmp_path / "silent", prompt="")
    verdict = boot(ctx, silent, 1.5)
    assert (verdict.ok, verdict.verdict) == (False, "silent")
    assert 1.5 <= verdict.seconds < 8
    stuck = makers.raw_disk(tmp_path / "stuck", prompt="Loading Linux ...\nWaiting for network to be configured ...\n")
    verdict = boot(ctx, stuck, 1.5)
    assert (verdict.ok, verdict.verdict) == (False, "timeout")
    assert "Waiting for network" in verdict.tail


def test_disk_without_boot_code(tmp_path: Path, ctx: Context) -> None:
    disk = makers.raw_disk(tmp_path / "disk")
    with disk.open("r+b") as file:
        file.seek(510)
        file.write(b"\0\0")
    verdict = boot(ctx, disk)
    assert (verdict.ok, verdict.verdict, verdict.evidence) == (False, "no-boot-device", "screen")
    assert "no boot code" in verdict.reason


def test_a_guest_that_goes_on_talking_gets_more_time(
    tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real clock runs out while the guest still says new things; the login comes later."""
    disk = makers.raw_disk(tmp_path / "disk", prompt="starting")
    real, began = boottest.verdicts.clean, time.monotonic()

    def talking(raw: bytes) -> str:
        passed = time.monotonic() - began
        return real(raw) + (f"\nline {int(passed * 4)}" if passed < 3.5 else "\nbox login: ")

    monkeypatch.setattr(boottest.verdicts, "clean", talking)
    verdict = boot(ctx, disk, 1.5)
    assert verdict.ok
    assert verdict.seconds > 2.5


def test_progress_is_seconds_with_the_last_line(tmp_path: Path, ctx: Context, events: list[Event]) -> None:
    boot(ctx, makers.raw_disk(tmp_path / "disk", prompt="hello there\n"), 2)
    ticks = [e for e in events if e.kind == "tick" and e.facts.get("unit") == "s"]
    assert len(ticks) >= 2
    assert ticks[-1].facts["line"] == "hello there"
    begun = max((e.done, n) for n, e in enumerate(ticks) if e.done == 0)[1]  # KVM that failed late begins it anew
    assert [e.done for e in ticks[begun:]] == sorted(e.done for e in ticks[begun:])


def _started_with(image: Path) -> list[str]:
    """The processes of this computer that were started with *image*."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(image).encode() in line.read_bytes():
                found.append(line.parent.name)
    return found


def test_cancel_is_quick_and_ends_qemu(tmp_path: Path, ctx: Context) -> None:
    disk = makers.raw_disk(tmp_path / "disk", prompt="")
    asked: list[float] = []
    threading.Timer(1.0, lambda: (asked.append(time.monotonic()), ctx.cancel.set())).start()
    with pytest.raises(Cancelled):
        boot(ctx, disk, 60)
    assert time.monotonic() - asked[0] < 1.0
    assert not list(ctx.work.iterdir())
    assert not _started_with(disk)


def test_missing_uefi_firmware_is_said(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_FIRMWARES", ())
    with pytest.raises(JobError, match="no UEFI firmware") as caught:
        boot(ctx, makers.raw_disk(tmp_path / "disk"), firmware="uefi")
    assert "ovmf" in caught.value.remedy


@pytest.mark.skipif(not machine.find_uefi() and not os.environ.get("CI"), reason="no OVMF here")
def test_bios_disk_does_not_start_by_uefi(tmp_path: Path, ctx: Context) -> None:
    verdict = boot(ctx, makers.raw_disk(tmp_path / "disk", prompt=LOGIN), 40, firmware="uefi")
    assert (verdict.ok, verdict.verdict, verdict.firmware) == (False, "no-boot-device", "uefi")


@pytest.mark.skipif(not machine.find_uefi() and not os.environ.get("CI"), reason="no OVMF here")
def test_uefi_disk_starts_by_uefi_and_not_by_bios(tmp_path: Path, ctx: Context) -> None:
    disk = makers.uefi_disk(tmp_path / "disk", LOGIN)
    assert inspect(disk, ctx).firmware == "uefi"
    verdict = boot(ctx, disk, 40, firmware="uefi", bus="sata")
    assert (verdict.ok, verdict.firmware, verdict.evidence) == (True, "uefi", "serial")
    assert "box login:" in verdict.tail
    assert not boot(ctx, disk, 2).ok


def test_hardware_help_is_used_only_where_it_was_tried(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever `best_accel` answers here, a small guest has really run with it."""
    monkeypatch.setattr(machine, "_tried", {})
    accel = machine.best_accel(ctx)
    assert accel == "tcg" or machine._tried[accel]
    monkeypatch.setattr("app.host.accelerator", lambda: "")
    assert machine.best_accel(ctx) == "tcg"


def test_hardware_that_fails_is_not_believed(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "best_accel", lambda ctx: "an accelerator that is not there")
    verdict = boot(ctx, makers.raw_disk(tmp_path / "disk", prompt=LOGIN), 20)
    assert (verdict.ok, verdict.accel) == (True, "tcg")


def test_hardware_that_gives_up_is_not_waited_for(
    tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A half-working KVM stops the machine at once ("emulation failure"), and nothing will ever come."""
    real = Qmp.call

    def call(self: Qmp, command: str, **arguments: object) -> object:
        return {"status": "internal-error"} if command == "query-status" else real(self, command, **arguments)

    monkeypatch.setattr(Qmp, "call", call)
    monkeypatch.setattr(machine, "best_accel", lambda ctx: "tcg")
    verdict = boot(ctx, makers.raw_disk(tmp_path / "disk", prompt="blah\n"), 150)
    assert not verdict.ok
    assert "gave up" in verdict.reason


def test_no_room_for_the_overlay(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.host.free_space", lambda folder: 1_000_000)
    with pytest.raises(JobError, match=r"Only 1\.0 MB are free here"):
        boot(ctx, makers.raw_disk(tmp_path / "disk"))


def test_a_guest_that_floods_its_line_is_ended(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boottest, "FLOOD", 4)
    verdict = boot(ctx, makers.raw_disk(tmp_path / "disk", prompt="blah blah\n"), 60)
    assert (verdict.ok, verdict.seconds < 10) == (False, True)


def test_a_disk_that_a_running_machine_uses(tmp_path: Path, ctx: Context) -> None:
    disk = makers.as_format(makers.raw_disk(tmp_path / "disk.raw"), tmp_path / "disk", "qcow2")
    drive = f"if=virtio,format=qcow2,file={disk}"
    command = ["-S", "-nodefaults", "-display", "none", "-accel", "tcg", "-drive", drive, "-qmp", "stdio"]
    with ctx.program(machine.TOOL, *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        Qmp(process, ctx)  # it answers, so it has the disk
        with pytest.raises(JobError, match="in use by another program"):
            inspect(disk, ctx)
    assert inspect(disk, ctx).format == "qcow2"


def test_qemu_that_cannot_start_is_told(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_processor", lambda accel: ["-accel", "nonsense"])
    verdict = boot(ctx, makers.raw_disk(tmp_path / "disk"))
    assert not verdict.ok
    assert "ended by itself" in verdict.reason
    assert "nonsense" in verdict.reason
