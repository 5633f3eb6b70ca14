"""Starts programs that outlive us, notes who they are, and ends exactly those."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cloud.rig.ground import Ground

PATIENCE = 8.0  # seconds between asking and insisting


@dataclass(frozen=True)
class Known:
    """A process: its number, and the moment when it began, for numbers are given again (proc(5), stat, field 22)."""

    pid: int
    began: str

    @property
    def lives(self) -> bool:
        """Whether it is still that one."""
        return _stat(self.pid).get("began") == self.began

    def signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.lives:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def start(ground: Ground, name: str, command: list[str], env: dict[str, str]) -> Known:
    """Start *command* as the leader of a session of its own, with its words in log/*name*."""
    with (ground.log / name).open("ab") as words:
        pid = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True, cwd="/"
        ).pid
    known = Known(pid, _stat(pid).get("began", ""))
    (ground.run / name).write_text(json.dumps([known.pid, known.began]))
    return known


def started(ground: Ground) -> dict[str, Known]:
    """All that `start` has begun, ended or not."""
    files = sorted(f for f in ground.run.glob("*") if not f.name.startswith("."))
    return {file.name: Known(*json.loads(file.read_text())) for file in files}


def end(ground: Ground, names: Iterable[str] | None = None) -> None:
    """End what was started (or only *names*) with all in its session, and forget it."""
    chosen = {name: known for name, known in started(ground).items() if names is None or name in names}
    finish(one for known in chosen.values() for one in _session(known))
    for name in chosen:
        (ground.run / name).unlink()


def finish(processes: Iterable[Known]) -> None:
    """Ask all to end, wait, then insist."""
    left = list(processes)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for known in left:
            known.signal(number)
        deadline = time.monotonic() + PATIENCE
        while (left := [known for known in left if known.lives]) and time.monotonic() < deadline:
            for known in left:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(known.pid, os.WNOHANG)
            time.sleep(0.05)
    assert not left, f"these processes do not end: {left}"


def noted_by_others(ground: Ground, *patterns: str) -> list[Known]:
    """Processes that the services started and noted in pid files of their own, below var/."""
    found = []
    for file in (file for pattern in patterns for file in ground.var.glob(pattern)):
        with contextlib.suppress(ValueError, OSError):
            pid = int(file.read_text())
            if str(ground.var).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(Known(pid, _stat(pid)["began"]))
    return found


def _session(leader: Known) -> Iterator[Known]:
    """The processes of a session. Its number is not given again while one of them lives (credentials(7))."""
    if _stat(leader.pid) and not leader.lives:
        return
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (stat := _stat(int(folder.name))) and stat["session"] == str(leader.pid):
            yield Known(int(folder.name), stat["began"])


def _stat(pid: int) -> dict[str, str]:
    """What the kernel says of a process; nothing of one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return {}
    return {} if fields[0] in "ZX" else {"session": fields[3], "began": fields[19]}
