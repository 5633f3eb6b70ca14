"""Look at the running sandbox: what it is, what it holds, what would be missing. Changes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict

from app import host, parts
from app.context import Context, Finding
from app.disk import guest
from app.job import Job
from app.journal import Facts
from app.sandbox import Look, Sandbox, growth, secret_findings
from app.sandbox.disks import wanted
from app.sandbox.findings import for_job
from app.steps import Plain
from app.targets import load
from app.units import size


class Checkup(Plain):
    """The sandbox's check-up."""

    name = "checkup"

    def applies(self, job: Job) -> bool:
        """Wherever a running machine is known."""
        return bool(job.sandbox_url)

    def check(self, ctx: Context) -> Iterator[Finding]:
        """Look, and say what stands in the way or will be missing."""
        look = _look(ctx)
        ctx.saw(look)
        yield from _all_findings(look, ctx)

    def run(self, ctx: Context) -> Facts:
        """Keep what was seen: system, data mounts, findings; what the check has only just seen is good enough."""
        look = ctx.seen() or _look(ctx)
        return {
            "os": look.os,
            "kernel": look.kernel,
            "hostname": look.hostname,
            "architecture": look.architecture,
            "mounts": [mount.as_json() for mount in look.mounts],
            "disks": [disk.as_json() for disk in look.disks if disk.mount == "/" or disk.mount in _data(look)],
            "secrets": [asdict(secret) for secret in look.secrets],
            "findings": [asdict(finding) for finding in _all_findings(look, ctx)],
        }


def _look(ctx: Context) -> Look:
    with contextlib.closing(Sandbox(ctx.job.sandbox_url, ctx)) as sandbox:
        return sandbox.look()


def _data(look: Look) -> set[str]:
    return {mount.path for mount in look.mounts}


def _all_findings(look: Look, ctx: Context) -> Iterator[Finding]:
    yield from look.findings
    yield from for_job(look, ctx.job.include, ctx.job.id, growth.here(look))
    yield from secret_findings.for_job(look, ctx.job, guest.why_not())
    if ctx.job.source.startswith("ssh:"):
        yield from _too_big_there(look, ctx)
        yield from _room_here(look, ctx)
        return
    cannot = {
        mount: (f"{mount} cannot be exported as a disk of its own from this source yet.", "own-disk")
        for mount in ctx.job.own_disks
    } | {
        mount: (f"The disk of {mount} cannot be fetched from this source, to put it into the copy.", "grow")
        for mount in ctx.job.grows
    }
    for mount, (title, topic) in cannot.items():
        text = "So far that works only where you make the snapshots yourself, on the cloud's web page."
        remedy = f"Merge {mount}, leave it out, or take the machine's address (ssh://user@host) as the source."
        yield Finding("stop", title, text, remedy, topic)


def _too_big_there(look: Look, ctx: Context) -> Iterator[Finding]:
    """Whether the target takes a system disk as big as it is made for the data that is put into it."""
    target = load(ctx.job.profile)
    wanted = growth.system_size(look, ctx.job.include)
    if target.max_size and wanted > target.max_size:
        title = f"The copy's system disk would have {size(wanted)}; {target.title} takes {size(target.max_size)}."
        yield Finding("stop", title, "", "Export the data as a disk of its own (MOUNT=disk), or put in less.", "size")


def _room_here(look: Look, ctx: Context) -> Iterator[Finding]:
    """Whether this computer has room for what is fetched and for what it is converted to, all disks together."""
    used = {mount.path: mount.used for mount in look.mounts}
    own = wanted(look.disks, ctx.job.own_disks + ctx.job.grows)
    disks = [disk for disk in look.disks if disk.mount == parts.SYSTEM] + own
    come = ctx.job.merges + ctx.job.own_disks + ctx.job.grows
    grown = growth.need(growth.of(look, ctx.job.include))  # in the overlay, besides the disk that it is read from
    most = 2 * sum(disk.size for disk in disks) + grown
    least = 2 * (look.root_used + sum(used[path] for path in come if path in used))
    least += sum(used[path] for path in ctx.job.grows if path in used)
    free = host.free_space(ctx.folder)
    if free < most:
        grade = "care"
        title = f"This computer {'has' if free < least else 'may have'} too little room for the disks."
        text = f"Fetched and converted they take {size(least)} to {size(most)}; {size(free)} are free at {ctx.folder}."
        yield Finding(grade, title, text, "Make room, or run the export in a folder on a bigger disk.", "space")


STEP = Checkup()
