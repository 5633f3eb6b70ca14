"""Check, run or undo a job: the loop over its steps. The only way to do so, for window and terminal alike."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from app import host
from app.context import Context, Event, Finding
from app.errors import Cancelled, JobError, Transient, Waiting, trouble
from app.job import Job, load
from app.journal import Journal, read
from app.logfile import LogFile
from app.secrets import Answers
from app.steps import Step, steps_of

FIRST_WAIT, GROWTH, LONGEST_WAIT = 5.0, 1.5, 300.0  # seconds
PATIENCE = 3600.0  # seconds without one byte of progress before giving up

Report = Callable[[Event], None]
log = logging.getLogger(__name__)


def check(job: Job, folder: Path, report: Report, cancel: threading.Event, answers: Answers) -> list[Finding]:
    """Look at everything that *job* needs and change nothing but the job's own folder.

    Returns all findings. Raises `NeedsAnswer` when a password or the like is wanted: put it into
    *answers* and call again.
    """
    with _opened(job, folder, report, cancel, answers) as ctx:
        return _preflight(ctx)


def run(
    job: Job, folder: Path, report: Report, cancel: threading.Event, answers: Answers, patience: float = PATIENCE
) -> None:
    """Do what is left of *job*. Safe to call again after any interruption.

    *patience*: seconds without one byte of progress after which a broken network is given up.
    """
    with _opened(job, folder, report, cancel, answers) as ctx, host.kept_awake():
        try:
            _stop_if_hopeless(_preflight(ctx))
            for step in steps_of(job):
                if not ctx.state.is_done(step.name):
                    _run_step(step, ctx, patience)
        except BaseException as exc:
            if not isinstance(exc, Waiting):
                _settle(ctx)
            raise
        ctx.step = ""
        ctx.tell("finished")


def undo(job: Job, folder: Path, report: Report, cancel: threading.Event, answers: Answers) -> None:
    """Take back everything that *job* did, last step first."""
    with _opened(job, folder, report, cancel, answers) as ctx:
        for step in reversed(steps_of(job)):
            if ctx.state.touched(step.name):
                _undo_step(step, ctx)
        ctx.step = ""
        ctx.tell("finished")


def settle(job: Job, folder: Path, report: Report, cancel: threading.Event, answers: Answers) -> None:
    """Put back what *job* left changed on the person's machine; everything else that it did is kept."""
    with _opened(job, folder, report, cancel, answers) as ctx:
        _put_back(ctx)
        ctx.step = ""
        ctx.tell("finished")


@contextlib.contextmanager
def _opened(job: Job, folder: Path, report: Report, cancel: threading.Event, answers: Answers) -> Iterator[Context]:
    """The context of *job* in its locked folder, where the job is saved first of all."""
    host.private_folder(folder)
    with host.held(folder / "lock"), _logging_into(folder / "log.txt", answers):
        refuse_other_wishes(job, folder)
        job.save(folder / "job.json")
        with contextlib.closing(Journal(folder / "journal.jsonl")) as journal:
            ctx = Context(job, folder, journal, report, cancel, answers)
            ctx.tell("planned", steps=[step.name for step in steps_of(job)], state=dict(journal.state.steps))
            yield ctx


def refuse_other_wishes(job: Job, folder: Path) -> None:
    """`JobError` when *folder* holds another export, or this one begun with other wishes (its pace may change)."""
    file = folder / "job.json"
    if not file.exists():
        return
    kept = load(file)
    if kept.id != job.id:
        raise JobError(f"The folder {folder} belongs to another export.", "Choose an empty folder.", topic="folder")
    if replace(kept, limit=job.limit, quiet=job.quiet, until=job.until) != job and read(folder / "journal.jsonl").steps:
        raise JobError(
            f"The export {job.id} was begun with other wishes than these.",
            f"Make a new job for other wishes, or go on as it was begun: sandhopper resume {job.id}",
            means="Nothing was changed.",
            topic="folder",
        )


def _preflight(ctx: Context) -> list[Finding]:
    """What each step that is not done yet has to say beforehand."""
    found: dict[str, list[Finding]] = {}
    for step in steps_of(ctx.job):
        if not ctx.state.is_done(step.name):
            ctx.step = step.name
            ctx.stop_if_cancelled()
            for finding in step.check(ctx):
                ctx.found(finding)
            found[step.name] = ctx.findings.get(step.name, [])  # with what was found on the way, as in a login
    kept = {name: [asdict(finding) for finding in findings] for name, findings in found.items()}
    ctx.journal.record("preflight", "fact", findings={**ctx.state.of("preflight").get("findings", {}), **kept})
    return [finding for findings in found.values() for finding in findings]


def _stop_if_hopeless(findings: list[Finding]) -> None:
    stops = [f for f in findings if f.grade == "stop"]
    if stops:
        more = f" (and {len(stops) - 1} more)" if len(stops) > 1 else ""
        text = f"{stops[0].title}{more} {stops[0].text}".strip()
        raise JobError(text, stops[0].remedy, means="Nothing was changed.", topic=stops[0].topic)


def _run_step(step: Step, ctx: Context, patience: float) -> None:
    ctx.step, ctx.phase, ctx.done, ctx.total = step.name, "", 0, 0
    _mark(ctx, "started")
    try:
        facts = _with_retries(step, ctx, patience)
    except Cancelled:
        _mark(ctx, "cancelled")
        raise
    except Exception as exc:
        log.exception("%s failed", step.name)
        why = trouble(exc)
        _mark(ctx, "failed", kind=why.kind, what=ctx.answers.redact(why.what), remedy=why.remedy, means=why.means)
        raise
    _mark(ctx, "done", **facts)


def _with_retries(step: Step, ctx: Context, patience: float) -> dict[str, object]:
    """Run *step*; after each `Transient` wait longer, as long as bytes get through now and then."""
    wait, ctx.progressed = FIRST_WAIT, time.monotonic()
    while True:
        began = time.monotonic()
        try:
            return step.run(ctx)
        except Transient as exc:
            wait = FIRST_WAIT if ctx.progressed > began else min(wait * GROWTH, LONGEST_WAIT)
            pause = wait * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not cryptography
            if time.monotonic() + pause - ctx.progressed > patience:
                raise
            log.warning("%s: %s; again in %.0f s", step.name, exc, pause, exc_info=True)
            text = ctx.answers.redact(exc.message)
            ctx.journal.record(step.name, "retry", why=text)
            ctx.tell("retry", text, wait=round(pause, 1))
            ctx.sleep(pause)


def _settle(ctx: Context) -> None:
    """Put back what a step left changed on the person's machine, even though the job has stopped."""
    stopped, ctx.cancel = ctx.cancel, threading.Event()
    try:
        _put_back(ctx)
    except Exception as exc:  # the first trouble is the one to show; this one is told and kept
        log.exception("putting the sandbox back failed")
        ctx.tell("note", f"The sandbox could not be put back yet: {ctx.answers.redact(str(exc))}", grade="stop")
        ctx.journal.record(ctx.step, "unsettled", why=ctx.answers.redact(str(exc)))
    finally:
        ctx.cancel = stopped


def _put_back(ctx: Context) -> None:
    for step in reversed(steps_of(ctx.job)):
        if step.disturbs and ctx.state.touched(step.name) and not ctx.state.is_done(step.settled_by):
            _undo_step(step, ctx)


def _undo_step(step: Step, ctx: Context) -> None:
    ctx.step, ctx.phase, ctx.done, ctx.total = step.name, "", 0, 0
    step.undo(ctx)
    _mark(ctx, "undone")


def _mark(ctx: Context, event: str, /, **facts: object) -> None:
    ctx.journal.record(ctx.step, event, **facts)
    ctx.tell(event, **facts)


@contextlib.contextmanager
def _logging_into(path: Path, answers: Answers) -> Iterator[None]:
    """Copy the log of this process into the job's folder, without secrets."""
    handler = LogFile(path, answers)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
