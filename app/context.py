"""The one object a step may use to tell what it does, and the events it tells."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from app import host
from app.errors import Cancelled, JobError, Question
from app.job import Job
from app.journal import Journal, State
from app.secrets import Answers

TICK = 0.1  # seconds between two progress events at the most
FRESH = 60.0  # seconds that what a check saw is good for


@dataclass(frozen=True)
class Event:
    """Something that happened to a job; the same for window, terminal, JSON and log.

    *kind* is one of `planned`, `started`, `phase`, `tick`, `note`, `finding`, `retry`, `done`,
    `failed`, `cancelled`, `undone`, `finished`. *done* and *total* are bytes, unless
    `facts["unit"]` names something else. *text* is a whole sentence or empty.
    """

    job: str
    step: str
    kind: str
    done: int = 0
    total: int = 0
    text: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    at: float = field(default_factory=time.time)

    def as_json(self) -> dict[str, Any]:
        """The event as the `--json` stream shows it (empty fields are left out)."""
        return {k: v for k, v in asdict(self).items() if v or k in ("job", "kind")}


@dataclass(frozen=True)
class Finding:
    """What a check found. *grade*: `ok`, `care` (the person should know) or `stop` (cannot go on).

    *fix* names the repair of `app/fixes.py` that is made in the copy unless the person declines it; empty for none.
    """

    grade: str
    title: str
    text: str = ""
    remedy: str = ""
    topic: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    fix: str = ""


class Watch(Protocol):
    """Looks after bytes under way from inside the work that sends them (`app.transfer.watch`)."""

    def look(self) -> None:
        """Look whether all is well; called wherever the work looks whether it is cancelled. Raises what ends it."""

    def facts(self) -> dict[str, Any]:
        """How it goes, for the next `tick`."""


@dataclass
class Context:
    """The argument of every step: the job, what is known, and how to tell what happens."""

    job: Job
    folder: Path
    journal: Journal
    report: Callable[[Event], None]
    cancel: threading.Event
    answers: Answers
    step: str = ""
    phase: str = ""
    done: int = 0
    total: int = 0
    progressed: float = 0.0  # time.monotonic() of the last byte that really got through
    watch: Watch | None = None
    findings: dict[str, list[Finding]] = field(default_factory=dict)  # what was found, by step
    _told: float = 0.0
    _seen: dict[str, tuple[float, Any]] = field(default_factory=dict)

    @property
    def state(self) -> State:
        """What the journal says so far."""
        return self.journal.state

    @property
    def work(self) -> Path:
        """The folder for the big files of this job."""
        return host.private_folder(self.folder / "work")

    def begin(self, phase: str, total: int = 0, done: int = 0, **facts: Any) -> None:
        """Begin a named part of this step that has *total* bytes, of which *done* are there already."""
        self.phase, self.total, self.done, self._told = phase, total, done, 0.0
        self.tell("phase", phase, **facts)

    def advance(self, count: int = 0) -> None:
        """Say that *count* more bytes have really got through; raises `Cancelled` if asked to stop."""
        self.stop_if_cancelled()
        self.done += count
        now = time.monotonic()
        if count:
            self.progressed = now
        if now - self._told >= TICK or (count and self.done == self.total):
            self._told = now
            self.tell("tick", self.phase, **(self.watch.facts() if self.watch else {}))

    def at(self, done: int) -> None:
        """Say that *done* bytes of this part are through, however many were before."""
        self.advance(done - self.done)

    def note(self, text: str, /, **facts: Any) -> None:
        """Tell the person a sentence that is good to know."""
        self.tell("note", text, **facts)

    def found(self, finding: Finding) -> Finding:
        """Tell what a check found, and return it."""
        self.findings.setdefault(self.step, []).append(finding)
        self.tell("finding", finding.title, **asdict(finding))
        return finding

    def fact(self, **facts: Any) -> None:
        """Write facts of this step into the journal now, before the step is done."""
        self.journal.record(self.step, "fact", **facts)

    def saw(self, what: Any) -> None:
        """Keep in memory what the check of this step saw, for a run of it that follows at once."""
        self._seen[self.step] = (time.monotonic(), what)

    def seen(self) -> Any:
        """What the check of this step saw less than `FRESH` seconds ago, one time; None otherwise."""
        at, what = self._seen.pop(self.step, (0.0, None))
        return what if time.monotonic() - at < FRESH else None

    def need(self, question: Question) -> str:
        """The person's answer to *question*; raises `NeedsAnswer` when there is none yet."""
        return self.answers.need(question)

    def stop_if_cancelled(self) -> None:
        """Raise `Cancelled` if the person asked to stop, or what the watch has seen."""
        if self.cancel.is_set():
            raise Cancelled
        if self.watch:
            self.watch.look()

    def sleep(self, seconds: float) -> None:
        """Wait; raises `Cancelled` at once if the person asks to stop."""
        if self.cancel.wait(seconds):
            raise Cancelled

    def tell(self, kind: str, text: str = "", /, **facts: Any) -> None:
        """Report an event of the current step."""
        self.report(Event(self.job.id, self.step, kind, self.done, self.total, text, facts))

    @contextlib.contextmanager
    def program(self, *command: str, **kwargs: Any) -> Iterator[subprocess.Popen[bytes]]:
        """A running program; it is ended when the block is left, however that happens."""
        process = host.start(list(command), **kwargs)
        try:
            yield process
        finally:
            host.end(process)

    def ended(self, *command: str, watch: Callable[[bytes], None] | None = None) -> tuple[int, bytes, bytes]:
        """Run a program to its end: exit status, output and errors (the last MB of each); end it on cancel.

        *watch* is called some times a second with the last 200 bytes of the output, in this thread.
        """
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        out, err = bytearray(), bytearray()
        with self.program(*command, **pipes) as process:
            readers = [
                threading.Thread(target=_drain, args=pair, daemon=True)
                for pair in ((process.stdout, out), (process.stderr, err))
            ]
            for reader in readers:
                reader.start()
            while not _over(process):
                self.stop_if_cancelled()
                if watch:
                    watch(bytes(out[-200:]))
            for reader in readers:
                reader.join()
        return process.returncode, bytes(out), bytes(err)

    def run(self, *command: str, watch: Callable[[bytes], None] | None = None) -> bytes:
        """As `ended`, but returns the output and raises `JobError` with the program's last words when it fails."""
        status, out, err = self.ended(*command, watch=watch)
        if status:
            words = err.decode(errors="replace").strip()[-400:] or f"exit status {status}"
            raise JobError(f"{Path(command[0]).name} failed: {words}", "Look at the details, then try again.")
        return out


def _over(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended; waits a little for that, and no longer."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.05)
    return process.returncode is not None


def _drain(pipe: Any, into: bytearray) -> None:
    while piece := pipe.read1(65536):
        into += piece
        del into[:-1_000_000]
