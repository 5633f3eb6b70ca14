"""The test machine: QEMU's command line for a bus and a firmware, on a throw-away overlay over an untouched image.

The network card is one that leads nowhere (`restrict=on`): QEMU itself answers DHCP at once, and everything beyond is
refused at once. With no card at all, or with one that nobody answers, guests wait minutes for an address or for a
cloud's metadata before they show a login.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app import host
from app.context import Context
from app.disk import qemu_img
from app.disk.formats import DRIVERS
from app.disk.practice_disk import write_disk
from app.errors import JobError
from app.units import size

TOOL = "qemu-system-x86_64"
MEMORY, LEAST_MEMORY = 1024, 512  # MiB
ROOM = 256 << 20  # bytes that a start may write: journals, logs, first-boot work
_FIRMWARES = (  # code, variables: Debian and Ubuntu, Fedora, Arch, SUSE, QEMU's own (Homebrew, Windows)
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"),
    ("/usr/share/qemu/edk2-x86_64-code.fd", "/usr/share/qemu/edk2-i386-vars.fd"),
    ("/opt/homebrew/share/qemu/edk2-x86_64-code.fd", "/opt/homebrew/share/qemu/edk2-i386-vars.fd"),
    ("/usr/local/share/qemu/edk2-x86_64-code.fd", "/usr/local/share/qemu/edk2-i386-vars.fd"),
    (r"C:\Program Files\qemu\share\edk2-x86_64-code.fd", r"C:\Program Files\qemu\share\edk2-i386-vars.fd"),
)
_BOARDS = {"virtio": "pc", "scsi": "pc", "ide": "pc", "sata": "q35", "nvme": "q35"}
_MOST = {"ide": 4, "sata": 6}  # disks that the board's own controller takes


def memory_for_guest() -> int:
    """MiB for the guest: 1024, less where this computer has little."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    except (AttributeError, ValueError, OSError):  # Windows, macOS
        return MEMORY
    return max(LEAST_MEMORY, min(MEMORY, free // 2))


@dataclass(frozen=True)
class Machine:
    """What the disk is started on."""

    image: Path
    format: str
    bus: str
    firmware: str
    accel: str
    others: tuple[tuple[Path, str], ...] = ()  # further disks: image and kind
    memory: int = field(default_factory=memory_for_guest)  # MiB

    def command(self, folder: Path) -> list[str]:
        """QEMU's arguments; it runs in *folder*, so that no path of the person needs quoting."""
        board = _BOARDS[self.bus]
        uefi = self.firmware == "uefi"
        card = "virtio-net-pci" if self.bus in ("virtio", "scsi") else "e1000"
        return [
            host.need_tool(TOOL),
            *("-nodefaults", "-no-user-config", "-machine", "q35" if uefi and self.bus != "ide" else board),
            *_processor(self.accel),
            *("-m", str(self.memory), "-display", "none", "-vga", "std", "-boot", "strict=on"),
            *(_uefi(folder) if uefi else ()),
            *(word for number in range(len(self._images)) for word in self._disk(number)),
            *("-netdev", "user,id=net,restrict=on", "-device", f"{card},netdev=net,romfile="),
            *("-device", "virtio-rng-pci", "-chardev", "file,id=serial,path=serial.log", "-serial", "chardev:serial"),
            *("-qmp", "stdio"),
        ]

    def prepare(self, folder: Path, ctx: Context) -> None:
        """Make the overlay that takes all writes of the guest; `JobError` when there is no room for them."""
        if (free := host.free_space(folder)) < ROOM:
            raise JobError(
                f"Only {size(free)} are free here, too little to start the disk for a test.",
                f"Free {size(ROOM - free)} more, then go on.",
                means="Nothing was uploaded; the image is kept.",
                topic="space",
            )
        if len(self._images) > _MOST.get(self.bus, 20):
            raise JobError(
                f"A test machine with {self.bus.upper()} disks takes {_MOST.get(self.bus, 20)} of them at the most.",
                "Choose another target, or leave the test start out.",
                topic="own-disk",
            )
        for number, (image, format_) in enumerate(self._images):
            below = ("-b", str(image.absolute()), "-F", DRIVERS[format_])
            over = str((folder / f"overlay{number or ''}").absolute())
            status, _, err = qemu_img.run(ctx, "create", "-q", "-f", "qcow2", *below, over)
            if status:
                raise qemu_img.trouble(image, err)

    @property
    def _images(self) -> list[tuple[Path, str]]:
        return [(self.image, self.format), *self.others]

    def _disk(self, number: int) -> list[str]:
        """The arguments for one disk; the first is the one that is started from."""
        image, format_ = self._images[number]
        name = f"disk{number or ''}"
        file = {"driver": "file", "filename": str(image.absolute()), "read-only": True}
        below = {"driver": DRIVERS[format_], "read-only": True, "file": file}
        above = {"driver": "file", "filename": f"overlay{number or ''}"}
        node = {"driver": "qcow2", "node-name": name, "file": above, "backing": below, "cache": {"no-flush": True}}
        kinds = {
            "virtio": f"virtio-blk-pci,drive={name}",
            "scsi": f"scsi-hd,drive={name}",
            "ide": f"ide-hd,drive={name},bus=ide.{number // 2},unit={number % 2}",
            "sata": f"ide-hd,drive={name},bus=ide.{number}",
            "nvme": f"nvme,drive={name},serial=sandhopper{number or ''}",
        }
        controller = ["-device", "virtio-scsi-pci"] if self.bus == "scsi" and not number else []
        device = kinds[self.bus] + (",bootindex=0" if not number else "")
        return ["-blockdev", json.dumps(node), *controller, "-device", device]


def find_uefi() -> tuple[Path, Path] | None:
    """The UEFI firmware of this computer: code and an empty store of variables."""
    found = ((Path(code), Path(variables)) for code, variables in _FIRMWARES)
    return next((pair for pair in found if pair[0].is_file() and pair[1].is_file()), None)


def _uefi(folder: Path) -> Sequence[str]:
    if not (found := find_uefi()):
        raise JobError(
            "This computer has no UEFI firmware for test machines, and this disk needs it.",
            "Run: sudo apt install ovmf  (or your system's package of OVMF or edk2)",
            means="The image could not be tried here; nothing is wrong with it.",
            topic="tools",
        )
    (folder / "vars").write_bytes(found[1].read_bytes())
    code = {"driver": "file", "filename": str(found[0]), "node-name": "code", "read-only": True}
    variables = {"driver": "file", "filename": "vars", "node-name": "vars"}
    blocks = ["-blockdev", json.dumps(code), "-blockdev", json.dumps(variables)]
    return [*blocks, "-machine", "pflash0=code,pflash1=vars"]


def _processor(accel: str) -> list[str]:
    cores = str(min(2, os.cpu_count() or 1))
    if accel == "tcg":
        return ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max", "-smp", cores]
    return ["-accel", accel, "-cpu", "host", "-smp", cores]


@contextlib.contextmanager
def started(what: Machine, folder: Path, ctx: Context) -> Iterator[subprocess.Popen[bytes]]:
    """The machine, running in *folder* with its monitor on its standard input and output; ended with the block."""
    with (folder / "qemu.log").open("wb") as log:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log, "cwd": folder}
        with ctx.program(*what.command(folder), **pipes) as process:
            yield process


def best_accel(ctx: Context) -> str:
    """`kvm`, `hvf` or `whpx` when a small guest really ran with it here, else `tcg` (slower, works everywhere)."""
    wanted = host.accelerator()
    if not wanted:
        return "tcg"
    if wanted not in _tried:
        _tried[wanted] = _runs_with(wanted, ctx)
    return wanted if _tried[wanted] else "tcg"


_tried: dict[str, bool] = {}
_TRIAL, _TRIAL_SECONDS = "hardware works", 5.0


def _runs_with(accel: str, ctx: Context) -> bool:
    """Start a boot sector that prints a line, and see whether the line comes."""
    with tempfile.TemporaryDirectory(dir=ctx.work, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        write_disk(folder / "disk", 4 << 20, b"", _TRIAL)
        trial = Machine(folder / "disk", "raw", "virtio", "bios", accel)
        trial.prepare(folder, ctx)
        with started(trial, folder, ctx) as process:
            for _ in range(int(_TRIAL_SECONDS * 10)):
                ctx.sleep(0.1)
                log = folder / "serial.log"
                if log.exists() and _TRIAL.encode() in log.read_bytes():
                    return True
                if process.poll() is not None:
                    return False
    return False
