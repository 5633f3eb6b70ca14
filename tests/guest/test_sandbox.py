"""A sandbox on a real Debian: check, prepare, hot copy, restore; the copy boots alone with everything in it."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.context import Context
from app.job import Include, Job
from app.steps import checkup, prepare, restore
from tests.guest.machine import Guest
from tests.sandbox import machine as small

pytestmark = [pytest.mark.guest, pytest.mark.timeout(1500)]
TOOLS = Path(small.__file__).parent
# what a running Debian writes by itself, and what a login leaves
OWN = ("var/log", "var/lib/systemd", "var/lib/dhcp", "run", "tmp", "var/tmp", "root", "etc/resolv.conf", "var/cache")


def listing(guest: Guest, path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(guest.python(TOOLS / "listing.py", path))
    return found


def quiet(found: dict[str, Any]) -> dict[str, Any]:
    return {name: fact for name, fact in found.items() if name != "." and not name.startswith(OWN)}


def data_disk(place: Path, own: str) -> Path:
    disk = place / "data.raw"
    with disk.open("wb") as file:
        file.truncate(512 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-U", own, str(disk)], check=True)
    return disk


def test_check_prepare_copy_restore_and_the_copy_boots_alone(
    tmp_path: Path, guest_folder: Path, context: Callable[..., Context]
) -> None:
    own = str(uuid.uuid4())
    with Guest(
        tmp_path / "sandbox", [guest_folder / "os.qcow2", data_disk(tmp_path, own)], guest_folder / "key"
    ) as guest:
        line = f"UUID={own} /application ext4 defaults 0 2"
        guest.ssh(f"echo '{line}' >> /etc/fstab; systemctl daemon-reload; mount /application")
        guest.python(TOOLS / "tree.py", "/application", "7")
        guest.ssh("sync; systemctl is-system-running --wait || true")
        with login(guest):
            data, root = listing(guest, "/application"), quiet(listing(guest, "--root"))
            ctx = job_on(guest, context, "scientist")
            grades = {finding.grade for finding in checkup.STEP.check(ctx)}
            assert "stop" not in grades
            assert checkup.STEP.run(ctx)["mounts"][0]["path"] == "/application"
            facts = prepare.STEP.run(ctx)
            assert facts["unsteady"] == facts["lost"] == []
            copy = guest.hot_copy(tmp_path / "copy.qcow2")
            proof = restore.STEP.run(ctx)
            assert proof["equal"], proof
            assert listing(guest, "/application") == data
            assert quiet(listing(guest, "--root")) == root
            assert guest.ssh("systemctl --failed --no-legend") == b""
    with Guest(tmp_path / "alone", [copy], guest_folder / "key") as alone:
        assert listing(alone, "/application") == data
        assert alone.ssh("findmnt -n -o TARGET -T /application").strip() == b"/"
        assert alone.ssh("systemctl --failed --no-legend") == b""
        with login(alone), pytest.raises(Exception, match="not attached"):
            restore.STEP.run(job_on(alone, context, "root"))
        assert listing(alone, "/application") == data


def test_the_plug_pulled_in_the_middle_of_a_merge(
    tmp_path: Path, guest_folder: Path, context: Callable[..., Context]
) -> None:
    own = str(uuid.uuid4())
    with Guest(
        tmp_path / "sandbox", [guest_folder / "os.qcow2", data_disk(tmp_path, own)], guest_folder / "key"
    ) as guest:
        guest.ssh(f"echo 'UUID={own} /application ext4 defaults 0 2' >> /etc/fstab; systemctl daemon-reload; mount -a")
        guest.python(TOOLS / "tree.py", "/application", "7")
        guest.ssh(
            "head -c 100000000 /dev/urandom > /application/big; sync; systemctl is-system-running --wait || true; sync"
        )
        data, root = listing(guest, "/application"), quiet(listing(guest, "--root"))
        with login(guest):
            ctx = job_on(guest, context, "root")
            line = threading.Thread(target=ignoring, args=(prepare.STEP.run, ctx), daemon=True)
            line.start()
            guest.ssh("until grep -q copy /var/lib/sandhopper/*/journal; do sleep 0.2; done; sleep 1")
            guest.power_off()
            ctx.cancel.set()
            line.join(60)
            guest.start()
            proof = restore.STEP.run(job_on(guest, context, "root"))
        assert proof["equal"], proof
        assert listing(guest, "/application") == data
        assert quiet(listing(guest, "--root")) == root


def ignoring(act: Callable[[Context], object], ctx: Context) -> None:
    with contextlib.suppress(BaseException):
        act(ctx)


@contextlib.contextmanager
def login(guest: Guest) -> Any:
    """The guest's key where OpenSSH looks for it in this test's own home."""
    folder = Path.home() / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(guest.key, folder / "id_ed25519")
    yield


def job_on(guest: Guest, context: Callable[..., Context], user: str) -> Context:
    job = Job("file:///nothing", "file:///nowhere/", id="guest-1", sandbox=f"ssh://{user}@127.0.0.1:{guest.port}")
    job = Job(**{**job.__dict__, "include": (Include("/application", "merge"),)})
    return context(job=job, answers=guest.host_key())
