"""Disks mounted in other ways: what cannot be done is refused at the look, and no mount is ever deleted through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.errors import JobError
from app.job import Include
from app.sandbox import Sandbox, remote
from app.sandbox.findings import for_job
from tests.sandbox.machine import Machine

Make = Callable[..., Sandbox]
pytestmark = pytest.mark.root
STATE = "/var/lib/sandhopper/job-1"


def stops(sandbox: Sandbox, *mounts: str) -> list[str]:
    look = sandbox.look()
    found = [*look.findings, *for_job(look, [Include(mount, "merge") for mount in mounts], "job-1")]
    return [f.title for f in found if f.grade == "stop"]


def test_a_link_on_the_way_to_the_mount_point(tmp_path: Path, sandbox: Make) -> None:
    machine = Machine(tmp_path, disks={"/data/app": 60})
    machine.first('mkdir -p "$1/srv/deep"; ln -s srv/deep "$1/data"')
    with machine:
        machine.run("sh", "-c", "echo here > /data/app/file")
        root = machine.root_listing()
        assert [m.path for m in sandbox(machine).look().mounts] == ["/srv/deep/app"]
        assert stops(sandbox(machine), "/srv/deep/app") == []
        sandbox(machine).merge(("/srv/deep/app",), "job-1")
        table = machine.run("cat", "/etc/fstab").decode().splitlines()
        assert [line.startswith("#sandhopper-job-1# ") for line in table] == [False, True]
        assert "srv/deep/app/file" in machine.root_listing()
        assert sandbox(machine).restore()[0].grade == "ok"
        assert machine.root_listing() == root


@pytest.mark.parametrize("device", ["LABEL=my\\040data", "/dev/vdb1"])
def test_any_name_of_the_device_in_fstab(tmp_path: Path, sandbox: Make, device: str) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        line = f"{device} /application/ ext4 defaults,nofail,x-systemd.automount 0 2 # data"
        machine.run("sh", "-c", f"echo file > /application/file; printf '%s\\n' '{line}' > /etc/fstab")
        root = machine.root_listing()
        assert stops(sandbox(machine), "/application") == []
        sandbox(machine).merge(("/application",), "job-1")
        assert machine.run("cat", "/etc/fstab").decode() == f"#sandhopper-job-1# {line}\n"
        assert sandbox(machine).restore()[0].grade == "ok"
        assert machine.root_listing() == root


def test_a_mount_that_a_systemd_unit_makes_is_known_at_the_look(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path, disks={"/application": 60, "/srv": 60}) as machine:
        machine.run("sh", "-c", "grep -v application /etc/fstab > /run/t; cat /run/t > /etc/fstab")
        root = machine.root_listing()
        assert stops(sandbox(machine), "/application") == []
        titles = [f.title for f in sandbox(machine).look().findings if f.grade == "care"]
        assert "/application is not mounted by /etc/fstab." in titles
        assert "/srv is not mounted by /etc/fstab." not in titles
        machine.run("sh", "-c", "mkdir -p /etc/systemd/system; cd /etc/systemd/system; "
                    "printf '[Mount]\\nWhat=/dev/vdb\\nWhere=/application\\n' > application.mount")  # fmt: skip
        assert stops(sandbox(machine), "/application") == []
        titles = [f.title for f in sandbox(machine).look().findings if f.grade == "care"]
        assert "/application is not mounted by /etc/fstab." not in titles
        machine.run("rm", "-r", "/etc/systemd")
        assert {name: f for name, f in machine.root_listing().items() if name != "etc"} == {
            name: f for name, f in root.items() if name != "etc"
        }


def test_a_disk_that_lies_in_something_else_than_the_root_disk_is_refused(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path, disks={"/run/media/usb": 60}) as machine:
        (stop,) = stops(sandbox(machine), "/run/media/usb")
        assert "it lies inside /run" in stop


def test_a_read_only_disk_and_a_home_with_a_disk_inside(tmp_path: Path, sandbox: Make) -> None:
    machine = Machine(tmp_path, disks={"/home": 60, "/home/me/application": 60})
    machine.first('rmdir "$1/home/scientist"')
    with machine:
        for path in ("/home", "/home/me/application"):
            machine.run("sh", "-c", f"mkdir -p {path}/d; echo {path} > {path}/d/file")
        machine.run("mount", "-o", "remount,ro", "/home/me/application")
        root = machine.root_listing()
        inner = machine.listing("/home/me/application")
        assert stops(sandbox(machine), "/home/me/application") == [
            "/home/me/application lies inside /home, which is not merged."
        ]
        sandbox(machine).merge(("/home", "/home/me/application"), "job-1")
        assert {"home/d/file", "home/me/application/d/file"} <= set(machine.root_listing())
        assert sandbox(machine).restore()[0].grade == "ok"
        assert machine.root_listing() == root
        assert machine.listing("/home/me/application") == inner


def test_a_root_disk_without_one_free_byte_is_refused_in_words(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path, disks={"/application": 60}, root_size=100) as machine:
        machine.run("sh", "-c", "cat /dev/zero > /filler 2>/dev/null; echo x > /application/file; true")
        root = machine.root_listing()
        assert any("does not fit" in stop for stop in stops(sandbox(machine), "/application"))
        with pytest.raises(JobError, match=r"Nothing can be written|does not fit"):
            sandbox(machine).merge(("/application",), "job-1")
        sandbox(machine).restore()
        assert machine.root_listing() == root


def test_a_root_disk_that_fills_up_after_the_merge_can_still_be_put_back(machine: Machine, sandbox: Make) -> None:
    root, data = machine.root_listing(), machine.listing("/application")
    sandbox(machine).merge(("/application",), "job-1")
    machine.run("sh", "-c", "cat /dev/zero > /filler 2>/dev/null; true")
    assert sandbox(machine).restore()[0].grade == "ok"
    machine.run("rm", "/filler")
    assert machine.listing("/application") == data
    assert settled(machine.root_listing()) == settled(root)


def settled(listing: dict[str, Any]) -> dict[str, Any]:
    """A listing without `/` itself, whose time a start or a file of the test changes."""
    return {name: fact for name, fact in listing.items() if name != "."}


MOUNTED_INSIDE = {
    "a disk": "mount --bind /srv /application/usb",
    "the data itself": "mount --bind /application /application/usb",
    "the machine": "mount --rbind / /application/usb; mount --make-rslave /application/usb",
}


@pytest.mark.parametrize("what", MOUNTED_INSIDE)
@pytest.mark.parametrize("hide", [(), ("unshare",)])
def test_nothing_that_is_mounted_inside_is_copied_or_deleted(
    tmp_path: Path, sandbox: Make, what: str, hide: tuple[str, ...]
) -> None:
    with Machine(tmp_path, disks={"/application": 60, "/srv": 60}, hide=hide) as machine:
        machine.run("mount", "--make-rshared", "/")
        machine.run("sh", "-c", "mkdir /application/usb; for d in application srv; do echo $d > /$d/file; done")
        root, data, other = machine.root_listing(), machine.listing("/application"), machine.listing("/srv")
        machine.run("sh", "-c", MOUNTED_INSIDE[what])
        try:
            sandbox(machine).merge(("/application",), "job-1")
        except JobError:
            assert hide  # without mount namespaces it may be refused
        sandbox(machine).restore()
        machine.run("umount", "-l", "/application/usb")
        assert machine.listing("/application") == data
        assert machine.listing("/srv") == other
        assert machine.root_listing() == root


def test_a_disk_mounted_into_the_copy_while_it_lay_open_is_not_emptied(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path, disks={"/application": 60, "/srv": 60}) as machine:
        machine.run("sh", "-c", "mkdir /application/usb; for d in application srv; do echo $d > /$d/file; done")
        root, data, other = machine.root_listing(), machine.listing("/application"), machine.listing("/srv")
        sandbox(machine).merge(("/application",), "job-1")
        machine.power_off()
        machine.start()
        machine.run("mount", "--bind", "/srv", "/application/usb")  # into the copy: the data disk is not mounted now
        with pytest.raises(JobError, match=r"/application/usb is mounted inside") as caught:
            sandbox(machine).restore()
        assert "umount /application/usb" in caught.value.remedy
        assert machine.listing("/srv") == other
        machine.run("umount", "/application/usb")
        findings = sandbox(machine).restore()
        assert "stop" not in {f.grade for f in findings}
        assert machine.listing("/srv") == other
        assert machine.listing("/application") == data
        assert settled(machine.root_listing()) == settled(root)


@pytest.mark.parametrize(
    "swap", ["rmdir /application && ln -s srv /application", "rm -r /application; ln -s / /application"]
)
def test_a_link_in_the_place_of_the_copy_leads_nowhere(tmp_path: Path, sandbox: Make, swap: str) -> None:
    with Machine(tmp_path, disks={"/application": 60, "/srv": 60}) as machine:
        machine.run("sh", "-c", "for d in application srv; do echo $d > /$d/file; done")
        other = machine.listing("/srv")
        sandbox(machine).merge(("/application",), "job-1")
        machine.run("sh", "-c", f"umount /application; rm -f /application/file; rmdir /application/*; {swap}; true")
        root = machine.root_listing()
        with pytest.raises(JobError):
            sandbox(machine).restore()
        assert machine.listing("/srv") == other
        after = machine.root_listing()
        gone = {name for name in root if name not in after and "sandhopper" not in name}
        assert gone == set()


def ask(machine: Machine, script: bytes) -> list[str]:
    return machine.run("sh", "-s", stdin=remote.given(JOB="job-1", WORK="merge") + script).decode().splitlines()


def test_work_that_is_just_starting_or_just_ending_is_not_dead(tmp_path: Path) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", f"mkdir -p {STATE}; echo begin > {STATE}/journal")
        lib, poll = remote.script("lib").encode(), remote.script("poll").encode()
        assert ask(machine, lib + poll) == ["dead"]
        begin = f"SANDHOPPER_WORK={STATE}/merge setsid sleep 60 >/dev/null 2>&1 </dev/null &\n".encode()
        begin += b"until tr '\\0' '\\n' < /proc/$!/environ | grep -q SANDHOPPER_WORK; do sleep 0.05; done\n"
        assert ask(machine, begin + lib + poll) == ["alive"]
        ends = b'marked() { printf 0 > "$STATE/merge.status"; false; }\n'
        machine.run("sh", "-c", f"echo 1 > {STATE}/merge.pid")
        assert ask(machine, lib + ends + poll) == ["ended 0"]
