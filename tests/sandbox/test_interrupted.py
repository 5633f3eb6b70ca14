"""Kill anything at any moment of merge and restore: restore still ends in the original state."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import JobError, Transient
from app.sandbox import Sandbox, remote
from tests.sandbox.machine import Machine
from tests.servers import until

Make = Callable[..., Sandbox]
pytestmark = pytest.mark.root
MOUNTS = ("/application",)
LINES = range(1, 14)  # journal lines of a whole merge and restore
STATE = "/var/lib/sandhopper/job-1"


@contextlib.contextmanager
def killed_at(line: int, *, before: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever writes journal line *line* is killed with all its children, just before or after it is on the disk."""
    real, act = remote.script, "kill -9 $(ours merge) $(ours restore) $$ 2>/dev/null"
    test = f'[ "$(grep -c . "$STATE/journal" 2>/dev/null || true)" != {line - 1 if before else line} ] || {act}'
    inner = real("lib").replace("note() {", "note_it() {")
    hook = f'note() {{ {test if before else ""}\nnote_it "$@"\n{test if not before else ""}\n}}\n'
    with monkeypatch.context() as patch:
        patch.setattr(remote, "script", lambda name: inner + hook if name == "lib" else real(name))
        yield


def settle(sandbox: Sandbox) -> None:
    """Restore until it has been done, as the engine and the person would."""
    for _ in range(4):
        with contextlib.suppress(Transient):
            findings = sandbox.restore()
            assert {f.grade for f in findings} == {"ok"}, findings
            return
    raise AssertionError("it never ended")


@pytest.mark.parametrize("part", [0, 1, 2])
def test_killed_at_any_journal_line(tmp_path: Path, sandbox: Make, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", "cd /application; mkdir a; echo 1 > a/f; ln a/f g; ln -s f h; cp /usr/bin/find big")
        root, data = machine.root_listing(), machine.listing("/application")
        for line in LINES[part::3]:
            with killed_at(line, before=line % 2 == 0, monkeypatch=monkeypatch), contextlib.suppress(JobError):
                sandbox(machine).merge(MOUNTS, "job-1")
                sandbox(machine).restore()
            settle(sandbox(machine))
            assert machine.root_listing() == root, f"line {line}"
            assert machine.listing("/application") == data
            assert machine.run("sh", "-c", "grep -c sandhopper /proc/1/mountinfo || true") == b"0\n"


def kill_all(machine: Machine) -> None:
    """Every process of the machine but its init and its listening sshd."""
    machine.run(
        "sh", "-c", "for p in $(ps -eo pid=); do [ $p -lt 5 ] || [ $p = $$ ] || kill -9 $p 2>/dev/null; done; true"
    )


def plug(machine: Machine) -> None:
    """Pull the plug and start again."""
    machine.power_off()
    machine.start()


def settled(listing: dict[str, Any]) -> dict[str, Any]:
    """A root listing without the time of `/` itself, which a start changes."""
    return {name: fact for name, fact in listing.items() if name != "."}


@pytest.mark.parametrize("how", [kill_all, plug])
def test_killed_at_any_moment(tmp_path: Path, sandbox: Make, how: Callable[[Machine], None]) -> None:
    dice = random.Random(20)
    with Machine(tmp_path) as machine:
        machine.fill()
        root, data = settled(machine.root_listing()), machine.listing("/application")
        for _ in range(4):
            line = threading.Thread(target=quietly, args=(sandbox(machine), dice.random() < 0.4), daemon=True)
            line.start()
            time.sleep(dice.uniform(0.2, 2.0))
            how(machine)
            line.join(30)
            assert not line.is_alive()
            for _ in range(3):
                with contextlib.suppress(Transient):
                    assert not any(f.grade == "stop" for f in sandbox(machine).restore())
                    break
            assert settled(machine.root_listing()) == root
            assert machine.listing("/application") == data


def quietly(sandbox: Sandbox, back: bool) -> None:
    """Merge (and restore); what is cut off is no news here."""
    with contextlib.suppress(JobError):
        sandbox.merge(MOUNTS, "job-1")
        if back:
            sandbox.restore()


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
    line.join(30)
    assert isinstance(errors[0], Transient)
    sandbox(machine).merge(MOUNTS, "job-1")
    journal = machine.run("cat", f"{STATE}/journal").decode().splitlines()
    assert journal.count("copy m01") == journal.count("done") == 1
    assert sandbox(machine).restore()[0].grade == "ok"


MERGE = """
import sys, threading
from pathlib import Path
from app.context import Context
from app.job import Job
from app.journal import Journal
from app.sandbox import Sandbox
from app.secrets import Answers
url, about, answer, folder = sys.argv[1:]
ctx = Context(Job("", "", id="x"), Path(folder), Journal(Path(folder) / "j"), print, threading.Event(),
              Answers({about: answer}, use_keyring=False))
Sandbox(url, ctx).merge(("/application",), "job-1")
"""


def test_our_program_killed_and_another_computer_restores(
    machine: Machine, sandbox: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = machine.root_listing()
    (about, answer), *_ = machine.answers().items()
    ours = subprocess.Popen([sys.executable, "-c", MERGE, machine.url(), about, answer, str(tmp_path)])
    until(lambda: b"copy" in machine.run("cat", f"{STATE}/journal", check=False))
    ours.send_signal(signal.SIGKILL)
    ours.wait()
    monkeypatch.setenv("SANDHOPPER_HOME", str(tmp_path / "another computer"))
    assert sandbox(machine).restore()[0].grade == "ok"
    assert machine.root_listing() == root


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
