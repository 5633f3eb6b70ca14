"""The scripts that were used before ("ciop-sandbox-prepare.sh", "-restore.sh"): each thing that went wrong with them.

Source: github.com/Terradue/cloud-admin-doc, source/resources/scripts at 6c9f160. T1 … T9 are its defects as they are
numbered in this project's notes on earlier tools.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import JobError
from app.job import Include
from app.sandbox import Sandbox
from app.sandbox.findings import for_job
from tests.sandbox.machine import Machine
from tests.sandbox.test_merge import copy_of

Make = Callable[..., Sandbox]
pytestmark = pytest.mark.root

TABLE = (
    "# made by the image of another institute\n"
    "/dev/mapper/vg_centos-lv_root / ext4 defaults 1 1\n"
    "UUID=f5cc3135-5a3a-4d8f-812b-21183172c797 /boot ext4 defaults 1 2\n"
    "LABEL=CIOP_APP /application ext4 defaults,nofail 0 2\n"
)
# what the old scripts moved away, overwrote or left behind
THEIRS = {
    "etc/rc.d/rc.local": "#!/bin/sh\ntouch /var/lock/subsys/local\n",
    "etc/udev/rules.d/70-persistent-net.rules": 'SUBSYSTEM=="net", ATTR{address}=="52:54:00:00:00:01", NAME="eth0"\n',
    "var/log/context.log": "context\n",
    "var/log/oozie/oozie.log": "jobs\n",
    "mnt/context/init.sh": "#!/bin/sh\n",
}


@pytest.fixture
def ciop(tmp_path: Path) -> Iterator[Machine]:
    """A sandbox as Terradue's were: the application's disk is known by the label CIOP_APP; /home is on another one."""
    machine = Machine(tmp_path, disks={"/application": 200, "/home": 60, "/data": 60}, root_size=220)
    machine.first('rmdir "$1/home/scientist"')  # nothing lies hidden below /home
    subprocess.run(["e2label", str(machine.place / "d0.data"), "CIOP_APP"], check=True)
    with machine:
        machine.fill()
        for name, text in THEIRS.items():
            machine.run("sh", "-c", f'mkdir -p "$(dirname /{name})"; cat > /{name}', stdin=text.encode())
        machine.run("sh", "-c", "for d in home data; do echo $d > /$d/file; done; chmod 755 /etc/rc.d/rc.local")
        machine.run(
            "sh", "-c", "grep -e /home -e /data /etc/fstab > /run/t; cat - /run/t > /etc/fstab", stdin=TABLE.encode()
        )
        yield machine


def merge(machine: Machine, sandbox: Make, *mounts: str) -> dict[str, Any]:
    """Merge, and the root disk's listing then."""
    facts = sandbox(machine).merge(mounts or ("/application",), "job-1")
    assert facts["unsteady"] == facts["lost"] == []
    return machine.root_listing()


def restore(machine: Machine, sandbox: Make) -> None:
    assert [f.grade for f in sandbox(machine).restore()] == ["ok"]


def titles(sandbox: Sandbox, *merges: str) -> dict[str, list[str]]:
    """What the check says, by grade, when *merges* are to be merged."""
    look = sandbox.look()
    said: dict[str, list[str]] = {"ok": [], "care": [], "stop": []}
    for finding in [*look.findings, *for_job(look, [Include(path, "merge") for path in merges], "job-1")]:
        said[finding.grade].append(finding.title)
    return said


def test_t1_the_data_does_not_end_up_one_folder_too_deep(ciop: Machine, sandbox: Make) -> None:
    merged = merge(ciop, sandbox)
    assert "application/src" in merged
    assert not any(name.startswith("application/application") for name in merged)


def test_t2_nothing_of_a_file_but_its_content_is_lost_either(ciop: Machine, sandbox: Make) -> None:
    ciop.run("setfattr", "-n", "security.selinux", "-v", "system_u:object_r:usr_t:s0", "/application/xattr/file")
    data = ciop.listing("/application")
    assert "security.selinux" in data["xattr/file"]["xattr"]
    assert copy_of(merge(ciop, sandbox), "/application") == data


def test_t3_too_little_space_is_said_before_anything_is_copied(ciop: Machine, sandbox: Make) -> None:
    # 100 MiB are left, which is what a machine must keep free
    ciop.run("sh", "-c", "set -- $(stat -f -c '%S %a' /); fallocate -l $(($1 * $2 - 100 * 1048576)) /filler; sync")
    root, data = ciop.root_listing(), ciop.listing("/application")
    (stop,) = titles(sandbox(ciop), "/application")["stop"]
    assert stop.startswith("The data does not fit into the root disk: ")
    assert stop.endswith(" short.")
    with pytest.raises(JobError, match=r"does not fit into the root disk: .* short"):
        sandbox(ciop).merge(("/application",), "job-1")
    sandbox(ciop).restore()
    assert ciop.root_listing() == root
    assert ciop.listing("/application") == data


def test_t4_a_disk_in_use_stays_mounted_and_keeps_its_data(ciop: Machine, sandbox: Make) -> None:
    holds = "cd /application/src && exec 3>> /application/open && exec sleep 600"
    begins = "until [ -e /application/open ]; do sleep 0.05; done"
    ciop.run("sh", "-c", f"setsid sh -c '{holds}' > /dev/null 2>&1 < /dev/null & {begins}")
    root, data, mounted = ciop.root_listing(), ciop.listing("/application"), ciop.run("cat", "/proc/mounts")
    merge(ciop, sandbox)
    assert ciop.run("cat", "/proc/mounts") == mounted
    assert ciop.listing("/application") == data
    restore(ciop, sandbox)
    assert ciop.run("cat", "/proc/mounts") == mounted
    assert ciop.listing("/application") == data
    assert ciop.root_listing() == root


def test_t5_only_the_line_of_the_merged_disk_leaves_fstab(ciop: Machine, sandbox: Make) -> None:
    before = ciop.run("cat", "/etc/fstab").decode().splitlines()
    merge(ciop, sandbox)
    after = ciop.run("cat", "/etc/fstab").decode().splitlines()
    assert len(before) == len(after) == 6
    assert [(then, now) for then, now in zip(before, after, strict=True) if then != now] == [
        (before[3], f"#sandhopper-job-1# {before[3]}")
    ]


def test_t6_restore_puts_all_of_it_back_and_leaves_nothing(ciop: Machine, sandbox: Make) -> None:
    root = ciop.root_listing()
    merged = merge(ciop, sandbox)
    for name in THEIRS:
        assert merged[name] == root[name]
    restore(ciop, sandbox)
    assert ciop.root_listing() == root


def test_t7_preparing_twice_does_not_lose_the_original(ciop: Machine, sandbox: Make) -> None:
    root = ciop.root_listing()
    merged = merge(ciop, sandbox)
    assert copy_of(merge(ciop, sandbox), "/application") == copy_of(merged, "/application")
    with pytest.raises(JobError, match="job-1"):
        sandbox(ciop).merge(("/application",), "job-2")
    restore(ciop, sandbox)
    assert ciop.root_listing() == root


def test_t8_nothing_is_put_where_a_start_would_run_it(ciop: Machine, sandbox: Make) -> None:
    root = ciop.root_listing()
    merged = merge(ciop, sandbox)
    touched = {name for name in {*root, *merged} if root.get(name) != merged.get(name)}
    own = ("application", "var/lib/sandhopper", "etc/fstab")
    assert {name for name in touched if not name.startswith(own)} <= {"etc", "var/lib"}
    assert all(name.split("/")[0] in ("etc", "var") for name in touched if not name.startswith("application"))


def test_t9_every_other_disk_is_named_and_comes_along_when_asked(ciop: Machine, sandbox: Make) -> None:
    care = titles(sandbox(ciop), "/application")["care"]
    assert any(title.startswith("/home will be missing (") for title in care)
    assert any(title.startswith("/data will be missing (") for title in care)
    root = ciop.root_listing()
    every = titles(sandbox(ciop), "/application", "/home", "/data")
    assert every["stop"] == []
    assert not any("will be missing" in title for title in every["care"])
    merged = merge(ciop, sandbox, "/application", "/home", "/data")
    assert {"application/src", "home/file", "data/file"} <= set(merged)
    restore(ciop, sandbox)
    assert ciop.root_listing() == root
