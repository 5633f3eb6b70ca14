"""Copy the sandbox's data disks into its root disk, below their mount points, while everything there goes on."""

from __future__ import annotations

import contextlib

from app.context import Context
from app.job import Job
from app.journal import Facts
from app.sandbox import Sandbox
from app.steps import Plain


class Prepare(Plain):
    """The merge; taken back by the step restore, or by its own undo."""

    name = "prepare"
    disturbs = True
    settled_by = "restore"

    def applies(self, job: Job) -> bool:
        """Only where something is to be merged."""
        return bool(job.sandbox_url and job.merges)

    def run(self, ctx: Context) -> Facts:
        """Merge, or find the merge that runs there already."""
        with contextlib.closing(Sandbox(ctx.job.sandbox_url, ctx)) as sandbox:
            facts = sandbox.merge(ctx.job.merges, ctx.job.id)
        for what in facts["lost"]:
            ctx.note(f"The sandbox cannot copy {what}; they are missing in the copy.", grade="care")
        if facts["unsteady"]:
            names = ", ".join(facts["unsteady"][:3])
            ctx.note(f"Some files never held still while they were copied: {names}", grade="care")
        return facts

    def undo(self, ctx: Context) -> None:
        """Put the sandbox back as it was."""
        with contextlib.closing(Sandbox(ctx.job.sandbox_url, ctx)) as sandbox:
            for finding in sandbox.restore(ctx.job.id):
                ctx.found(finding)


STEP = Prepare()
