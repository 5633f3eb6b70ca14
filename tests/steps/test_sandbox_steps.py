"""checkup, prepare and restore as the engine sees them, on a small real machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.context import Context, Event
from app.job import Include, Job
from app.steps import checkup, prepare, restore
from tests.sandbox.machine import Machine

pytestmark = pytest.mark.root
Make = Callable[..., Context]


def job_for(machine: Machine, *include: str) -> Job:
    wanted = tuple(Include.parse(i) for i in include)
    return Job("file:///d.qcow2", "file:///t/", id="job-1", sandbox=machine.url(), include=wanted)


def test_a_job_without_a_sandbox_has_nothing_to_look_at() -> None:
    job = Job("file:///d.qcow2", "file:///t/", id="job-1")
    assert not checkup.STEP.applies(job)
    assert not prepare.STEP.applies(job)
    assert not restore.STEP.applies(job)


def test_the_three_steps(tmp_path: Path, context: Make, events: list[Event]) -> None:
    with Machine(tmp_path, disks={"/application": 60, "/srv": 60}) as machine:
        machine.run("sh", "-c", "echo data > /application/file")
        root = machine.root_listing()
        ctx = context(job=job_for(machine, "/application=merge"), answers=machine.answers())
        titles = [f.title for f in checkup.STEP.check(ctx)]
        assert any(title.startswith("/srv will be missing") for title in titles)
        assert prepare.STEP.applies(ctx.job)
        assert prepare.STEP.disturbs
        assert checkup.STEP.run(ctx)["mounts"][0]["path"] == "/application"
        assert prepare.STEP.run(ctx)["merged"] == ["/application"]
        assert "stop" not in {f.grade for f in checkup.STEP.check(ctx)}
        assert restore.STEP.run(ctx)["equal"] is True
        assert restore.STEP.run(ctx)["equal"] is True
        prepare.STEP.run(ctx)
        prepare.STEP.undo(ctx)
        prepare.STEP.undo(ctx)
        assert machine.root_listing() == root
        assert any(e.kind == "finding" and e.facts["grade"] == "ok" for e in events)


def test_a_mount_that_is_not_there_stops_the_job_before_it_begins(tmp_path: Path, context: Make) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        ctx = context(job=job_for(machine, "/nowhere=merge", "/application=disk"), answers=machine.answers())
        stops = [f.title for f in checkup.STEP.check(ctx) if f.grade == "stop"]
        assert stops == [
            "/nowhere is no data disk of the sandbox.",
            "/application cannot be exported as a disk of its own from this source yet.",
        ]
