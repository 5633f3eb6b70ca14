"""What the guest's tests share: a sandbox with two disks, full listings of it, the program in a process of its own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.guest import offline
from tests.guest.machine import Guest
from tests.sandbox import machine as small

TOOLS = Path(small.__file__).parent
ROOT = Path(__file__).resolve().parents[2]
ROOT_DISK = offline.Part(0, 1 << 20, (3 << 30) - (1 << 20), "ext4", "/")  # build.sh
# what a running Debian writes by itself, and what a login leaves
OWN = ("var/log", "var/lib/systemd", "var/lib/dhcp", "run", "tmp", "var/tmp", "root", "etc/resolv.conf", "var/cache")


@contextlib.contextmanager
def two_disks(place: Path, folder: Path) -> Iterator[Guest]:
    """A running guest with a data disk at /application that holds everything a copy can lose."""
    own, disk = str(uuid.uuid4()), place / "data.raw"
    with disk.open("wb") as file:
        file.truncate(512 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-U", own, str(disk)], check=True)
    with Guest(place / "sandbox", [folder / "os.qcow2", disk], folder / "key") as guest:
        guest.ssh(f"echo 'UUID={own} /application ext4 defaults 0 2' >> /etc/fstab; systemctl daemon-reload; mount -a")
        guest.python(TOOLS / "tree.py", "/application", "7")
        guest.ssh("head -c 60000000 /dev/urandom > /application/big; systemctl is-system-running --wait || true; sync")
        yield guest


def listing(guest: Guest, path: str) -> dict[str, Any]:
    """Everything about every file below *path*."""
    found: dict[str, Any] = json.loads(guest.python(TOOLS / "listing.py", path))
    return found


def root_listing(guest: Guest) -> dict[str, Any]:
    """The same of the whole root disk, also below the mount points, but for what Debian writes by itself."""
    return strangers(offline.listings(guest, [ROOT_DISK])["/"])


def strangers(listed: dict[str, Any], path: str = "/") -> dict[str, Any]:
    """A listing of what is mounted at *path* without what Debian writes there by itself."""
    above = path.strip("/") and path.strip("/") + "/"
    found = {name: fact for name, fact in listed.items() if not f"{above}{name}".startswith(OWN)}
    return {name: fact for name, fact in found.items() if name != "." or above}


def let_in(guest: Guest) -> None:
    """Put the guest's key where OpenSSH looks for it in this test's own home."""
    folder = Path.home() / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(guest.key, folder / "id_ed25519")
    (folder / "id_ed25519.pub").write_bytes(subprocess.check_output(["ssh-keygen", "-y", "-f", str(guest.key)]))


def program(*words: str, wait: float = 900) -> subprocess.CompletedProcess[str]:
    """`sandhopper` with *words*, as a person without a terminal would start it."""
    return subprocess.run(
        [sys.executable, "-m", "app", *words],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=wait, check=False,
    )  # fmt: skip


def arrived(folder: Path, reports: Path) -> tuple[Path, dict[str, Any]]:
    """The one image in an upload folder, and the report; its real SHA-256 is the report's and the sidecar's."""
    image, sidecar = sorted(folder.iterdir())
    with image.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    assert sidecar.name == f"{image.name}.sha256"
    assert sidecar.read_text().split() == [digest, image.name]
    told: dict[str, Any] = json.loads((reports / "report.json").read_text())
    assert digest in json.dumps(told)
    return image, told
