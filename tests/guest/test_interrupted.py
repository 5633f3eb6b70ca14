"""Real power cuts, a dead sshd and a killed program on a real Debian: restore leads back to where it was.

QEMU is ended by SIGKILL. With its default cache every write that the guest was told to be done is kept by this
computer, so what is lost here is what the guest's own kernel had not written yet: on a busy server nearly all. What a
disk may lose besides (writes that it took and had not flushed) is tried in tests/sandbox/test_power_cut.py, write by
write. One start of a guest takes a minute without KVM, so the points are few and each is another kind of moment.
"""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.context import Context
from app.job import Include, Job
from app.steps import prepare, restore
from tests.guest import offline
from tests.guest.machine import Guest
from tests.guest.scene import ROOT_DISK, let_in, strangers

pytestmark = [pytest.mark.guest, pytest.mark.timeout(1500)]
JOURNAL = "/var/lib/sandhopper/*/journal"
DATA_DISK = offline.Part(1, 0, 512 << 20, "ext4", "/application")  # scene.two_disks
RUNNING = "systemctl list-units --type=service --state=running --plain --no-legend | cut -d' ' -f1"
# started by a call or by the boot, ended by themselves
PASSING = ("user@", "session-", "systemd-timedated", "systemd-hostnamed", "systemd-fsckd")
# what is under way, what its journal says when the plug is pulled, and the most seconds (seeded) that pass from then on
CUTS = (("merge", "copy", 3.0), ("restore", "empty", 1.0), ("merge", "done", 1.0))


@dataclass(frozen=True)
class Before:
    """How the guest was: everything on both disks, and what ran."""

    disks: dict[str, Any]
    running: set[str]

    @classmethod
    def of(cls, guest: Guest) -> Before:
        """Look at it now."""
        names = guest.ssh(RUNNING).decode().split()
        assert guest.ssh("systemctl --failed --no-legend") == b""
        listed = offline.listings(guest, [ROOT_DISK, DATA_DISK])
        return cls(listed | {"/": strangers(listed["/"])}, {name for name in names if not name.startswith(PASSING)})

    def is_now(self, guest: Guest, what: object = "") -> None:
        """All of it is equal."""
        now = self.of(guest)
        for path, was in self.disks.items():
            here = now.disks[path]
            changed = sorted(name for name in {*was, *here} if was.get(name) != here.get(name))
            assert not changed, (what, path, [(name, was.get(name), here.get(name)) for name in changed[:5]])
        assert now.running == self.running, what


@pytest.fixture(scope="module")
def was(sandbox_guest: Guest) -> Before:
    """How it is before the first of these tests, and has to be after each."""
    return Before.of(sandbox_guest)


def test_the_plug_pulled_in_merge_and_in_restore(
    sandbox_guest: Guest, was: Before, context: Callable[..., Context]
) -> None:
    guest, dice = sandbox_guest, random.Random(6)
    let_in(guest)
    for what, word, longest in CUTS:
        act = prepare.STEP.run if what == "merge" else restore.STEP.run
        with going(act, job_on(guest, context)):
            wait_for(guest, word)
            time.sleep(dice.uniform(0, longest))
            guest.power_off()
        guest.start()
        if (what, word) == CUTS[0][:2]:
            continue  # the restore that follows is cut off as well
        restore.STEP.run(job_on(guest, context))
        was.is_now(guest, (what, word))


def test_every_sshd_killed_in_the_middle(sandbox_guest: Guest, was: Before, context: Callable[..., Context]) -> None:
    guest = sandbox_guest
    let_in(guest)
    with going(prepare.STEP.run, job_on(guest, context)):
        wait_for(guest, "copy")
        act = "sleep 1; systemctl kill -s KILL ssh; sleep 1; systemctl reset-failed ssh; systemctl start ssh"
        guest.ssh(f"systemd-run -q sh -c '{act}'")
        time.sleep(2)
    back_again(guest)
    found = restore.STEP.run(job_on(guest, context))
    assert found["equal"], found
    was.is_now(guest)


PROGRAM = """
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
Sandbox(url, ctx).merge(("/application",), "guest-2")
"""


def test_our_program_killed_and_services_are_proven(
    sandbox_guest: Guest, was: Before, context: Callable[..., Context], tmp_path: Path
) -> None:
    guest = sandbox_guest
    let_in(guest)
    guest.ssh("systemd-run -q --unit=worker sleep 3000")
    ((about, answer),) = guest.host_key().items()
    url = f"ssh://root@127.0.0.1:{guest.port}"
    ours = subprocess.Popen([sys.executable, "-c", PROGRAM, url, about, answer, str(tmp_path)])
    wait_for(guest, "copy")
    ours.kill()
    ours.wait()
    ctx = job_on(guest, context, "guest-2")
    proof = restore.STEP.run(ctx)
    assert proof["equal"], proof
    assert guest.ssh("systemctl is-active worker").strip() == b"active"
    guest.ssh("systemctl stop worker")
    was.is_now(guest)


@contextlib.contextmanager
def going(act: Callable[[Context], object], ctx: Context) -> Iterator[None]:
    """*act* in a thread; what cuts it off is no news."""

    def quietly() -> None:
        with contextlib.suppress(BaseException):
            act(ctx)

    line = threading.Thread(target=quietly, daemon=True)
    line.start()
    yield
    ctx.cancel.set()
    line.join(60)
    assert not line.is_alive()


def wait_for(guest: Guest, word: str) -> None:
    """Until the journal there has a line that begins with *word*, or is gone again."""
    there, gone = f"ls {JOURNAL} > /dev/null 2>&1", '[ -n "$seen" ]'
    look = f"grep -q '^{word}' {JOURNAL} 2> /dev/null && exit; if {there}; then seen=1; elif {gone}; then exit; fi"
    guest.ssh(f"for i in $(seq 2000); do {look}; sleep 0.05; done; exit 1")


def back_again(guest: Guest) -> None:
    """Until sshd lets one in again."""
    deadline = time.monotonic() + 120
    while guest.as_user("root", "echo in") != b"in\n":
        assert time.monotonic() < deadline
        time.sleep(0.5)


def job_on(guest: Guest, context: Callable[..., Context], name: str = "guest-1") -> Context:
    include = (Include("/application", "merge"),)
    sandbox = f"ssh://root@127.0.0.1:{guest.port}"
    job = Job("file:///nothing", "file:///nowhere/", id=name, sandbox=sandbox, include=include)
    return context(job=job, answers=guest.host_key())
