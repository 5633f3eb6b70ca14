"""Make the copy fit for its new home: on an overlay over the fetched disk, which itself is never written to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app import growing, parts
from app.cleaning import Act, acts_for
from app.context import Context, Finding
from app.disk import guest, image, overlay
from app.disk.guest.apply import Plan, apply
from app.disk.guest.bigger import OTHER_WAYS
from app.disk.guest.session import sweep
from app.errors import JobError
from app.fixes import FIXES
from app.job import Job
from app.journal import Facts
from app.sandbox import disks, growth, secrets
from app.sandbox.look import Secret
from app.sandbox.mounts import Mount
from app.steps import Plain
from app.targets import load

NAME = "adapted.qcow2"
SAFE = "Nothing was sent. The fetched disk is kept as it was."


class Adapt(Plain):
    """Traces of the merge, repairs, cleaning: each with what was there before and is there now."""

    name = "adapt"

    def applies(self, job: Job) -> bool:
        """Where a sandbox was taken, something is to be taken out or put in; not where every repair was declined."""
        repairs = job.sandbox_url and not {*FIXES} <= {*job.unfixed}
        return bool(job.grows) or (not job.practice and bool(repairs or _must_clean(job)))

    def check(self, ctx: Context) -> Iterator[Finding]:
        """Whether copies can be changed on this computer."""
        why, remedy = guest.why_not()
        if not why:
            return
        if ctx.job.grows:
            title = f"{', '.join(ctx.job.grows)} cannot be put into the copy on this computer."
            yield Finding("stop", title, why, remedy, "grow")
            return
        if _must_clean(ctx.job) and not _cleaned_there(ctx.job):
            text = (
                f"{why} Without it nothing can be taken out of the copy, and it would be given away with all it holds."
            )
            yield Finding("stop", "The copy cannot be cleaned on this computer.", text, remedy, "adapt")
            return
        text = f"{why} What the check-up offers to repair is not repaired, and the merge leaves its notes in the copy."
        yield Finding("care", "The copy cannot be repaired on this computer.", text, remedy, "adapt")

    def run(self, ctx: Context) -> Facts:
        """Make the overlay anew, change it, and say what was changed."""
        self.undo(ctx)
        _refuse_elsewhere(ctx)
        why, _ = guest.why_not()
        if why:
            return _left_alone(why, ctx)
        fetched = ctx.state.of("fetch")
        below = image.inspect(Path(fetched["path"]), ctx, expected=fetched.get("format", ""))
        if below.table == "none" and not below.filesystem:
            return _left_alone("Nothing on the disk is known here: it has no partitions and no file system.", ctx)
        return _adapted(below, ctx)

    def undo(self, ctx: Context) -> None:
        """Delete the overlay; the fetched disk stays."""
        sweep(ctx.work)
        (ctx.work / NAME).unlink(missing_ok=True)


STEP = Adapt()


def _must_clean(job: Job) -> bool:
    return job.clean == "share" or any(decision.what == "remove" for decision in job.secrets)


def _cleaned_there(job: Job) -> bool:
    """Whether single secrets are taken off the sandbox itself where copies cannot be changed; the check-up says how."""
    return job.clean == "move" and bool(job.sandbox_url)


def _all_off(ctx: Context) -> bool:
    """Whether the step prepare took off every secret that was to go."""
    off = {path for name in ("aside", "left_out") for path in ctx.state.of("prepare").get(name, ())}
    return off >= {secret.path for secret, what in secrets.plan(_secrets(ctx), ctx.job) if what == "remove"}


def _adapted(below: image.Info, ctx: Context) -> Facts:
    path = ctx.work / NAME
    size, grown = _grown(path, below, ctx)
    with guest.opened(path, ctx, write=True) as disk:
        ctx.begin("look-guest")
        system = guest.look(disk)
        changes = [] if system.why_not else apply(disk, system, plan_for(ctx), ctx)
    if system.why_not:
        path.unlink()
        return _left_alone(system.why_not, ctx, system.remedy)
    overlay.finish(path)
    put_in = {"put_in": _carriers(ctx)} if ctx.job.grows else {}
    return {**_facts(path, below, size), **put_in, "system": system.title, "changes": _told([*grown, *changes], ctx)}


def _grown(path: Path, below: image.Info, ctx: Context) -> tuple[int, list[guest.Change]]:
    """The overlay that is adapted, its bytes, and what is in it already: the data disks that were to be put in."""
    if not ctx.job.grows:
        overlay.create(path, below, ctx)
        return below.virtual_size, []
    seen = ctx.state.of("checkup")
    known = [disks.Disk.from_json(data) for data in seen.get("disks", [])]
    every = [Mount(**data) for data in seen.get("mounts", [])]
    mounts = [mount for mount in every if mount.path in ctx.job.grows]
    again = {mount.path: mount.shows for mount in every if mount.shows}
    loads = [growing.load_of(disk) for disk in known if disk.mount in ctx.job.grows]
    if left := sorted({*ctx.job.grows} - {load.mount for load in loads}):
        raise JobError(f"The disk of {left[0]} was not seen on the sandbox.", OTHER_WAYS, means=SAFE, topic="grow")
    files = [_data(parts.of(ctx.state.of("fetch"), mount), ctx) for mount in _carriers(ctx)]
    return growing.grow(path, below, growing.Wish(ctx.job.id, loads, files, growth.need(mounts), again), ctx)


def _data(fetched: Facts, ctx: Context) -> tuple[Path, str]:
    """The file of a data disk and its format; it must be the one that was fetched."""
    info = image.inspect(Path(fetched["path"]), ctx, expected=fetched.get("format", ""))
    now, stamp = info.path.stat(), fetched.get("stamp")
    if stamp and [now.st_mtime_ns, now.st_size] != stamp[:2]:
        raise JobError(
            f"{info.path.name} was changed after this export began.",
            "Switch off whatever uses that disk, and start a new export of it.",
            means=SAFE,
            topic="source-changed",
        )
    return info.path, info.format


def _carriers(ctx: Context) -> list[str]:
    """The mounts by whose names the disks were fetched that are put in."""
    known = [disks.Disk.from_json(data) for data in ctx.state.of("checkup").get("disks", [])]
    return [disk.mount for disk in disks.wanted(known, ctx.job.grows)]


def plan_for(ctx: Context) -> Plan:
    """What is wanted of the copy: repairs only for a sandbox that was looked at, cleaning for whoever asks for it."""
    job = ctx.job
    fixes = [name for name in FIXES if name not in job.unfixed] if job.sandbox_url else []
    acts: list[Act] = acts_for(job, _secrets(ctx))
    return Plan(job.id, fixes, acts, load(job.profile).bus, _along(ctx))


def _along(ctx: Context) -> dict[str, str]:
    """The mount points of disks that are exported as well, and of what else lies on them → UUID, or empty."""
    known = [disks.Disk.from_json(data) for data in ctx.state.of("checkup").get("disks", [])]
    names = {name for disk in known if disk.mount in ctx.job.own_disks for name in disk.names}
    there = [disk for disk in known if names & {*disk.names} and disk.mount not in ctx.job.merges + ctx.job.grows]
    told = {disk.mount: "" if disk.kind in disks.PARTED else disk.uuid for disk in there}
    return {**dict.fromkeys(ctx.job.own_disks, ""), **told}


def _secrets(ctx: Context) -> tuple[Secret, ...]:
    return secrets.of(ctx.state.of("checkup"))


def _refuse_elsewhere(ctx: Context) -> None:
    """Secrets on a data disk that is exported as it is are not given away."""
    gone = [secret for secret, what in secrets.plan(_secrets(ctx), ctx.job) if what == "remove"]
    if there := [secret for secret in gone if secret.mount in ctx.job.own_disks]:
        path, mount = there[0].path, there[0].mount
        raise JobError(
            f"{path} lies on the disk of {mount}, from which nothing can be taken out yet.",
            f"Merge {mount}, leave it out, delete the file on the sandbox, or keep it: --secret {path}=keep",
            means=SAFE,
            topic="adapt",
        )


def _told(changes: list[guest.Change], ctx: Context) -> list[dict[str, str]]:
    told = [change.as_json() for change in changes]
    for change in told:
        ctx.note(change["title"], grade=change["grade"])
    failed = [change for change in changes if change.grade == "care" and change.fix in ("clean", "trim")]
    if failed and _must_clean(ctx.job):
        raise JobError(
            f"The copy could not be cleaned to its end: {failed[0].title} {failed[0].before}".strip(),
            "Clean that on the sandbox itself and make a new export; or keep it, if it may be given away.",
            means=SAFE,
            topic="adapt",
        )
    return told


def _left_alone(why: str, ctx: Context, remedy: str = "") -> Facts:
    """The copy stays as it was fetched; where it had to be changed, and was not beforehand, the export ends here."""
    if ctx.job.grows:
        text = f"{', '.join(ctx.job.grows)} cannot be put into the copy. {why}"
        raise JobError(text, remedy or guest.why_not()[1] or OTHER_WAYS, means=SAFE, topic="grow")
    if _must_clean(ctx.job) and not (_cleaned_there(ctx.job) and _all_off(ctx)):
        raise JobError(
            f"The copy cannot be cleaned. {why}",
            remedy or guest.why_not()[1] or "Clean the machine itself, or export it without cleaning (“move”).",
            means=SAFE,
            topic="adapt",
        )
    ctx.note(f"The copy is left as it is. {why} {remedy}".strip(), grade="care")
    return {"changes": [], "why_not": why}


def _facts(path: Path, below: image.Info, size: int) -> dict[str, Any]:
    now, source = path.stat(), below.path.stat()
    return {
        "path": str(path),
        "format": "qcow2",
        "size": now.st_size,
        "virtual_size": size,
        "own": True,
        "stamp": [now.st_mtime_ns, now.st_size, now.st_ino],
        "below": str(below.path),
        "below_format": below.format,
        "below_stamp": [source.st_mtime_ns, source.st_size, source.st_ino],
    }
