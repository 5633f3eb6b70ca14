"""checkup, prepare and restore as the engine sees them, on a small real machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.context import FRESH, Context, Event
from app.disk import guest
from app.job import Decision, Include, Job
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


def test_what_the_check_has_just_seen_is_not_looked_at_again(
    tmp_path: Path, context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        ctx = context(job=job_for(machine), answers=machine.answers())
        look = checkup._look
        monkeypatch.setattr(checkup, "_look", lambda ctx: looks.append(0) or look(ctx))  # type: ignore[func-returns-value]
        found = [finding.title for finding in checkup.STEP.check(ctx)]
        assert [finding["title"] for finding in checkup.STEP.run(ctx)["findings"]] == found
        assert len(looks) == 1
        checkup.STEP.run(ctx)  # once only: the next try sees the machine as it is then
        assert len(looks) == 2
        list(checkup.STEP.check(ctx))
        monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + FRESH)
        checkup.STEP.run(ctx)
        assert len(looks) == 4


def test_a_mount_that_is_not_there_stops_the_job_before_it_begins(tmp_path: Path, context: Make) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        ctx = context(job=job_for(machine, "/nowhere=merge", "/application=disk"), answers=machine.answers())
        stops = [f.title for f in checkup.STEP.check(ctx) if f.grade == "stop"]
        assert stops == [
            "/nowhere is no data disk of the sandbox.",
            "/application cannot be exported as a disk of its own from this source yet.",
        ]


@pytest.mark.parametrize("merge", [(), ("/application=merge",)], ids=["alone", "with a merge"])
def test_a_secret_is_taken_off_where_copies_cannot_be_changed(
    tmp_path: Path, context: Make, monkeypatch: pytest.MonkeyPatch, merge: tuple[str, ...]
) -> None:
    monkeypatch.setattr(guest, "why_not", lambda: ("This computer has no libguestfs.", "Install it."))
    monkeypatch.setattr(guest, "available", lambda: False)
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", "echo password x > /root/.netrc; echo data > /application/file")
        root = machine.root_listing()
        gone = (Decision("/root/.netrc", "remove"),)
        ctx = context(job=replace(job_for(machine, *merge), secrets=gone), answers=machine.answers())
        assert prepare.STEP.applies(ctx.job)
        assert restore.STEP.applies(ctx.job)
        (told,) = (f for f in checkup.STEP.check(ctx) if f.facts.get("what") == "remove")
        assert (told.grade, told.facts["where"]) == ("care", "sandbox")
        assert "put aside onto /application" in told.text
        ctx.step = "checkup"
        ctx.fact(**checkup.STEP.run(ctx))
        for _ in range(2):
            assert prepare.STEP.run(ctx)["aside"] == ["/root/.netrc"]
            assert machine.run("cat", "/root/.netrc") == b""
        facts = restore.STEP.run(ctx)
        assert facts["equal"] is True
        assert machine.root_listing() == root


def test_what_can_be_done_nowhere_stops_the_job(tmp_path: Path, context: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest, "why_not", lambda: ("This computer has no libguestfs.", "Install it"))
    monkeypatch.setattr(guest, "available", lambda: False)
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        ctx = context(job=replace(job_for(machine), clean="share"), answers=machine.answers())
        (stop,) = (f for f in checkup.STEP.check(ctx) if f.grade == "stop")
        assert "/etc/shadow" in [entry["path"] for entry in stop.facts["refused"]]
        assert "no libguestfs" in stop.text
        monkeypatch.setattr(guest, "why_not", lambda: ("", ""))
        monkeypatch.setattr(guest, "available", lambda: True)
        found = list(checkup.STEP.check(ctx))
        assert "stop" not in {f.grade for f in found}
        assert [f.facts["where"] for f in found if f.facts.get("what") == "remove"] == ["copy"]
        assert prepare.STEP.applies(ctx.job)
        ctx.step = "checkup"
        ctx.fact(**checkup.STEP.run(ctx))
        root = machine.root_listing()
        assert prepare.STEP.run(ctx).get("aside") is None
        assert machine.root_listing() == root
