"""What window and terminal can ask for besides an export: single acts, each in a scratch folder of its own.

Every act takes `report`, `cancel` and `answers` as `engine.run` does, may raise `NeedsAnswer`, and
leaves nothing behind but what it is for.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from app import engine, host
from app.context import Context, Finding
from app.engine import Report
from app.errors import JobError, Usage
from app.job import Include, Job
from app.journal import Journal
from app.secrets import Answers

if TYPE_CHECKING:
    from app.bandwidth import Line
    from app.clouds.kept import Added
    from app.disk.boottest import Verdict
    from app.disk.image import Info
    from app.outlook import Plan
    from app.providers import Machine
    from app.sandbox import Look
    from app.sandbox.freeze import Silence
    from app.shelf import Export
    from app.targets import Target

T = TypeVar("T")


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


def settle(job: Job, folder: Path, report: Report, cancel: threading.Event, answers: Answers) -> None:
    """As `engine.settle`; a practice job's site is running meanwhile."""
    with _site_of(job, answers):
        engine.settle(job, folder, report, cancel, answers)


def steps(job: Job) -> list[str]:
    """The names of the steps that *job* has, in order."""
    from app.steps import steps_of

    return [step.name for step in steps_of(job)]


def practice_job() -> Job:
    """A new job for the practice site: its own sandbox, cloud and upload server, all on this computer."""
    from app.practice.site import practice_job as made

    return made()


def at_practice(
    act: Callable[[Report, threading.Event, Answers], T],
) -> Callable[[Report, threading.Event, Answers], T]:
    """*act* while the practice site is running, for acts that belong to no job."""

    def acted(report: Report, cancel: threading.Event, answers: Answers) -> T:
        with _site(answers):
            return act(report, cancel, answers)

    return acted


def begun_rehearsal() -> Export | None:
    """The newest rehearsal here that can go on; the practice site has room for one at a time."""
    from app import shelf

    fitting = (e for e in shelf.exports() if e.job.practice and not e.finished)
    return next((e for e in fitting if "undone" not in e.state.steps.values()), None)


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


def freeze_sandbox(
    url: str,
    seconds: int,
    even_so: bool,
    over: Callable[[float], bool],
    report: Report,
    cancel: threading.Event,
    answers: Answers,
) -> Silence:
    """Hold all writing to a sandbox's system disk for at most *seconds*, or until *over*(seconds left) says so.

    A cancel ends it as well. *even_so*: although programs that work there have to wait.
    """
    from app.sandbox import Sandbox

    with (
        scratch(report, cancel, answers) as ctx,
        contextlib.closing(Sandbox(url, ctx)) as sandbox,
        sandbox.freeze(seconds, even_so=even_so) as frozen,
    ):
        while (left := frozen.left) and not cancel.is_set() and not over(left):
            time.sleep(0.1)
        return frozen.thaw()


def probe_line(url: str, report: Report, cancel: threading.Event, answers: Answers) -> Line:
    """Measure the line to an upload place with the real account, and find out what the place can do."""
    from app.bandwidth import probe
    from app.stores import open_store

    with scratch(report, cancel, answers) as ctx, contextlib.closing(open_store(url, ctx)) as store:
        return probe(store, ctx)


def verdict(line: Line, plan: Plan) -> tuple[list[Finding], tuple[float, float]]:
    """Whether what is planned will get through *line*, and the seconds it takes, at best and at worst."""
    from app import bandwidth, outlook

    return outlook.findings(line, plan), bandwidth.forecast(plan.left, line, plan.throttle)


def include_findings(look: Look, include: Sequence[Include]) -> list[Finding]:
    """What taking *include* along means for a sandbox that was looked at: what fits, what will be missing."""
    from app.sandbox import growth
    from app.sandbox.findings import for_job

    return list(for_job(look, include, "(not made yet)", growth.here(look)))


def clouds() -> list[str]:
    """The names of the clouds that the clouds.yaml files of this computer know."""
    from app.clouds.files import known

    return known()


def add_clouds(
    file: Path,
    name: str,
    authority: str,
    project: str,
    report: Report,
    cancel: threading.Event,
    answers: Answers,
) -> list[Added]:
    """Keep the logins of an openrc file or a clouds.yaml, without their secrets: those go into *answers*.

    *name* is what to call it (empty: as the file does), *authority* a file of certificates to trust there (or empty),
    *project* the one to work in (empty: the file's).
    """
    from app.clouds.kept import add

    return add(file, name, authority, answers, project)


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


def disk_convert(
    file: Path, out: Path, form: str, compress: bool, report: Report, cancel: threading.Event, answers: Answers
) -> tuple[Info, str]:
    """Convert *file* to *form*, compare, and only then call it *out*; returns what it is and its SHA-256."""
    from app.disk import image

    if out.exists():
        raise JobError(f"There is a file {out} already.", "Choose another name.", means="It was not touched.")
    with scratch(report, cancel, answers) as ctx:
        made = image.convert(file, out, form, ctx, compress=compress and form == "qcow2")
        return made, image.sha256(out, ctx)


def disk_boot(
    file: Path,
    bus: str,
    firmware: str,
    seconds: float,
    picture: Path | None,
    report: Report,
    cancel: threading.Event,
    answers: Answers,
) -> Verdict:
    """Start *file* on a throw-away overlay and see whether it comes to a login; its screen goes to *picture*."""
    from app.disk import boottest, image

    with scratch(report, cancel, answers) as ctx:
        info = image.inspect(file, ctx)
        fitting = "uefi" if info.firmware == "uefi" else "bios"
        chosen = fitting if firmware == "auto" else firmware
        verdict = boottest.boot(file, info.format, ctx, bus=bus, firmware=chosen, seconds=seconds)
        if picture and verdict.screen:
            shutil.copyfile(verdict.screen, picture)
        return dataclasses.replace(verdict, screen=str(picture) if picture and verdict.screen else "")


def disk_gate(file: Path, target: Target, report: Report, cancel: threading.Event, answers: Answers) -> list[Finding]:
    """What *target* would say to *file*."""
    from app.disk import gate, image

    with scratch(report, cancel, answers) as ctx:
        return gate.check(file, image.inspect(file, ctx).format, target, ctx)


def wanted_images(export: Export) -> list[str]:
    """The mounts whose disks an export needs as files: `/` for the system disk, then its own disks."""
    from app.sandbox.given import needed

    return [disk.mount for disk in needed(export.job, export.state)]


def give_image(export: Export, file: Path, mount: str = "/") -> None:
    """Hand a snapshot that was made by hand to an export that waits for it; it is compared when the export goes on.

    Raises `Usage` when *mount* is none of `wanted_images`.
    """
    wanted = wanted_images(export)
    if mount not in wanted:
        asked = ", ".join(name for name in wanted if name != "/") or "none"
        raise Usage(f"This export needs no disk of {mount}.", f"Its own disks are: {asked}.")
    with host.held(export.folder / "lock"), contextlib.closing(Journal(export.folder / "journal.jsonl")) as journal:
        files = journal.state.of("snapshot").get("given", {})
        journal.record("snapshot", "fact", given={**files, mount: file.as_uri()})


def forget(export: Export) -> None:
    """Delete an export's files here; of a rehearsal also what it uploaded, which lies here too."""
    from app import shelf

    name = Path(str(export.state.of("convert").get("name", ""))).name
    if export.job.practice and name:
        for uploaded in (practice_image(name), practice_image(f"{name}.sha256")):
            uploaded.unlink(missing_ok=True)
    shelf.forget(export)


def practice_image(name: str) -> Path:
    """Where the practice upload server keeps the file *name* on this computer."""
    from app.practice.site import Site

    return Site().uploads / name


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
    with _site(answers) if job.practice else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def _site(answers: Answers) -> Iterator[None]:
    from app.practice.site import Site

    with Site() as site:
        for about, value in site.answers().items():
            answers.give(about, value)
        yield
