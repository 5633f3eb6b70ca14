"""Seeded moments of merge and restore × all that can be killed; then restore, killed once more half of the times."""

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

import pytest

from app.context import Context
from app.errors import JobError
from app.sandbox import Sandbox
from tests.ports import free_port
from tests.sandbox.machine import Machine
from tests.sandbox.near import MOUNTS, SMALL, STATE, Before, Make, near, quick
from tests.sandbox.test_interrupted import settle
from tests.servers import until, wait_for_port

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("quick")]
__all__ = ["quick"]
POINTS = 4  # of each way to be killed
AGAIN = 0.5

# Each ends processes of the machine by what they are; the machine numbers them by itself, so nothing else is met.
WORK = "for p in $(ps -eo pid=); do grep -q -a SANDHOPPER_WORK /proc/$p/environ 2>/dev/null && echo $p; done"
LEADER = f"kill -9 $(cat {STATE}/merge.pid {STATE}/restore.pid 2>/dev/null) 2>/dev/null; true"
CHILD = f"kill -9 $({WORK} | tail -n 1) 2>/dev/null; true"
SHELLS = 'kill -9 $(ps -eo pid=,args= | awk \'$2 == "sh" && $3 == "-s" { print $1 }\') 2>/dev/null; true'
SESSIONS = "kill -9 $(ps -eo pid=,args= | awk '/[s]shd(-session)?: root/ { print $1 }') 2>/dev/null; true"
LISTENER = "kill -9 $(ps -eo pid=,args= | awk '$1 > 1 && /[s]shd/ { print $1 }') 2>/dev/null; true"
EVERYTHING = "for p in $(ps -eo pid=); do [ $p -lt 5 ] || [ $p = $$ ] || kill -9 $p 2>/dev/null; done; true"


def by(command: str) -> Callable[[Machine], None]:
    def act(machine: Machine) -> None:
        machine.run("sh", "-c", command)

    return act


def plug(machine: Machine) -> None:
    """Pull the plug and start again."""
    machine.power_off()
    machine.start()


NEAR = {"the leading shell": by(LEADER), "one process": by(CHILD), "everything": by(EVERYTHING), "the power": plug}
FAR = {"the remote shell": by(SHELLS), "the session": by(SESSIONS), "sshd that listens": by(LISTENER)}


@contextlib.contextmanager
def going(act: Callable[[], object]) -> Iterator[None]:
    """*act* in a thread; what cuts it off is no news."""

    def quietly() -> None:
        with contextlib.suppress(JobError, OSError, AssertionError, IndexError):
            act()

    line = threading.Thread(target=quietly, daemon=True)
    line.start()
    yield
    line.join(60)
    assert not line.is_alive()


def whole(sandbox: Sandbox) -> None:
    sandbox.merge(MOUNTS, "job-1")
    sandbox.restore()


def begun(machine: Machine) -> bool:
    return b"begin" in machine.run("cat", f"{STATE}/journal", check=False)


def moment(machine: Machine, dice: random.Random) -> float:
    """Wait for the first sign of work, and then for a while of the work's own length."""
    until(lambda: begun(machine), 60)
    wait = dice.uniform(0, 1.6)
    time.sleep(wait)
    return wait


@pytest.mark.parametrize("how", NEAR)
def test_killed_at_any_moment(tmp_path: Path, sandbox: Make, how: str) -> None:
    dice = random.Random(how)
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", SMALL)
        was = Before(machine)
        for _ in range(POINTS):
            with going(lambda: whole(near(sandbox(machine), machine))):
                waited = moment(machine, dice)
                NEAR[how](machine)
            if again := dice.random() < AGAIN:
                with going(lambda: near(sandbox(machine), machine).restore()):
                    time.sleep(dice.uniform(0.1, 0.8))
                    NEAR[how](machine)
            settle(near(sandbox(machine), machine), ("ok", "care"))
            was.is_now(f"{how} after {waited:.2f} s, {again=}", started_again=how == "the power")


@pytest.mark.parametrize("how", FAR)
def test_the_way_there_is_killed_at_any_moment(
    tmp_path: Path, context: Callable[..., Context], sandbox: Make, how: str
) -> None:
    dice = random.Random(how)
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", SMALL)
        was = Before(machine)
        for _ in range(POINTS):
            port = free_port()  # an sshd that is not process 1, so that it can be killed
            machine.run("/usr/sbin/sshd", "-p", str(port), "-f", "/etc/ssh/config")
            wait_for_port(port)
            (key,) = machine.answers().values()
            url = f"ssh://root@127.0.0.1:{port}"
            far = Sandbox(url, context(answers={f"host-key ssh://127.0.0.1:{port}": key}))
            with going(lambda far=far: whole(far)):  # type: ignore[misc]
                waited = moment(machine, dice)
                FAR[how](machine)
            far.close()
            machine.run("sh", "-c", LISTENER)
            settle(near(sandbox(machine), machine))
            was.is_now(f"{how} after {waited:.2f} s")


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
Sandbox(url, ctx).merge(("/application",), "job-1")
Sandbox(url, ctx).restore()
"""


def test_our_program_killed_at_any_moment_and_another_computer_restores(tmp_path: Path, sandbox: Make) -> None:
    dice = random.Random("our program")
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", SMALL)
        was = Before(machine)
        ((about, answer),) = machine.answers().items()
        for _ in range(POINTS):
            ours = subprocess.Popen([sys.executable, "-c", PROGRAM, machine.url(), about, answer, str(tmp_path)])
            until(lambda ours=ours: ours.poll() is not None or begun(machine), 90)  # type: ignore[misc]
            time.sleep(waited := dice.uniform(0, 1.6))
            ours.send_signal(signal.SIGKILL)
            ours.wait()
            settle(near(sandbox(machine), machine))
            was.is_now(f"our program after {waited:.2f} s")
