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
from pathlib import Path

import pytest

from app.context import Context
from app.job import Include, Job
from app.steps import prepare, restore
from tests.guest.machine import Guest
from tests.guest.scene import let_in, listing, root_listing

pytestmark = [pytest.mark.guest, pytest.mark.timeout(1500)]
JOURNAL = "/var/lib/sandhopper/*/journal"
# what the journal says when the plug is pulled, and the most seconds (seeded) that pass from then on
MERGE_CUTS = {"begin": 0.5, "copy": 3.0, "done": 1.0}
RESTORE_CUTS = {"restore": 0.5, "empty": 1.0, "restored": 0.5}


def test_the_plug_pulled_six_times(sandbox_guest: Guest, context: Callable[..., Context]) -> None:
    guest, dice = sandbox_guest, random.Random(6)
    let_in(guest)
    guest.ssh("sync")
    data, root = listing(guest, "/application"), root_listing(guest)
    for merged, put_back in zip(MERGE_CUTS.items(), RESTORE_CUTS.items(), strict=True):
        for act, (word, longest) in ((prepare.STEP.run, merged), (restore.STEP.run, put_back)):
            with going(act, job_on(guest, context)):
                wait_for(guest, word)
                time.sleep(dice.uniform(0, longest))
                guest.power_off()
            guest.start()
        restore.STEP.run(job_on(guest, context))
        assert listing(guest, "/application") == data, (merged, put_back)
        assert root_listing(guest) == root, (merged, put_back)
        assert guest.ssh("systemctl --failed --no-legend") == b""


def test_every_sshd_killed_in_the_middle(sandbox_guest: Guest, context: Callable[..., Context]) -> None:
    guest = sandbox_guest
    let_in(guest)
    data, root = listing(guest, "/application"), root_listing(guest)
    with going(prepare.STEP.run, job_on(guest, context)):
        wait_for(guest, "copy")
        act = "sleep 1; systemctl kill -s KILL ssh; sleep 1; systemctl reset-failed ssh; systemctl start ssh"
        guest.ssh(f"systemd-run -q sh -c '{act}'")
        time.sleep(2)
    back_again(guest)
    found = restore.STEP.run(job_on(guest, context))
    assert found["equal"], found
    assert listing(guest, "/application") == data
    assert root_listing(guest) == root


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
    sandbox_guest: Guest, context: Callable[..., Context], tmp_path: Path
) -> None:
    guest = sandbox_guest
    let_in(guest)
    guest.ssh("systemd-run -q --unit=worker sleep 3000")
    data, root = listing(guest, "/application"), root_listing(guest)
    ((about, answer),) = guest.host_key().items()
    url = f"ssh://root@127.0.0.1:{guest.port}"
    ours = subprocess.Popen([sys.executable, "-c", PROGRAM, url, about, answer, str(tmp_path)])
    wait_for(guest, "copy")
    ours.kill()
    ours.wait()
    ctx = job_on(guest, context, "guest-2")
    proof = restore.STEP.run(ctx)
    assert proof["equal"], proof
    assert listing(guest, "/application") == data
    assert root_listing(guest) == root
    assert guest.ssh("systemctl is-active worker").strip() == b"active"
    guest.ssh("systemctl stop worker")


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
    guest.ssh(
        f"for i in $(seq 2000); do grep -q '^{word}' {JOURNAL} 2>/dev/null && exit; sleep 0.05; "
        "[ $i -lt 1200 ] || exit 0; done; exit 1"
    )


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
