"""Real guests in QEMU (TCG): build once, boot on overlays, ssh on loopback, hot copy by QMP."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import pytest

from app import host
from tests.ports import free_port
from tests.servers import need

HERE = Path(__file__).parent
UEFI = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
BAD = ("emergency mode", "(initramfs)", "Kernel panic", "root account is locked")


def cache() -> Path:
    """Where the built guest is kept between runs: `SANDHOPPER_TEST_CACHE`, or the person's cache folder."""
    chosen = os.environ.get("SANDHOPPER_TEST_CACHE")
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)  # HOME is another one in each test
    return Path(chosen) if chosen else home / ".cache" / "sandhopper-tests"


def built() -> Path:
    """The folder with os.qcow2 and the key that opens it; builds it when build.sh has changed or nothing is there."""
    if os.geteuid() != 0:
        pytest.fail("building a guest needs root") if os.environ.get("CI") else pytest.skip(
            "building a guest needs root"
        )
    for program in ("debootstrap", "extlinux", "sfdisk", "mkfs.ext4", "qemu-img", "qemu-system-x86_64"):
        need(program)
    script = HERE / "build.sh"
    folder = cache() / hashlib.sha256(script.read_bytes()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    with host.held(folder / "lock"):
        if not (folder / "os.qcow2").exists():
            subprocess.run(["sh", str(script), str(folder)], check=True, timeout=1200)
    return folder


class Guest:
    """A guest whose disks are overlays: `with Guest(place, [os_disk, data_disk], key) as guest: guest.ssh("uname")`."""

    def __init__(self, place: Path, disks: list[Path], key: Path, firmware: str = "bios") -> None:
        place.mkdir(parents=True)
        self.firmware = firmware
        self.place, self.port = place, free_port()
        self.key = place / "key"
        shutil.copy(key, self.key)
        self.key.chmod(0o600)
        self.disks = [self._overlay(number, disk) for number, disk in enumerate(disks)]
        self.process: subprocess.Popen[bytes] | None = None

    def _overlay(self, number: int, disk: Path) -> Path:
        over = self.place / f"disk{number}.qcow2"
        kind = json.loads(subprocess.check_output(["qemu-img", "info", "--output=json", str(disk)]))["format"]
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(disk), "-F", kind, str(over)], check=True)
        return over

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.power_off()

    def start(self, seconds: float = 400) -> None:
        """Switch it on and wait for the first login."""
        command = [need("qemu-system-x86_64"), "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max", "-m", "768"]
        command += [
            "-smp",
            "2",
            "-display",
            "none",
            "-serial",
            f"file:{self.place}/serial",
            "-device",
            "virtio-rng-pci",
        ]
        command += ["-qmp", f"unix:{self.place}/qmp,server=on,wait=off"]
        command += ["-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{self.port}-:22", "-device", "virtio-net-pci,netdev=n"]
        for number, disk in enumerate(self.disks):
            command += ["-blockdev", f"driver=qcow2,node-name=d{number},file.driver=file,file.filename={disk}"]
            command += ["-device", f"virtio-blk-pci,drive=d{number},serial=disk{number}"]
        if self.firmware == "uefi":
            command += ["-drive", f"if=pflash,format=raw,readonly=on,file={UEFI}"]
        self.process = host.start(command, stdin=subprocess.DEVNULL)
        (self.place / "serial").touch()
        deadline = time.monotonic() + seconds
        while self._ssh("true").returncode:
            serial = (self.place / "serial").read_text(errors="replace")
            bad = [word for word in BAD if word in serial]
            assert self.process.poll() is None, "QEMU ended"
            assert not bad, f"{bad}: {serial[-800:]}"
            assert time.monotonic() < deadline, f"no login in {seconds} s: {serial[-800:]}"
            time.sleep(1)

    def power_off(self) -> None:
        """Pull the plug."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _ssh(self, command: str, stdin: bytes = b"", user: str = "root") -> subprocess.CompletedProcess[bytes]:
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes"]
        line = ["ssh", "-i", str(self.key), "-p", str(self.port), "-o", "ConnectTimeout=8"]
        line += [word for option in options for word in ("-o", option)]
        return subprocess.run([*line, f"{user}@127.0.0.1", command], input=stdin, capture_output=True, check=False)

    def as_user(self, user: str, command: str) -> bytes:
        """What a command of another login says, however it ends."""
        return self._ssh(command, user=user).stdout

    def ssh(self, command: str, stdin: bytes = b"") -> bytes:
        """Run a command as root; fails with its last words."""
        done = self._ssh(command, stdin)
        assert not done.returncode, f"{command}: {done.stderr.decode(errors='replace')[-800:]}"
        return done.stdout

    def python(self, script: Path, *arguments: str) -> bytes:
        """Run one of our Python files inside."""
        return self.ssh("python3 - " + " ".join(arguments), script.read_bytes())

    def host_key(self) -> dict[str, str]:
        """The answer that accepts its host key."""
        told = self.ssh("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1].decode()
        return {f"host-key ssh://127.0.0.1:{self.port}": told}

    def hot_copy(self, to: Path, disk: int = 0, kind: str = "qcow2") -> Path:
        """Copy a disk while the machine runs, as a cloud does: the disk as of the moment when the copy begins."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(self.place / "qmp"))
            qmp, node = _Qmp(sock), f"d{disk}"
            size = next(n["image"]["virtual-size"] for n in qmp("query-named-block-nodes") if n["node-name"] == node)
            subprocess.run(["qemu-img", "create", "-q", "-f", kind, str(to), str(size)], check=True)
            file = {"driver": "file", "filename": str(to), "discard": "unmap"}
            add = {"driver": kind, "node-name": "copy", "file": file, "discard": "unmap", "detect-zeroes": "unmap"}
            qmp("blockdev-add", **add)
            act = {"job-id": "j", "device": node, "target": "copy", "sync": "full", "auto-dismiss": False}
            qmp("blockdev-backup", **act)
            while (job := qmp("query-jobs")[0])["status"] != "concluded":
                time.sleep(0.2)
            assert "error" not in job, job
            qmp("job-dismiss", id="j")
            qmp("blockdev-del", **{"node-name": "copy"})
        return to


class _Qmp:
    """QEMU's own protocol, as far as needed here (QMP: one JSON object a line)."""

    def __init__(self, sock: socket.socket) -> None:
        self.file = sock.makefile("rw")
        self.file.readline()
        self("qmp_capabilities")

    def __call__(self, command: str, **arguments: Any) -> Any:
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while "event" in (answer := json.loads(self.file.readline())):
            pass
        assert "return" in answer, answer
        return answer["return"]
