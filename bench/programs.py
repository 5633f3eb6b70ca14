"""The programs that are measured: what is started for one upload, and what one run of it cost."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE = 3600.0  # seconds


@dataclass(frozen=True)
class Goal:
    """Where an upload goes: the server's *host*, *port* and *folder*, and what lets one in."""

    host: str
    port: int
    folder: Path
    url: str
    user: str = ""
    key: Path | None = None
    print: str = ""  # of the host key
    ca: Path | None = None


@dataclass
class Cost:
    """What one run took: *seconds* in all, *step* of them for sending and proving, *sending* alone; *peak* in MiB."""

    seconds: float
    cpu: float
    peak: float
    ok: bool
    step: float = 0.0
    sending: float = 0.0
    events: list[dict[str, Any]] = field(default_factory=list)
    words: str = ""


def missing(name: str) -> bool:
    """Whether a peer is not installed here."""
    return shutil.which(name) is None


def ssh_options(goal: Goal) -> list[str]:
    """What OpenSSH's clients need to log in at *goal* without asking."""
    known = ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR"]
    return ["-F", "none", "-i", str(goal.key), *known]


def sftp(file: Path, goal: Goal, *, resume: bool = False) -> list[str]:
    """OpenSSH's sftp; the order is given by a batch file beside *file*."""
    batch = file.with_name(f"{file.name}.batch")
    batch.write_text(f"{'reput' if resume else 'put'} {file} {goal.folder}/{file.name}\n")
    return ["sftp", "-q", *ssh_options(goal), "-P", str(goal.port), "-b", str(batch), f"{goal.user}@{goal.host}"]


def rclone(file: Path, goal: Goal, *, resume: bool = False) -> list[str]:
    """The program rclone as it comes; it cannot go on with an upload."""
    into = f":sftp,host={goal.host},port={goal.port},user={goal.user},key_file={goal.key}:{goal.folder}/{file.name}"
    return ["rclone", "--config", str(file.with_name("rclone.conf")), "copyto", str(file), into]


def lftp(file: Path, goal: Goal, *, resume: bool = False) -> list[str]:
    """The program lftp as it comes."""
    put = f"put {'-c ' if resume else ''}{file} -o {file.name}; exit"
    if goal.key:
        connect = f'set sftp:connect-program "ssh -a -x {" ".join(ssh_options(goal))}"'
        return ["lftp", "-c", f"{connect}; open -p {goal.port} sftp://{goal.user}:@{goal.host}{goal.folder}; {put}"]
    safe = "set ftp:ssl-force true; set ftp:ssl-allow-anonymous true; set ftp:ssl-protect-data true"
    return ["lftp", "-c", f"{safe}; set ssl:ca-file {goal.ca}; open -p {goal.port} ftp://{goal.host}; {put}"]


def curl(file: Path, goal: Goal, *, resume: bool = False) -> list[str]:
    """The program curl as it comes, for FTPS."""
    on = ["-C", "-"] if resume else []
    return [
        "curl",
        "-sS",
        "--ssl-reqd",
        "--cacert",
        str(goal.ca),
        *on,
        "-T",
        str(file),
        f"ftp://{goal.host}:{goal.port}/",
    ]


def ours(file: Path, goal: Goal, *, resume: bool = False) -> list[str]:
    """Sandhopper, as a person runs it; after an interruption it is the same command."""
    trust = ["--accept-host-key", goal.print] if goal.print else []
    return [sys.executable, "-m", "app", "--json", "--no-keyring", *trust, "upload", str(file), goal.url]


Program = Callable[..., list[str]]
PROGRAMS: dict[str, Program] = {"OpenSSH sftp": sftp, "lftp": lftp, "rclone": rclone, "curl": curl, "sandhopper": ours}


def _is_sending(event: dict[str, Any]) -> bool:
    return event.get("kind") == "phase" and str(event.get("text", "")).startswith("Sending")


class Run:
    """One started program; `wait` says what it cost."""

    def __init__(self, command: Sequence[str], home: Path, ca: Path | None = None) -> None:
        hidden = ("SSH_AUTH_SOCK", "SSL_CERT_FILE")
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        environment |= {"HOME": str(home), "SANDHOPPER_HOME": str(home / "sandhopper")}
        environment |= {"SSL_CERT_FILE": str(ca)} if ca else {}
        self.begun, self._words = time.monotonic(), home / "words"
        with self._words.open("wb") as said:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, env=environment
            )
        self.events: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            with contextlib.suppress(ValueError):
                self.events.append({**json.loads(line), "came": time.monotonic()})

    def kill(self) -> None:
        """End it as a power cut does."""
        os.kill(self.process.pid, signal.SIGKILL)

    def wait(self) -> Cost:
        """Wait for its end."""
        _, status, used = os.wait4(self.process.pid, 0)
        seconds = time.monotonic() - self.begun
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self._reader.join(5)
        done = [e for e in self.events if e.get("kind") == "done" and e.get("step") == "upload"]
        step = float(done[-1]["facts"]["seconds"]) if done else 0.0
        words, peak = self._words.read_text(errors="replace")[-300:], used.ru_maxrss / 1024
        cpu = used.ru_utime + used.ru_stime
        return Cost(seconds, cpu, peak, self.process.returncode == 0, step, self._sending(), self.events, words)

    def _sending(self) -> float:
        """Seconds from the first byte of the image to whatever follows the last one."""
        marks = [e for e in self.events if e.get("kind") != "tick"]
        spans = [b["came"] - a["came"] for a, b in itertools.pairwise(marks) if _is_sending(a)]
        return sum(spans)
