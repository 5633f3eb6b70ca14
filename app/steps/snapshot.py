"""Photograph the running machine's disk in its cloud, or say how the person does it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from app import host, parts
from app.context import Finding
from app.errors import JobError, NeedsAnswer, Transient, Waiting
from app.journal import Facts
from app.providers import Machine, open_provider
from app.sandbox import Sandbox, given
from app.sandbox.disks import Disk
from app.sandbox.freeze import Frozen
from app.steps import Plain

if TYPE_CHECKING:
    from app.context import Context
    from app.job import Job

READY = ("ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED")  # Nova's API reference, createImage
GIB = 1 << 30
TRIES = 40  # looks (some two minutes) until a deleted snapshot has gone


def name_of(job: Job) -> str:
    """What the snapshot of *job* is called in the cloud."""
    return f"sandhopper-{job.id}"


class Snapshot(Plain):
    """A hot snapshot of the machine in the cloud."""

    name = "snapshot"

    def applies(self, job: Job) -> bool:
        """Jobs that begin at a machine; an image is there already."""
        parts = urlsplit(job.source)
        return parts.scheme == "ssh" or (parts.scheme == "openstack" and parts.path.startswith("/server/"))

    def check(self, ctx: Context) -> Iterator[Finding]:
        """Look for the machine, how it starts, and whether its disk has room on this computer."""
        if ctx.job.source.startswith("ssh:"):
            text = "This cloud cannot be asked from here. You will be told when and how."
            yield Finding("care", "The snapshot is made by you, on the cloud's web page.", text, topic="by-hand")
            return
        machine = open_provider(ctx.job.source, ctx).machine(ctx.job.source)
        yield from _about(machine, ctx)

    def run(self, ctx: Context) -> Facts:
        """Make or find the snapshot and wait until it is whole; what is made by hand is compared with the machine."""
        if ctx.job.source.startswith("ssh:"):
            return _by_hand(ctx)
        provider = open_provider(ctx.job.source, ctx)
        machine = provider.machine(ctx.job.source)
        with _Quiet(ctx, machine, begun=bool(provider.find(name_of(ctx.job)))) as quiet:
            url = provider.snapshot(machine, name_of(ctx.job), quiet.fixed)
        return {"image": url, "by_hand": False, "machine": machine.name, "quiet": quiet.facts}

    def undo(self, ctx: Context) -> None:
        """Delete the snapshot from the cloud; a file that the person brought is theirs and stays."""
        if ctx.job.source.startswith("ssh:"):
            return
        provider = open_provider(ctx.job.source, ctx)
        for look in range(TRIES):
            if provider.remove(name_of(ctx.job)):
                return
            ctx.sleep(min(0.2 * (look + 1), 5.0))
        raise Transient("The cloud has not removed the snapshot yet.", "It is tried again by itself.")


def _about(machine: Machine, ctx: Context) -> Iterator[Finding]:
    if machine.hindrance and "volume_made" not in ctx.state.of("snapshot"):
        remedy = "Delete volumes or snapshots that are no longer needed, or ask the cloud's help desk for more."
        title = "The volume that the machine starts from cannot be copied now."
        yield Finding("stop", title, machine.hindrance, remedy, "volume-boot")
        return
    if machine.status not in READY:
        text = f"The cloud says it is {machine.status}, and makes no snapshot in that state."
        yield Finding("stop", f"“{machine.name}” is not ready.", text, "Start it on the cloud's web page.", "machine")
        return
    yield Finding("ok", f"The machine “{machine.name}” was found.", f"It is {machine.status}.")
    if machine.boot == "volume":
        text = (
            f"A snapshot and a volume of {machine.disk} GiB are made for a while, and removed once the image is whole."
        )
        yield Finding("ok", "It starts from a volume of the cloud.", text, topic="volume-boot")
    if machine.quiesced:
        text = "Its guest agent is asked to hold all writing while the snapshot is taken."
        yield Finding("ok", "The cloud pauses the machine's writing for a moment by itself.", text, topic="freeze")
    if machine.volumes:
        text = "A snapshot holds the system disk only; merge the others' content, or copy it yourself."
        yield Finding("care", f"{machine.volumes} more disk(s) are attached to it.", text, topic="volumes")
    free = host.free_space(ctx.folder)
    if machine.disk * GIB > free:
        text = f"Its disk may be up to {machine.disk} GiB; {free // GIB} GiB are free here."
        yield Finding("care", "This computer's disk may be too full.", text, "Make room first.", "space")
    if not ctx.job.practice:
        yield Finding("ok", "This kind of cloud was tried against a real OpenStack (2022.2) on one computer only.")


class _Quiet:
    """The sandbox while its snapshot begins: everything written to its disks and, if wished for, no more writing.

    *facts*: `how` is `begun` (a snapshot that was begun before), `agent`, `freeze`, `flush` or `no`; `seconds` how long
    the system disk stood still, `covered` whether until the snapshot's moment was known.
    """

    def __init__(self, ctx: Context, machine: Machine, *, begun: bool) -> None:
        self.ctx, self._running = ctx, contextlib.ExitStack()
        self._frozen: Frozen | None = None
        self.facts: Facts = {"how": "begun" if begun else "agent" if machine.quiesced else "no"}

    def __enter__(self) -> Self:
        if self.facts["how"] == "begun" or not self.ctx.job.sandbox_url:
            return self
        if _flush(self.ctx) and self.facts["how"] == "no":
            self.facts["how"] = "flush"
        if self.ctx.job.freeze and self.facts["how"] != "agent":
            self._freeze()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._frozen:
                self.fixed(covered=False)
        finally:
            self._running.close()

    def fixed(self, *, covered: bool = True) -> None:
        """The snapshot's moment is known: let the sandbox go on."""
        if self._frozen is None:
            return
        covered = covered and self._frozen.left > 0
        silence, self._frozen = self._frozen.thaw(), None
        self.facts |= {"how": "freeze", "seconds": silence.seconds, "covered": covered, "proven": silence.proven}
        end = "" if covered else " The snapshot took longer, so it is not of one frozen moment."
        said = f"The sandbox's system disk stood still for {silence.seconds:.1f} s, and is written to again.{end}"
        self.ctx.note(said, grade="ok" if covered and silence.proven else "care")

    def _freeze(self) -> None:
        sandbox = self._running.enter_context(contextlib.closing(Sandbox(self.ctx.job.sandbox_url, self.ctx)))
        try:
            self._frozen = self._running.enter_context(sandbox.freeze(self.ctx.job.freeze))
        except (NeedsAnswer, Transient):
            raise
        except JobError as exc:
            self.ctx.note(
                f"Nothing was frozen: {exc.message} Everything was written to the disk instead.", grade="care"
            )


def _flush(ctx: Context) -> bool:
    """Have the sandbox write what it holds in memory: a snapshot without that has empty files in it."""
    try:
        with contextlib.closing(Sandbox(ctx.job.sandbox_url, ctx)) as sandbox:
            sandbox.flush()
    except NeedsAnswer:
        raise
    except JobError as exc:
        text = f"The sandbox could not be told to write everything to its disks: {exc.message}"
        ctx.note(f"{text} What was written there in the last minute may be missing.", grade="care")
        return False
    return True


def _by_hand(ctx: Context) -> Facts:
    """What the person brought (`acts.give_image` writes it into the journal), or `Waiting` for what is missing."""
    wanted = given.needed(ctx.job, ctx.state)
    files: dict[str, str] = ctx.state.of("snapshot").get("given", {})
    missing = [disk for disk in wanted if disk.mount not in files]
    if missing:
        raise _still_missing(ctx, missing, flushed=_flush(ctx))
    given.check(files, wanted, ctx)
    found = [{"mount": disk.mount, "image": files[disk.mount], "by_hand": True} for disk in wanted]
    return parts.joined(found)


def _still_missing(ctx: Context, missing: Sequence[Disk], *, flushed: bool) -> Waiting:
    options = " ".join(
        "--image FILE" if disk.mount == parts.SYSTEM else f"--disk {disk.mount}=FILE" for disk in missing
    )
    before = "" if flushed else "Run “sync” on the machine first. "
    return Waiting(
        f"Now make the snapshot: on the cloud's web page, choose your machine, and make a hot snapshot of "
        f"{_which(missing)} (called “Snapshot”, “Image” or “Save disk”). {before}Wait until the page says it has "
        f"finished, and download {'it' if len(missing) == 1 else 'each of them'} to this computer.",
        f"When {'the file is' if len(missing) == 1 else 'the files are'} here, go on with: "
        f"sandhopper resume {ctx.job.id} {options}",
        means="The sandbox stays prepared and goes on running. It is put back as it was when you go on.",
        topic="by-hand",
    )


def _which(missing: Sequence[Disk]) -> str:
    """The disks to photograph, so that the person finds them."""
    named = [
        f"{'its system disk' if disk.mount == parts.SYSTEM else f'the disk of {disk.mount}'}{_found_by(disk)}"
        for disk in missing
    ]
    if len(named) == 1 and missing[0].mount == parts.SYSTEM:
        return named[0]
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1]))) + " as close together as can be" * (
        len(named) > 1
    )


def _found_by(disk: Disk) -> str:
    return f" – {disk.words()} –" if disk.names else ""


STEP = Snapshot()
