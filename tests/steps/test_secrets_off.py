"""What the step adapt makes of a copy that was cleaned on the sandbox beforehand, or should have been."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.context import Context
from app.disk import guest
from app.errors import JobError
from app.job import Decision, Job
from app.steps import adapt

FOUND = [{"path": "/root/.netrc", "kind": "netrc"}, {"path": "/root/.pgpass", "kind": "database"}]
Make = Callable[..., Context]


@pytest.fixture
def context_of(context: Make, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setattr(guest, "why_not", lambda: ("This computer has no libguestfs.", "Install it."))

    def make(clean: str = "move", sandbox: str = "ssh://a@b", off: tuple[str, ...] = ()) -> Context:
        gone = tuple(Decision(entry["path"], "remove") for entry in FOUND)
        job = Job("file:///d.qcow2", "file:///t/", id="job-1", sandbox=sandbox, clean=clean, secrets=gone)
        ctx = context(job=job)
        if sandbox:
            ctx.journal.record("checkup", "done", secrets=FOUND)
        ctx.journal.record("prepare", "done", aside=[path for path in off if "net" in path],
                           left_out=[path for path in off if "net" not in path])  # fmt: skip
        return ctx

    return make


BOTH = ("/root/.netrc", "/root/.pgpass")


def test_what_was_taken_off_the_sandbox_needs_no_libguestfs(context_of: Make) -> None:
    ctx = context_of(off=BOTH)
    assert [finding.grade for finding in adapt.STEP.check(ctx)] == ["care"]
    assert adapt.STEP.run(ctx)["changes"] == []


@pytest.mark.parametrize(
    ("clean", "sandbox", "off"),
    [("move", "ssh://a@b", BOTH[:1]), ("move", "ssh://a@b", ()), ("share", "ssh://a@b", BOTH), ("move", "", BOTH)],
)
def test_a_copy_that_still_holds_one_is_never_given_away(
    context_of: Make, clean: str, sandbox: str, off: tuple[str, ...]
) -> None:
    ctx = context_of(clean, sandbox, off)
    with pytest.raises(JobError, match="cannot be cleaned"):
        adapt.STEP.run(ctx)
