"""The way back in odd places: another computer, an exported copy, files that somebody edited or wrote meanwhile."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest

from app.errors import JobError, Transient
from app.sandbox import remote
from tests.sandbox.machine import Machine
from tests.sandbox.near import MOUNTS, STATE, Make
from tests.sandbox.near import after_a_start as settled
from tests.sandbox.test_interrupted import settle
from tests.sandbox.test_interrupted_moments import plug
from tests.servers import until

pytestmark = pytest.mark.root


def test_a_dropped_line_neither_ends_nor_doubles_the_work(
    machine: Machine, sandbox: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, slow = remote.script, 'note() { note_it "$@"; [ "$1" != copy ] || sleep 3; }\n'
    lib = real("lib").replace("note() {", "note_it() {") + slow
    monkeypatch.setattr(remote, "script", lambda name: lib if name == "lib" else real(name))
    errors: list[BaseException] = []

    def go() -> None:
        try:
            sandbox(machine).merge(MOUNTS, "job-1")
        except JobError as exc:
            errors.append(exc)

    line = threading.Thread(target=go)
    line.start()
    until(lambda: b"copy" in machine.run("cat", f"{STATE}/journal", check=False))
    machine.run("sh", "-c", "kill -9 $(ps -eo pid=,args= | awk '/[s]shd: root@/ { print $1 }')")
    line.join(60)
    assert not line.is_alive()
    assert [type(error) for error in errors] in ([Transient], [])  # none: cut between two looks, and logged in anew
    sandbox(machine).merge(MOUNTS, "job-1")
    journal = machine.run("cat", f"{STATE}/journal").decode().splitlines()
    assert journal.count("copy m01") == journal.count("done") == 1
    assert sandbox(machine).restore()[0].grade == "ok"


def test_restarted_while_fstab_is_changed_what_was_written_then_is_kept(machine: Machine, sandbox: Make) -> None:
    root, data = settled(machine.root_listing()), machine.listing("/application")
    sandbox(machine).merge(MOUNTS, "job-1")
    plug(machine)
    machine.run("sh", "-c", "echo new > /application/new; echo changed >> /application/src/pkg1/mod1.py")
    findings = sandbox(machine).restore()
    assert [f.grade for f in findings] == ["care"] * 3
    assert machine.listing("/application") == data
    after = settled(machine.root_listing())
    kept = {name for name in after if name.startswith("application.sandhopper-job-1")}
    assert {"application.sandhopper-job-1/./new", "application.sandhopper-job-1/new"} & kept
    assert {name: fact for name, fact in after.items() if name not in kept} == root


def test_the_exported_copy_is_never_emptied(machine: Machine, sandbox: Make) -> None:
    sandbox(machine).merge(MOUNTS, "job-1")
    machine.power_off()
    (machine.place / "d0.data").unlink()
    machine.start()
    copy, root = machine.listing("/application"), machine.root_listing()
    for _ in range(2):
        with pytest.raises(JobError, match="not attached"):
            sandbox(machine).restore()
    assert machine.listing("/application") == copy
    assert {k: v for k, v in machine.root_listing().items() if "sandhopper" not in k} == {
        k: v for k, v in root.items() if "sandhopper" not in k
    }


def test_fstab_edited_meanwhile_keeps_the_edit(machine: Machine, sandbox: Make) -> None:
    table = machine.run("cat", "/etc/fstab")
    sandbox(machine).merge(MOUNTS, "job-1")
    machine.run("sh", "-c", "echo '# mine' >> /etc/fstab")
    findings = sandbox(machine).restore()
    assert findings[0].grade == "care"
    assert "changed by somebody else" in findings[0].text
    assert machine.run("cat", "/etc/fstab") == table + b"# mine\n"


def test_a_shared_bind_mount_never_leads_to_the_real_data(tmp_path: Path, sandbox: Make) -> None:
    """The trap of the rig: `mount --bind / R` is shared, and cleaning R/application empties the data disk."""
    with Machine(tmp_path, hide=("unshare",)) as machine:
        machine.fill()
        machine.run("mount", "--make-rshared", "/")
        data = machine.listing("/application")
        sandbox(machine).merge(MOUNTS, "job-1")
        machine.run("sh", "-c", f"mkdir -p {STATE}/view; mount --bind / {STATE}/view")
        machine.run("sh", "-c", f"mount --bind /application {STATE}/view/application")
        with contextlib.suppress(JobError):
            sandbox(machine).restore()
        assert machine.listing("/application") == data
        machine.run("sh", "-c", f"umount {STATE}/view/application; umount {STATE}/view; true")
        settle(sandbox(machine))
        assert machine.listing("/application") == data
