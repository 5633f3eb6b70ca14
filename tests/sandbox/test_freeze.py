"""Freezing the system disk of a small real machine: it is silent, and it thaws whatever is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.errors import JobError
from app.sandbox import Sandbox, freeze
from app.sandbox.look import Seen
from tests.sandbox.machine import Machine
from tests.servers import until

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]
Make = Callable[..., Sandbox]
PROBE = """
import os, sys, time
worst, last, end = 0.0, time.monotonic(), time.monotonic() + 60
while time.monotonic() < end and not os.path.exists("/run/enough"):
    with open(sys.argv[1] + "/probe", "w") as file:
        file.write("x"); file.flush(); os.fsync(file.fileno())
    now = time.monotonic(); worst = max(worst, now - last); last = now
    time.sleep(0.02)
print(worst)
"""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Machine]:
    with Machine(tmp_path, disks={"/application": 40}, root_size=60) as made:
        try:
            yield made
        finally:
            thawed_by_force(made)


def inside(box: Machine, command: str) -> subprocess.CompletedProcess[str]:
    """A shell command in the machine; FIFREEZE is never sent to this computer's own disk."""
    assert Path(f"/proc/{box.init}/root/.").stat().st_dev != Path("/").stat().st_dev
    enter = ["nsenter", "-t", str(box.init), "-m", "-p", "-r", "-w", "sh", "-c", command]
    return subprocess.run(enter, capture_output=True, text=True, timeout=60, check=False)


def thawed_by_force(box: Machine) -> None:
    inside(box, "fsfreeze -u /")


def is_frozen(box: Machine) -> bool:
    """Asked by freezing it: EBUSY when it is frozen; otherwise it is thawed again at once."""
    done = inside(box, "fsfreeze -f / && fsfreeze -u /")
    return "busy" in done.stderr


def probe(box: Machine, folder: str) -> subprocess.Popen[str]:
    """Writes there all the time until /run/enough is there; says the longest pause then."""
    enter = ["nsenter", "-t", str(box.init), "-m", "-p", "-r", "-w", "python3", "-", folder]
    started = subprocess.Popen(enter, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert started.stdin
    started.stdin.write(PROBE)
    started.stdin.close()
    started.stdin = None
    return started


def watchers(box: Machine) -> list[int]:
    """The processes in the machine that hold the freeze's files or sleep for it, as this computer numbers them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            same = (entry / "ns/mnt").readlink() == Path(f"/proc/{box.init}/ns/mnt").readlink()
            words = (entry / "cmdline").read_bytes()
            if same and (b"sandhopper-freeze" in words or b"fsfreeze -u" in words or b"PLACES" in words):
                found.append(int(entry.name))
    return sorted(found)


def test_it_is_silent_and_comes_back(box: Machine, sandbox: Make) -> None:
    before = box.root_listing()
    busy, system = probe(box, "/application"), probe(box, "/home")
    until(lambda: inside(box, "[ -s /application/probe ] && [ -s /home/probe ]").returncode == 0)
    with sandbox(box).freeze(20, even_so=True) as frozen:  # the probe itself is a program that writes there
        assert is_frozen(box)
        time.sleep(1.5)
        silence = frozen.thaw()
    assert not is_frozen(box)
    assert silence.proven
    assert 1.5 <= silence.seconds < 20
    box.run("touch", "/run/enough")
    pause = float(system.communicate(timeout=30)[0])
    assert pause >= 1.4  # it really was silent there
    assert float(busy.communicate(timeout=30)[0]) < pause  # and not there
    box.run("rm", "-f", "/home/probe")
    after = box.root_listing()
    assert {k: v for k, v in after.items() if k != "home"} == {k: v for k, v in before.items() if k != "home"}
    until(lambda: not watchers(box))


def test_it_ends_by_itself_when_nobody_says_so(box: Machine, sandbox: Make) -> None:
    with sandbox(box).freeze(1) as frozen:
        until(lambda: not is_frozen(box), 20)
        time.sleep(1)
        silence = frozen.thaw()
    assert 0.3 <= silence.seconds < 10
    assert silence.proven


@pytest.mark.parametrize("what", ["shell", "sshd", "everything but one watcher", "line"])
def test_whoever_is_killed_it_thaws(box: Machine, sandbox: Make, what: str) -> None:
    made = sandbox(box)
    with made.freeze(4):
        assert is_frozen(box)
        alive = watchers(box)
        assert len(alive) >= 3
        if what == "line":
            made._ssh.close()
        elif what == "sshd":
            box.run("sh", "-c", "for p in /proc/[0-9]*; do read -r c < $p/comm; p=${p#/proc/}; "
                    "[ $p = 1 ] || case $c in sshd*) kill -9 $p;; esac; done")  # fmt: skip
        else:
            shells = [p for p in alive if b"PLACES" in Path(f"/proc/{p}/cmdline").read_bytes()]
            first = [p for p in alive if b"sandhopper-freeze/thawed" in Path(f"/proc/{p}/cmdline").read_bytes()]
            for process in (first if what.startswith("everything") else []) + shells:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        until(lambda: not is_frozen(box), 30)
    assert inside(box, "echo x > /home/file && sync -f /").returncode == 0


def test_somebody_else_s_freeze_is_left_alone(box: Machine, sandbox: Make) -> None:
    made = sandbox(box)
    made.look()
    assert inside(box, "fsfreeze -f /").returncode == 0
    with pytest.raises(JobError, match="frozen already"), made.freeze(2):
        pass
    time.sleep(3)
    assert is_frozen(box)
    thawed_by_force(box)
    with made.freeze(2):
        assert is_frozen(box)
    assert not is_frozen(box)


@pytest.mark.parametrize(
    ("hide", "match"),
    [(("perl", "python3"), ""), (("fsfreeze",), ""), (("perl",), ""), (("fsfreeze", "perl", "python3"), "no program")],
)
def test_with_the_tools_that_are_there(tmp_path: Path, sandbox: Make, hide: tuple[str, ...], match: str) -> None:
    with Machine(tmp_path, disks={"/application": 40}, root_size=60, hide=hide) as box:
        if match:
            with pytest.raises(JobError, match=match), sandbox(box).freeze(2):
                pass
            return
        with sandbox(box).freeze(20) as frozen:
            stuck = subprocess.Popen(
                ["nsenter", "-t", str(box.init), "-m", "-p", "-r", "-w", "sh", "-c", "echo > /home/x"]
            )
            time.sleep(0.7)
            assert stuck.poll() is None
            silence = frozen.thaw()
        assert stuck.wait(20) == 0
        assert silence.proven


def test_a_program_with_its_work_on_the_system_disk_is_named(box: Machine, sandbox: Make) -> None:
    hold = ["nsenter", "-t", str(box.init), "-m", "-p", "-r", "-w", "sh", "-c", "exec 9> /home/database; exec sleep 60"]
    keeper = subprocess.Popen(hold)
    try:
        until(lambda: "sleep" in inside(box, "cat /proc/[0-9]*/comm").stdout)
        with pytest.raises(JobError, match="would pause: sleep"):
            sandbox(box).freeze(5)
        with sandbox(box).freeze(1):
            pass
        with sandbox(box).freeze(5, even_so=True):
            pass
    finally:
        keeper.kill()
        keeper.wait()


def seen(mountinfo: str, disks: str) -> Seen:
    return Seen({"mountinfo": mountinfo.encode(), "disks": disks.encode()})


def test_only_the_system_s_own_file_systems_are_frozen() -> None:
    info = (
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 / /boot rw - ext4 /dev/sda2 rw\n"
        "3 1 8:3 / /var rw - xfs /dev/sda3 rw\n"
        "4 1 8:4 / /application rw - ext4 /dev/sda4 rw\n5 1 8:17 / /opt rw - ext4 /dev/sdb1 rw\n"
        "6 1 8:5 / /usr ro - ext4 /dev/sda5 ro\n7 1 8:1 /x /tmp rw - ext4 /dev/sda1 rw\n"
    )
    disks = "".join(f"8:{n} sda\n" for n in range(1, 6)) + "8:17 sdb\n"
    assert freeze.places(seen(info, disks)) == ["/boot", "/var", "/"]
    for kind in ("btrfs", "overlay", "nfs4", "zfs"):
        with pytest.raises(JobError, match=f"kind {kind}"):
            freeze.places(seen(f"1 0 8:1 / / rw - {kind} /dev/sda1 rw\n", ""))
    with pytest.raises(JobError, match="read-only"):
        freeze.places(seen("1 0 8:1 / / ro - ext4 /dev/sda1 ro\n", ""))


def test_logs_are_no_reason_to_refuse() -> None:
    told = b"journald\t/var/log/journal/x\nmysqld\t/var/lib/mysql/ibdata1\npostgres\t/application/pg/1\nodd\n"
    assert freeze.writers(told, ["/"], ["/", "/application"]) == ["mysqld"]
