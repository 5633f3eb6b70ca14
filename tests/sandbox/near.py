"""A sandbox without the SSH line in between: for tests that ask its scripts hundreds of times."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.sandbox import Sandbox, remote
from app.ssh.command import Result
from tests.sandbox.machine import Machine

STATE = "/var/lib/sandhopper/job-1"
MOUNTS = ("/application",)
SMALL = (
    "cd /application; mkdir a; echo 1 > a/f; ln a/f g; ln -s f h; cp /usr/bin/env e; chown -R 1000:1000 .; chmod 2775 ."
)
# to the last block: a big write is refused while some are still free, and what is written late may give some back
FULL = (
    "cat /dev/zero >> /filler 2> /dev/null; for _i in 1 2; do "
    "dd if=/dev/zero bs=4096 oflag=append conv=notrunc of=/filler 2> /dev/null; sync; done"
)
Make = Callable[..., Sandbox]


class Near:
    """What of `app.ssh.Ssh` a Sandbox uses, by nsenter: one machine, as root."""

    where = "the small machine"

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def run(self, line: str, stdin: bytes = b"", timeout: float = 60, *, sudo: bool = False) -> Result:
        """Run *line* as root; a command that a signal ended has the status -1, as over SSH."""
        inside = ["nsenter", "-t", str(self.machine.init), "-m", "-p", "-r", "-w", "sh", "-c", line]
        done = subprocess.run(
            inside, input=stdin, capture_output=True, timeout=timeout, check=False, start_new_session=True
        )  # as sshd does: a test may kill the group
        return Result(done.returncode if done.returncode >= 0 else -1, done.stdout, done.stderr)

    def close(self) -> None:
        """Nothing is open."""


def near(sandbox: Sandbox, machine: Machine) -> Sandbox:
    """The same sandbox, asked directly; how its work is, only when there may be news of it."""
    sandbox._ssh, poll = Near(machine), sandbox._poll  # type: ignore[assignment]

    def polled(work: str, job_id: str, tenths: int) -> remote.News:
        _until_news(machine, work, job_id)
        return poll(work, job_id, tenths)

    sandbox._poll = polled  # type: ignore[method-assign]
    return sandbox


def _until_news(machine: Machine, work: str, job_id: str, seconds: float = 1.0) -> None:
    """Wait, but not for ever, until that program has ended or is not there (any more); costs the machine nothing."""
    deadline = time.monotonic() + seconds
    with contextlib.suppress(OSError, AssertionError):  # nothing there, or the machine is off
        root = Path(f"/proc/{machine.init}/root")
        state = root / f"var/lib/sandhopper/{job_id}"
        environ = root / "proc" / (state / f"{work}.pid").read_text() / "environ"
        while environ.read_bytes() and time.monotonic() < deadline:  # empty when only its exit status is left
            time.sleep(0.01)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look after detached work more often than over a line."""
    monkeypatch.setattr(remote, "FIRST_WAIT", 0.03)
    monkeypatch.setattr(remote, "LONGEST_WAIT", 0.1)
    monkeypatch.setattr(remote, "PATIENCE", 0)


def small(tmp_path: Path) -> Iterator[Machine]:
    """A machine with a handful of files."""
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", SMALL)
        yield machine


def after_a_start(listing: dict[str, Any]) -> dict[str, Any]:
    """A root listing without the time of `/` itself, which a start changes."""
    return {name: fact for name, fact in listing.items() if name != "."}


class Before:
    """How a machine was, to be compared as often as wanted."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.root, self.data = machine.listings("/application")

    def is_now(self, what: object, started_again: bool = False) -> None:
        """Everything on both disks is equal, and no mount is left; a start changes the time of `/` itself."""
        root, data = self.machine.listings("/application")
        changed = {name for name in {*root, *self.root} if root.get(name) != self.root.get(name)}
        changed -= {"."} if started_again else set()
        assert changed == set(), (what, {name: (self.root.get(name), root.get(name)) for name in sorted(changed)[:5]})
        assert data == self.data, what
        assert "sandhopper" not in self.machine.mounts(), what


def hooked(monkeypatch: pytest.MonkeyPatch, hook: str, function: str = "note") -> None:
    """Our scripts with *hook* behind the library's end; in it `note_it` is the real `note` (or other *function*)."""
    real = remote.script
    inner = real("lib").replace(f"\n{function}() {{", f"\n{function}_it() {{")

    def patched(name: str) -> str:
        return inner + hook if name == "lib" else real(name)

    monkeypatch.setattr(remote, "script", patched)
