"""What window and terminal can ask for besides an export: single acts, each in a scratch folder of its own.

Every act takes `report`, `cancel` and `answers` as `engine.run` does, may raise `NeedsAnswer`, and
leaves nothing behind but what it is for.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app import engine, host
from app.context import Context, Finding
from app.engine import Report
from app.job import Job
from app.journal import Journal
from app.secrets import Answers

if TYPE_CHECKING:
    from app.bandwidth import Line
    from app.disk.image import Info
    from app.providers import Machine
    from app.sandbox import Look


def check(job: Job, folder: Path, report: Report, cancel: threading.Event, answers: Answers) -> list[Finding]:
    """As `engine.check`; a practice job's site is running meanwhile."""
    with _site_of(job, answers):
        return engine.check(job, folder, report, cancel, answers)


def run(
    job: Job,
    folder: Path,
    report: Report,
    cancel: threading.Event,
    answers: Answers,
    patience: float = engine.PATIENCE,
) -> None:
    """As `engine.run`; a practice job's site is running meanwhile."""
    with _site_of(job, answers):
        engine.run(job, folder, report, cancel, answers, patience)


def undo(job: Job, folder: Path, report: Report, cancel: threading.Event, answers: Answers) -> None:
    """As `engine.undo`; a practice job's site is running meanwhile."""
    with _site_of(job, answers):
        engine.undo(job, folder, report, cancel, answers)


def practice_job() -> Job:
    """A new job for the practice site: its own sandbox, cloud and upload server, all on this computer."""
    from app.practice.site import practice_job as made

    return made()


def look_at_sandbox(url: str, report: Report, cancel: threading.Event, answers: Answers) -> Look:
    """Look at the running machine `ssh://user@host`: system, mounts, space, findings. Changes nothing."""
    from app.sandbox import Sandbox

    with scratch(report, cancel, answers) as ctx, contextlib.closing(Sandbox(url, ctx)) as sandbox:
        return sandbox.look()


def restore_sandbox(url: str, report: Report, cancel: threading.Event, answers: Answers) -> list[Finding]:
    """Put a sandbox back as it was, from any computer, told by the journal on the sandbox itself."""
    from app.sandbox import Sandbox

    with scratch(report, cancel, answers) as ctx, contextlib.closing(Sandbox(url, ctx)) as sandbox:
        return [ctx.found(finding) for finding in sandbox.restore()]


def probe_line(url: str, report: Report, cancel: threading.Event, answers: Answers) -> Line:
    """Measure the line to an upload place with the real account, and find out what the place can do."""
    from app.bandwidth import probe
    from app.stores import open_store

    with scratch(report, cancel, answers) as ctx, contextlib.closing(open_store(url, ctx)) as store:
        return probe(store, ctx)


def machines(cloud: str, report: Report, cancel: threading.Event, answers: Answers) -> Sequence[Machine]:
    """The machines that a cloud of clouds.yaml shows."""
    from app.providers import open_provider

    with scratch(report, cancel, answers) as ctx:
        return open_provider(f"openstack://{cloud}/", ctx).machines()


def disk_info(file: Path, report: Report, cancel: threading.Event, answers: Answers) -> Info:
    """What a disk image file is: format by content, virtual size, backing chain."""
    from app.disk.image import inspect

    with scratch(report, cancel, answers) as ctx:
        return inspect(file, ctx)


@contextlib.contextmanager
def scratch(report: Report, cancel: threading.Event, answers: Answers, job: Job | None = None) -> Iterator[Context]:
    """A context in a folder that is gone afterwards, for acts that belong to no export."""
    home = host.private_folder(host.data_home() / "scratch")
    with tempfile.TemporaryDirectory(dir=home, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with contextlib.closing(Journal(folder / "journal.jsonl")) as journal:
            yield Context(job or Job("", "", id="act"), folder, journal, report, cancel, answers)


@contextlib.contextmanager
def _site_of(job: Job, answers: Answers) -> Iterator[None]:
    if not job.practice:
        yield
        return
    from app.practice.site import Site

    with Site() as site:
        for about, value in site.answers().items():
            answers.give(about, value)
        yield
