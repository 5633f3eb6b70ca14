"""Before the long upload: would the target take the image, and does it start?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app import host, parts
from app.context import Context, Finding
from app.disk import boottest, gate, image, machine
from app.errors import JobError
from app.job import Job
from app.journal import Facts
from app.steps import Plain
from app.targets import Target, load

LEAVE_OUT = "If you know that it starts elsewhere, leave the test start out (“prove”: false in the job)"


class Prove(Plain):
    """The target's own rules, and a start on a throw-away overlay with the target's disk controller."""

    name = "prove"

    def applies(self, job: Job) -> bool:
        """Left out when the person says so."""
        return job.prove

    def check(self, ctx: Context) -> Iterator[Finding]:
        """Whether this computer can start machines at all."""
        try:
            host.need_tool(machine.TOOL)
        except JobError as exc:
            yield Finding("stop", exc.message, "It starts the disk for a test.", f"{exc.remedy} {LEAVE_OUT}.", "tools")
            return
        if load(ctx.job.profile).firmware == "uefi" and not machine.find_uefi():
            text = "The target starts machines by UEFI, and this computer has no UEFI firmware to try that."
            yield Finding("stop", text, "", f"Run: sudo apt install ovmf . {LEAVE_OUT}.", "tools")

    def run(self, ctx: Context) -> Facts:
        """Ask the gate, then start the disk; raises `JobError` unless it reaches a login."""
        boottest.sweep(ctx.work)
        target = load(ctx.job.profile)
        disks = parts.each(ctx.state.of("convert"))
        for made in disks:
            _through_the_gate(made, target, ctx)
        (path, format_), *others = [(Path(made["path"]), made["format"]) for made in disks]
        firmware = gate.firmware_for(image.inspect(path, ctx), target)
        verdict = boottest.boot(path, format_, ctx, bus=target.bus, firmware=firmware, others=others)
        facts = verdict.as_json()
        if not verdict.ok:
            ctx.fact(**facts)
            raise JobError(
                f"The disk does not start as it should. {verdict.reason}",
                f"Look at the last lines of its console, and mend it on the machine it comes from. {LEAVE_OUT}.",
                means="Nothing was uploaded. The image is kept here, and the sandbox is not touched by this.",
                topic=f"boot-{verdict.verdict}",
            )
        return facts

    def undo(self, ctx: Context) -> None:
        """Remove the picture of the screen, and what a start that was killed has left."""
        boottest.sweep(ctx.work)
        (ctx.folder / boottest.PICTURE).unlink(missing_ok=True)


STEP = Prove()


def _through_the_gate(made: Facts, target: Target, ctx: Context) -> None:
    system = made["mount"] == parts.SYSTEM
    for finding in gate.check(Path(made["path"]), made["format"], target, ctx, system=system):
        ctx.found(finding)
        if finding.grade == "stop":
            raise JobError(finding.title, finding.remedy, means=finding.text, topic=finding.topic)
