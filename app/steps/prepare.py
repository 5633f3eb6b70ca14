"""Copy the sandbox's data disks into its root disk, below their mount points, while everything there goes on."""

from __future__ import annotations

import contextlib

from app.context import Context
from app.disk import guest
from app.errors import JobError
from app.job import Job
from app.journal import Facts
from app.sandbox import Mount, Sandbox
from app.sandbox.secrets import of
from app.sandbox.vault import wanted, ways
from app.steps import Plain


class Prepare(Plain):
    """The merge; taken back by the step restore, or by its own undo."""

    name = "prepare"
    disturbs = True
    settled_by = "restore"

    def applies(self, job: Job) -> bool:
        """Only where something is to be merged, or secrets may have to be taken off."""
        return bool(job.sandbox_url and (job.merges or wanted(job)))

    def run(self, ctx: Context) -> Facts:
        """Merge, or find the merge that runs there already."""
        with contextlib.closing(Sandbox(ctx.job.sandbox_url, ctx)) as sandbox:
            sandbox.secrets_back(ctx.job.id)  # of a try that was cut off: a merge must not copy them
            facts = sandbox.merge(ctx.job.merges, ctx.job.id) if ctx.job.merges else {"lost": [], "unsteady": []}
            facts |= _secrets_off(sandbox, ctx)
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


def _secrets_off(sandbox: Sandbox, ctx: Context) -> Facts:
    """Where the copy cannot be changed here: take off the sandbox what must not be in it."""
    if not wanted(ctx.job) or guest.available():
        return {}
    seen = ctx.state.of("checkup")
    mounts = [Mount(**mount) for mount in seen.get("mounts", [])]
    how = ways(of(seen), mounts, ctx.job)
    if how.refused:
        secret, why = how.refused[0]
        raise JobError(
            f"{secret.path} cannot be taken out of the copy here. {why}", guest.why_not()[1], topic="secrets"
        )
    sandbox.secrets_off(how, ctx.job.id)
    return {"aside": [secret.path for secret in how.aside], "left_out": [secret.path for secret in how.left]}


STEP = Prepare()
