"""What must be another way in the copy: fstab, crypttab and units of systemd; and that it all comes back."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.sandbox import Sandbox, remote
from app.sandbox.edits import Edit, edits, where
from app.sandbox.look import Seen
from tests.sandbox.machine import Machine

Make = Callable[..., Sandbox]
MARK = "#sandhopper-j# "
MOUNTED = b"""1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 8:16 / /data rw - ext4 /dev/sdb rw
3 1 8:16 / /srv/again rw - ext4 /dev/sdb rw
4 1 8:16 /sub /srv/part rw - ext4 /dev/sdb rw
5 1 253:0 / /secret rw - ext4 /dev/mapper/vault rw
6 1 253:1 / /other rw - ext4 /dev/mapper/kept rw
"""


def seen(**parts: bytes) -> Seen:
    return Seen({"mountinfo": MOUNTED, **parts})


def of(found: list[Edit], path: str) -> str:
    return next(edit.after.decode() for edit in found if edit.path == path)


def test_a_second_place_of_a_merged_disk_shows_the_merged_folder_in_the_copy() -> None:
    table = (
        b"/dev/sdb /data ext4 defaults 0 2\r\n/dev/sdb /srv/again ext4 ro,nofail 0 0\n/data/sub /srv/part none bind 0 0"
    )
    after = of(edits(seen(fstab=table), ["/data"], "j"), "/etc/fstab")
    assert after == (
        f"{MARK}/dev/sdb /data ext4 defaults 0 2\r\n{MARK}/dev/sdb /srv/again ext4 ro,nofail 0 0\n"
        f"/data/sub /srv/part none bind 0 0\n{MARK}begin\n/data /srv/again none bind,ro,nofail 0 0\n{MARK}end\n"
    )


def test_all_lines_of_a_mount_are_taken_out_and_nothing_else() -> None:
    table = (
        b"UUID=1 /data/ ext4 noauto 0 0\n# /dev/sdb /data\n/dev/sdb //data xfs ro\n/dev/sdc /database ext4 0 0\n\xff\n"
    )
    (edit,) = edits(seen(fstab=table), ["/data"], "j")
    lines = edit.after.split(b"\n")
    assert [line.startswith(MARK.encode()) for line in lines] == [True, False, True, False, False, False]
    assert edit.after.replace(MARK.encode(), b"") == table


def test_a_crypttab_line_goes_only_when_nothing_else_lies_on_that_disk() -> None:
    table = b"vault UUID=1 none luks\nkept UUID=2 none\n"
    found = edits(seen(crypttab=table), ["/secret"], "j")
    assert of(found, "/etc/crypttab") == f"{MARK}vault UUID=1 none luks\nkept UUID=2 none\n"
    assert [edit.path for edit in edits(seen(crypttab=table), ["/data"], "j")] == ["/etc/fstab"]


MOUNT = b"""/etc/systemd/system/data.mount
[Unit]
Description=data
Requires=dev-sdb.device \\
  dev-sdc.device
After=network.target

[Mount]
What=/dev/sdb
Where=/data
Type=ext4
[Install]
WantedBy=multi-user.target"""


def test_units_of_a_merged_mount_sleep_in_the_copy_and_others_stay() -> None:
    found = edits(
        seen(
            unit1=MOUNT,
            unit2=b"/etc/systemd/system/data.automount\n[Automount]\nWhere = /data/\n",
            unit3=b"/etc/systemd/system/data.mount.d/more.conf\n[Mount]\nOptions=noatime\n",
            unit4=b"/etc/systemd/system/other.mount\n[Mount]\nWhat=/dev/sdc\nWhere=/other\n",
        ),
        ["/data"],
        "j",
    )
    folder = "/etc/systemd/system/"
    names = ["/etc/fstab", folder + "data.mount", folder + "data.automount", folder + "data.mount.d/more.conf"]
    assert [edit.path for edit in found] == names
    unit = of(found, folder + "data.mount").splitlines()
    active = [line for line in unit if line and not line.startswith("#")]
    assert active == ["[Unit]", "Description=data", "After=network.target", "[Mount]", "Where=/data", "[Install]",
                      "WantedBy=multi-user.target", "[Unit]", "ConditionPathExists=!/", "[Mount]", "What=none",
                      "Type=tmpfs"]  # fmt: skip
    assert of(found, folder + "data.mount.d/more.conf") == f"[Mount]\n{MARK}Options=noatime\n"


@pytest.mark.parametrize("text", [MOUNT.partition(b"\n")[2] + b"\n", b"/dev/sdb /data ext4 defaults 0 2\n"])
def test_the_shell_takes_out_what_was_put_in(tmp_path: Path, text: bytes) -> None:
    parts = {"unit1": b"/x/data.mount\n" + text} if b"[Mount]" in text else {"fstab": text}
    edit = edits(seen(**parts), ["/data"], "j")[-1]
    assert edit.before == text != edit.after
    (tmp_path / "file").write_bytes(edit.after + b"# somebody's\n")
    script = f'JOB=j\n{remote.script("edits")}\nunmarked "{tmp_path}/file"'
    assert subprocess.check_output(["sh", "-c", script]) == text + b"# somebody's\n"


def test_where_a_unit_mounts() -> None:
    assert where(b'[Mount]\nWhere="/a b"\n') == "/a b"
    assert where(b"Where=//a//b/\n") == "/a/b"
    assert where(b"# Where=/x\n") == ""


@pytest.mark.root
def test_units_and_a_linked_fstab_come_back_with_their_inodes(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", "mkdir -p /etc/systemd/system /etc/tables; echo 'vault UUID=x none' > /etc/crypttab")
        machine.run("sh", "-c", "cd /etc; mv fstab tables/real; ln -s tables/real fstab; echo here > /application/file")
        unit = "[Mount]\\nWhat=/dev/vdb\\nWhere=/application\\n"
        machine.run("sh", "-c", f"printf '{unit}' > /etc/systemd/system/application.mount")
        root, inodes = machine.root_listing(), machine.run("sh", "-c", "ls -1iR /etc")
        sandbox(machine).merge(("/application",), "job-1")
        asleep = machine.run("cat", "/etc/systemd/system/application.mount")
        assert b"#sandhopper-job-1# What=/dev/vdb" in asleep
        assert b"\n#sandhopper-job-1# UUID=" in machine.run("cat", "/etc/tables/real")
        findings = sandbox(machine).restore()
        assert [f.grade for f in findings] == ["ok"], findings
        assert machine.root_listing() == root
        assert machine.run("sh", "-c", "ls -1iR /etc") == inodes
