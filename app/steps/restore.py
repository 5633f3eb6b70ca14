"""Put the sandbox back as it was before `prepare`, and prove it."""

from __future__ import annotations

import contextlib

from app.context import Context
from app.job import Job
from app.journal import Facts
from app.sandbox import Sandbox
from app.sandbox.vault import wanted
from app.steps import Plain


class Restore(Plain):
    """The way back; told by the journal on the sandbox, so that it works from any computer."""

    name = "restore"

    def applies(self, job: Job) -> bool:
        """Wherever `prepare` does."""
        return bool(job.sandbox_url and (job.merges or wanted(job)))

    def run(self, ctx: Context) -> Facts:
        """Restore, or find that it was done."""
        with contextlib.closing(Sandbox(ctx.job.sandbox_url, ctx)) as sandbox:
            findings = [ctx.found(finding) for finding in sandbox.restore(ctx.job.id)]
        return {"proof": findings[0].title, "equal": all(finding.grade == "ok" for finding in findings)}


STEP = Restore()
