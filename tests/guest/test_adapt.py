"""A copy with everything wrong, made fit: in libguestfs for real, converted, and started for real."""

from __future__ import annotations

import hashlib
import io
import json
import mmap
import secrets
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.context import Context
from app.disk import guest, image, overlay
from app.errors import Cancelled, JobError
from app.job import Decision, Job
from app.journal import Journal
from app.secrets import Answers
from app.steps import adapt, convert
from tests.guest.machine import Guest

pytestmark = [pytest.mark.guest, pytest.mark.timeout(3000)]

TOKEN = secrets.token_hex(24)
STATE = "/var/lib/sandhopper/j1"
LONG_AGO = (1_000_000_000, 5)
NET_RULES = "/etc/udev/rules.d/70-persistent-net.rules"
FSTAB = """# mine
/dev/vda1  /\text4 errors=remount-ro 0 1
#sandhopper-j1# UUID=1111 /application ext4 defaults 0 2
/dev/vdb1 /scratch ext4 defaults 0 2
//server/share /mnt/share cifs username=u,password=TOPSECRET 0 0
"""


@dataclass
class Scene:
    """What was made of the disk, and what of that."""

    fetched: Path
    before: str
    after: str
    facts: dict[str, Any]
    image: Path
    told: str


def made(folder: Path, job: Job) -> Context:
    folder.mkdir()
    journal = Journal(folder / "journal.jsonl")
    return Context(job, folder, journal, lambda _: None, threading.Event(), Answers({}, use_keyring=False))


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture(scope="session")
def scene(guest_disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    place = tmp_path_factory.mktemp("adapt")
    fetched = place / "fetched.qcow2"
    spoilt(guest_disk, fetched, made(place / "spoil", Job("file:///nothing", "file:///nowhere/", id="x")))
    kept = (Decision("/root/.ssh/authorized_keys", "keep"),)
    job = Job("file:///x", "file:///y/", id="j1", sandbox="ssh://root@127.0.0.1:9", clean="share", secrets=kept)
    ctx = made(place / "job", job)
    ctx.journal.record("fetch", "done", path=str(fetched), format="qcow2", own=False)
    before = digest(fetched)
    facts = adapt.STEP.run(ctx)
    ctx.journal.record("adapt", "done", **facts)
    result = convert.STEP.run(ctx)
    told = (ctx.folder / "journal.jsonl").read_text()
    return Scene(fetched, before, digest(fetched), facts, Path(result["path"]), told)


def spoilt(disk: Path, fetched: Path, ctx: Context) -> None:
    over = ctx.work / "over.qcow2"
    overlay.create(over, image.inspect(disk, ctx), ctx)
    with guest.opened(over, ctx, write=True) as copy:
        system = guest.look(copy)
        assert not system.why_not, system
        spoil(copy, system)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", str(over), str(fetched)], check=True)


def spoil(copy: guest.Guest, system: guest.System) -> None:
    traces(copy)
    assert system.kernels
    copy.write(f"/boot/initrd.img-{system.kernels[0]}", without_drivers())
    copy.write("/etc/fstab", FSTAB)
    put(copy, NET_RULES, 'SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="52:54:00:aa:bb:cc", NAME="eth9"\n', 0o644)
    copy.write(
        "/etc/systemd/network/10-all.network", "[Match]\nMACAddress=52:54:00:aa:bb:cc\n[Network]\nAddress=10.9.9.9/24\n"
    )
    loader, known = copy.text("/boot/extlinux/extlinux.conf"), system.on(system.root)
    assert known
    loader = loader.replace(f"root=UUID={known.uuid}", "root=/dev/vda1").replace(
        " console=tty0 console=ttyS0,115200", ""
    )
    copy.write("/boot/extlinux/extlinux.conf", loader)
    put(copy, "/home/scientist/.aws/credentials", f"[default]\naws_secret_access_key = {TOKEN}\n", owner=1000)
    put(copy, "/home/scientist/work/result.csv", "precious", owner=1000)
    put(copy, "/home/scientist/.config/gcloud/odd\nname", TOKEN, owner=1000)
    put(copy, "/root/.bash_history", f"export KEY={TOKEN}\n")
    copy.call("ln-s", "/home/scientist/work", "/home/scientist/.cache")
    copy.call("lchown", 1000, 1000, "/home/scientist/.cache")
    put(copy, "/etc/cloud/cloud.cfg", "datasource_list: [ Ec2 ]\n", 0o644)


def traces(copy: guest.Guest) -> None:
    put(copy, f"{STATE}/journal", "begin j1\n")
    put(copy, f"{STATE}/fstab.path", "/etc/fstab")
    put(copy, f"{STATE}/mounts", "254:1 / / /dev/vda1\n")
    put(copy, f"{STATE}/m01/path", "/application")
    put(copy, f"{STATE}/m01/aside/hidden", "x")
    put(copy, f"{STATE}/etc.ref", "")
    put(copy, "/var/lib/sandhopper/.ref", "")
    copy.call("cp-a", "/etc/fstab", "/etc/fstab.sandhopper-j1")
    for path in (f"{STATE}/etc.ref", "/var/lib/sandhopper/.ref"):
        copy.call("utimens", path, *LONG_AGO, *LONG_AGO)


def put(copy: guest.Guest, path: str, text: str, mode: int = 0o600, owner: int = 0) -> None:
    copy.folder(path.rpartition("/")[0])
    copy.write(path, text, mode=mode)
    copy.call("lchown", owner, owner, path)


def without_drivers() -> bytes:
    """A start-up image that has one driver, and not the right one: a cpio(5) archive of the kind `newc`."""
    archive = io.BytesIO()
    names = [f"etc/file{number}" for number in range(30)] + [
        "usr/lib/modules/x/kernel/drivers/ata/ahci.ko",
        "TRAILER!!!",
    ]
    for number, name in enumerate(names):
        fields = [number + 1, 0o100644, 0, 0, 1, 0, 0, 0, 0, 0, 0, len(name) + 1, 0]
        archive.write(b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0")
        archive.write(b"\0" * (-archive.tell() % 4))
    archive.write(b"\0" * (-archive.tell() % 512))
    return archive.getvalue()


def test_the_fetched_disk_is_never_written(scene: Scene) -> None:
    assert scene.before == scene.after


def test_every_change_is_told_in_words_and_without_passwords(scene: Scene) -> None:
    done = {change["fix"] for change in scene.facts["changes"] if change["grade"] == "ok"}
    repaired = {"device-names", "missing-disks", "nic-rules", "network", "cloud-init", "console", "virtio"}
    assert done == {"traces", "clean", *repaired}, scene.facts["changes"]
    failed = [change for change in scene.facts["changes"] if change["grade"] != "ok"]
    assert [change["fix"] for change in failed] == ["left"], failed
    assert "TOPSECRET" not in scene.told
    assert TOKEN not in scene.told


def test_what_was_taken_out_is_nowhere_in_the_image(scene: Scene, tmp_path: Path) -> None:
    assert holds(scene.fetched)  # no file of it is compressed, so this is the disk as well
    raw = tmp_path / "plain.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(scene.image), str(raw)], check=True)
    assert not holds(raw)
    raw.unlink()


def holds(disk: Path) -> bool:
    """Whether the token lies anywhere in a file."""
    with disk.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        return whole.find(TOKEN.encode()) >= 0


def test_the_copy_starts_and_is_right(scene: Scene, guest_folder: Path, tmp_path: Path) -> None:
    with Guest(tmp_path / "alone", [scene.image], guest_folder / "key") as alone:
        said = json.loads(alone.ssh(f"python3 -c {quoted(LOOK)}"))
        drivers = alone.ssh("lsinitramfs /boot/initrd.img-$(uname -r)")
        alone.ssh("systemctl is-system-running --wait || true")
        failed = alone.ssh("systemctl --failed --plain --no-legend | cut -d' ' -f1").split()
    assert failed == [b"mnt-share.mount"]  # the server that is not there: it is told, and nothing waits for it
    assert said["fstab"].startswith("# mine\nUUID=")
    assert "sandhopper" not in said["fstab"]
    assert "/dev/vdb1 /scratch ext4 nofail" in said["fstab"]
    assert "password=TOPSECRET,nofail" in said["fstab"]  # only journal and report are without it
    assert "root=UUID=" in said["cmdline"]
    assert b"virtio_blk.ko" in drivers
    assert b"nvme.ko" in drivers
    assert "console=ttyS0,115200n8 console=tty0" in said["cmdline"]
    assert said["precious"] == "precious"
    assert said["there"] == [], "should be gone"
    assert said["lib"] == LONG_AGO[0]
    assert len(said["keys"]) >= 3
    assert said["shadow"] == []


LOOK = f"""
import glob, json, os
gone = ["{STATE}", "/var/lib/sandhopper", "/etc/fstab.sandhopper-j1", "{NET_RULES}", "/root/.bash_history",
        "/home/scientist/.aws/credentials", "/home/scientist/.config/gcloud"]
print(json.dumps({{
    "fstab": open("/etc/fstab").read(), "cmdline": open("/proc/cmdline").read(),
    "precious": open("/home/scientist/work/result.csv").read(),
    "there": [path for path in gone if os.path.lexists(path)],
    "lib": int(os.stat("/var/lib").st_mtime), "keys": glob.glob("/etc/ssh/ssh_host_*_key"),
    "shadow": [line for line in open("/etc/shadow") if "$" in line],
}}))
"""


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def job_on(disk: Path, context: Callable[..., Context], **wishes: Any) -> Context:
    job = Job("file:///x", "file:///y/", id="j1", sandbox="ssh://root@127.0.0.1:9", **wishes)
    return context(job=job, facts={"fetch": {"path": str(disk), "format": "raw", "own": False}})


def test_a_disk_without_a_system_is_left_alone(tmp_path: Path, context: Callable[..., Context]) -> None:
    disk = tmp_path / "data.raw"
    with disk.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(disk)], check=True)
    ctx = job_on(disk, context)
    before = digest(disk)
    facts = adapt.STEP.run(ctx)
    assert "No system" in facts["why_not"]
    assert "path" not in facts
    assert digest(disk) == before
    assert not [*ctx.work.iterdir()]


def test_what_cannot_be_cleaned_is_not_given_away(tmp_path: Path, context: Callable[..., Context]) -> None:
    disk = tmp_path / "noise.raw"
    disk.write_bytes(secrets.token_bytes(4 << 20))
    with pytest.raises(JobError, match="cannot be cleaned"):
        adapt.STEP.run(job_on(disk, context, clean="share"))


def test_stopping_leaves_nothing(guest_disk: Path, context: Callable[..., Context]) -> None:
    job = Job("file:///x", "file:///y/", id="j1", sandbox="ssh://root@127.0.0.1:9")
    ctx = context(job=job, facts={"fetch": {"path": str(guest_disk), "format": "qcow2", "own": False}})
    threading.Timer(8, ctx.cancel.set).start()
    with pytest.raises(Cancelled):
        adapt.STEP.run(ctx)
    assert [*ctx.work.glob(".guest-*")] == []
    adapt.STEP.undo(ctx)
    adapt.STEP.undo(ctx)
    assert [*ctx.work.iterdir()] == []
