"""Whole exports with the real program: a running Debian with two disks, and a Debian's disk image."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from app import job as jobs
from tests.guest.machine import Guest
from tests.guest.scene import arrived, let_in, listing, program, root_listing
from tests.servers.sshd import Sshd
from tests.servers.tls import trusted
from tests.servers.vsftpd import Vsftpd

pytestmark = [pytest.mark.guest, pytest.mark.timeout(1500)]

TRACES = (
    "grep -H -e sandhopper -e /application /etc/fstab; find / -xdev -name '*sandhopper*' "
    "! -name '01-sandhopper*' ! -name '90-sandhopper*' ! -name '99_zz_sandhopper*' ! -name '*.sandhopper-before'"
)


def new(file: Path, *words: str) -> jobs.Job:
    made = program("new", *words)
    assert made.returncode == 0, made.stderr
    file.write_text(made.stdout)
    return jobs.load(file)


def test_a_running_sandbox_of_a_cloud_without_an_interface(
    tmp_path: Path, sandbox_guest: Guest, guest_folder: Path
) -> None:
    guest, file = sandbox_guest, tmp_path / "job.json"
    let_in(guest)
    data, root = listing(guest, "/application"), root_listing(guest)
    sandbox = f"ssh://scientist@127.0.0.1:{guest.port}"
    with Sshd(tmp_path) as server:
        made = new(file, "--source", sandbox, "--include", "/application=merge", "--target", server.url("sftp"))
        trust = [
            word for key in (server.fingerprint, *guest.host_key().values()) for word in ("--accept-host-key", key)
        ]
        checked = program("check", str(file), *trust)
        assert checked.returncode == 0, checked.stderr
        assert root_listing(guest) == root
        waits = program("run", str(file), *trust)
        assert waits.returncode == 3, waits.stdout[-2000:] + waits.stderr[-3000:]
        assert "Now make the snapshot" in waits.stderr
        assert f"sandhopper resume {made.id} --image FILE" in waits.stderr
        assert "Traceback" not in waits.stdout + waits.stderr
        image = guest.hot_copy(tmp_path / "snapshot.qcow2")
        done = program("resume", made.id, "--image", str(image), *trust)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
        uploaded, told = arrived(server.folder, made.folder)
    assert told["sandbox"]["restored"]["equal"] is True
    assert "is as it was before" in told["sandbox"]["restored"]["proof"]
    assert {change["fix"] for change in told["changes"]["made"]} >= {"traces"}, told["changes"]
    assert {change["grade"] for change in told["changes"]["made"]} == {"ok"}, told["changes"]
    assert listing(guest, "/application") == data
    assert root_listing(guest) == root
    assert guest.ssh("systemctl --failed --no-legend") == b""
    with Guest(tmp_path / "alone", [uploaded], guest_folder / "key") as alone:
        assert listing(alone, "/application") == data
        assert alone.ssh("findmnt -n -o TARGET -T /application").strip() == b"/"
        assert alone.ssh("systemctl --failed --no-legend") == b""
        assert alone.ssh(TRACES) == b""
        words = [word for key in alone.host_key().values() for word in ("--accept-host-key", key)]
        nothing = program("restore", f"root@127.0.0.1:{alone.port}", *words)
        assert nothing.returncode == 0, nothing.stderr
        assert "nothing to put back" in nothing.stdout + nothing.stderr
        assert listing(alone, "/application") == data


def test_a_disk_image_to_an_ftps_server(tmp_path: Path, guest_disk: Path, guest_folder: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(Vsftpd(tmp_path))
        trusted(tmp_path, stack)
        made = new(tmp_path / "job.json", "--source", str(guest_disk), "--target", server.url)
        done = program("run", str(tmp_path / "job.json"))
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
        uploaded, _ = arrived(server.folder, made.folder)
    with Guest(tmp_path / "alone", [uploaded], guest_folder / "key") as alone:
        assert alone.ssh("cat /etc/hostname") == b"sandbox-01\n"
        assert alone.ssh("systemctl is-system-running --wait").strip() == b"running"
