"""Look at the running sandbox: what it is, what it holds, what would be missing. Changes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict

from app.context import Context, Finding
from app.job import Job
from app.journal import Facts
from app.sandbox import Look, Sandbox, secret_findings
from app.sandbox.findings import for_job
from app.steps import Plain


class Checkup(Plain):
    """The sandbox's check-up."""

    name = "checkup"

    def applies(self, job: Job) -> bool:
        """Wherever a running machine is known."""
        return bool(job.sandbox_url)

    def check(self, ctx: Context) -> Iterator[Finding]:
        """Look, and say what stands in the way or will be missing."""
        yield from _all_findings(_look(ctx), ctx)

    def run(self, ctx: Context) -> Facts:
        """Look again and keep what was seen: system, data mounts, findings."""
        look = _look(ctx)
        return {
            "os": look.os,
            "kernel": look.kernel,
            "hostname": look.hostname,
            "mounts": [mount.as_json() for mount in look.mounts],
            "secrets": [asdict(secret) for secret in look.secrets],
            "findings": [asdict(finding) for finding in _all_findings(look, ctx)],
        }


def _look(ctx: Context) -> Look:
    with contextlib.closing(Sandbox(ctx.job.sandbox_url, ctx)) as sandbox:
        return sandbox.look()


def _all_findings(look: Look, ctx: Context) -> Iterator[Finding]:
    yield from look.findings
    yield from for_job(look, ctx.job.include, ctx.job.id)
    yield from secret_findings.for_job(look, ctx.job)


STEP = Checkup()
