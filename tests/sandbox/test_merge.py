"""Look, merge and restore on a real small machine, compared by full listings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.errors import JobError
from app.job import Include
from app.sandbox import Sandbox, remote
from app.sandbox.findings import for_job
from tests.sandbox.machine import SUDO_PASSWORD, Machine
from tests.servers import need

Make = Callable[..., Sandbox]
pytestmark = pytest.mark.root


def copy_of(merged: dict[str, Any], path: str) -> dict[str, Any]:
    """The part of a root listing below *path*, named as a listing of that mount would."""
    top, found = path.strip("/"), {}
    for name, fact in merged.items():
        if name == top or name.startswith(top + "/"):
            links = {"links": [link.removeprefix(top + "/") for link in fact["links"]]} if "links" in fact else {}
            found[name.removeprefix(top).lstrip("/") or "."] = {**fact, **links}
    return found


def test_look_tells_what_is_there(machine: Machine, sandbox: Make) -> None:
    before = machine.root_listing()
    look = sandbox(machine).look()
    assert look.hostname
    assert "Debian" in look.os
    assert [(m.path, m.fstype, m.owner, m.mergeable) for m in look.mounts] == [
        ("/application", "ext4", "1000:scientist", True)
    ]
    assert look.mounts[0].files > 200
    assert 0 < look.root_free < 400 << 20
    assert not look.journal
    assert machine.root_listing() == before


def test_the_copy_below_the_mount_equals_the_data_and_restore_leaves_no_trace(machine: Machine, sandbox: Make) -> None:
    root, data = machine.root_listing(), machine.listing("/application")
    facts = sandbox(machine).merge(("/application",), "job-1")
    assert facts["unsteady"] == []
    assert facts["lost"] == []
    merged = machine.root_listing()
    assert copy_of(merged, "/application") == data
    assert machine.listing("/application") == data
    findings = sandbox(machine).restore()
    assert [f.grade for f in findings] == ["ok"], findings
    assert machine.listing("/application") == data
    assert machine.root_listing() == root


@pytest.mark.parametrize("shell", ["bash", "busybox"])
def test_other_shells(tmp_path: Path, sandbox: Make, shell: str) -> None:
    need(shell)
    with Machine(tmp_path, shell=shell) as machine:
        machine.fill()
        merge_and_back(machine, sandbox, whole_seconds=("var/lib", "etc") if shell == "busybox" else ())


def merge_and_back(
    machine: Machine, sandbox: Make, whole_seconds: tuple[str, ...] = (), **login: Any
) -> dict[str, Any]:
    """Merge, compare, restore, compare; the facts of the merge."""
    root, data = machine.root_listing(), machine.listing("/application")
    facts = sandbox(machine, **login).merge(("/application",), "job-1")
    assert copy_of(machine.root_listing(), "/application") == data
    assert [f.grade for f in sandbox(machine, **login).restore("job-1")] == ["ok"]
    assert machine.listing("/application") == data
    after = machine.root_listing()
    for name in whole_seconds:  # busybox's touch -r knows no more
        for side in (root, after):
            side[name]["time"] //= 10**9
    assert after == root
    return facts


def test_without_rsync(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path, hide=("rsync",)) as machine:
        machine.fill()
        assert merge_and_back(machine, sandbox)["lost"] == []


def test_without_mount_namespaces(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path, hide=("unshare",)) as machine:
        machine.fill()
        machine.run("mount", "--make-rshared", "/")
        merge_and_back(machine, sandbox)


@pytest.mark.parametrize(("right", "given"), [("nopasswd", {}), ("password", {"sudo": SUDO_PASSWORD})])
def test_sudo_without_a_terminal(tmp_path: Path, sandbox: Make, right: str, given: dict[str, str]) -> None:
    with Machine(tmp_path, sudo=right) as machine:
        machine.fill()
        answers = {f"sudo://scientist@127.0.0.1:{machine.port}": secret for secret in given.values()}
        merge_and_back(machine, sandbox, user="scientist", answers=answers)


def test_two_disks_one_inside_the_other_and_an_odd_name(tmp_path: Path, sandbox: Make) -> None:
    disks = {"/application": 100, "/application/nested": 60, "/odd name": 60, "/srv": 60}
    with Machine(tmp_path, disks=disks) as machine:
        for path in disks:
            machine.run("sh", "-c", f"echo here > '{path}/file'; mkdir '{path}/folder'")
        look = sandbox(machine).look()
        assert [m.path for m in look.mounts] == sorted(disks)
        root = machine.root_listing()
        sandbox(machine).merge(("/odd name", "/application"), "job-1")
        merged = machine.root_listing()
        assert "application/file" in merged
        assert "application/nested" in merged
        assert "application/nested/file" not in merged
        assert "odd name/folder" in merged
        assert "srv/file" not in merged
        table = machine.run("cat", "/etc/fstab").decode().splitlines()
        assert [line.startswith("#sandhopper-job-1# ") for line in table[1:]] == [True, False, True, False]
        assert sandbox(machine).restore()[0].grade == "ok"
        sandbox(machine).merge(("/application/nested", "/application"), "job-2")
        assert "application/nested/file" in machine.root_listing()
        assert sandbox(machine).restore()[0].grade == "ok"
        assert machine.root_listing() == root


def test_a_busy_writer_is_copied_again_and_never_disturbed(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path) as machine:
        machine.fill()
        root = machine.root_listing()
        script = "i=0; while :; do i=$((i+1)); echo $i >> /application/log || echo bad >> /run/bad; done"
        machine.run("sh", "-c", f"setsid sh -c '{script}' >/dev/null 2>&1 </dev/null & echo $! > /run/writer")
        facts = sandbox(machine).merge(("/application",), "job-1")
        assert any("log" in name for name in facts["unsteady"])
        assert sandbox(machine).restore()[0].grade == "ok"
        assert machine.run("sh", "-c", "kill $(cat /run/writer) 2>/dev/null; cat /run/bad 2>/dev/null; true") == b""
        assert machine.root_listing() == root


def test_a_root_disk_that_is_too_small_is_refused_before_anything_is_copied(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path, disks={"/application": 300}, root_size=250) as machine:
        machine.run("sh", "-c", "head -c 200000000 /dev/urandom > /application/big")
        root = machine.root_listing()
        with pytest.raises(JobError, match=r"does not fit .* short"):
            sandbox(machine).merge(("/application",), "job-1")
        assert not [name for name in machine.root_listing() if name.startswith("application/")]
        assert sandbox(machine).restore()[0].grade == "ok"
        assert machine.root_listing() == root


def test_a_root_disk_that_fills_up_meanwhile_stops_the_copy_and_all_that_copies(
    tmp_path: Path, sandbox: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = remote.script
    fill = 'note() { note_it "$@"; [ "$1" != copy ] || head -c 260000000 /dev/zero > /filler; }\n'
    lib = real("lib").replace("note() {", "note_it() {") + fill
    monkeypatch.setattr(remote, "script", lambda name: lib if name == "lib" else real(name))
    with Machine(tmp_path, disks={"/application": 200}) as machine:
        machine.run("sh", "-c", "cd /application; head -c 90000000 /dev/urandom > big; cp big two || :")
        root = machine.root_listing()
        with pytest.raises(JobError, match=r"filling up"):
            sandbox(machine).merge(("/application",), "job-1")
        working = "grep -z -l SANDHOPPER_WORK /proc/[0-9]*/environ | grep -v self; true"
        assert machine.run("sh", "-c", working) == b""
        machine.run("rm", "/filler")
        assert sandbox(machine).restore()[0].grade == "ok"
        after = machine.root_listing()
        assert {k: v for k, v in after.items() if k != "."} == {k: v for k, v in root.items() if k != "."}


def test_files_hidden_below_the_mount_wait_aside_and_come_back_with_their_inodes(tmp_path: Path, sandbox: Make) -> None:
    machine = Machine(tmp_path)
    machine.first(
        'mkdir -p "$1/application/.odd dir/x"; cd "$1/application"; echo old > hidden; ln hidden ".odd dir/second"; '
        "ln -s nowhere -- -link; mkfifo ..pipe; touch -d @7.123456789 hidden '.odd dir/x' '.odd dir'; "
        "chown 7:8 hidden; touch -d @1.5 ."
    )
    with machine:
        root, data = machine.root_listing(), machine.listing("/application")
        below = "unshare -m sh -c 'mount --make-rprivate /; umount -l /application; ls -1iRA /application'"
        inodes = machine.run("sh", "-c", below)
        look = sandbox(machine).look()
        assert look.mounts[0].hidden
        found = for_job(look, [Include("/application", "merge")], "job-1")
        assert [f.grade for f in found if f.topic == "hidden"] == ["care"]
        sandbox(machine).merge(("/application",), "job-1")
        assert copy_of(machine.root_listing(), "/application") == data
        assert sandbox(machine).restore()[0].grade == "ok"
        assert machine.root_listing() == root
        assert machine.listing("/application") == data
        assert machine.run("sh", "-c", below) == inodes


def test_another_export_is_refused_and_the_same_one_goes_on(machine: Machine, sandbox: Make) -> None:
    sandbox(machine).merge(("/application",), "job-1")
    assert sandbox(machine).look().journal == "job-1"
    with pytest.raises(JobError, match="job-1"):
        sandbox(machine).merge(("/application",), "job-2")
    first = machine.root_listing()
    sandbox(machine).merge(("/application",), "job-1")
    assert machine.root_listing() == first


def test_nothing_to_restore_is_said(machine: Machine, sandbox: Make) -> None:
    root = machine.root_listing()
    findings = sandbox(machine).restore()
    assert findings[0].grade == "ok"
    assert "Nothing was changed" in findings[0].title
    assert machine.root_listing() == root
