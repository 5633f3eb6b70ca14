"""The step snapshot: what it looks at, what it tells, and that undo leaves nothing in the cloud."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app import host
from app.context import Context
from app.errors import JobError, Waiting
from app.job import Job
from app.practice.cloud import Cloud
from app.practice.compute import SERVER
from app.steps.snapshot import STEP, name_of
from tests.practice.cloud_places import known, lay_cloud

Make = Callable[..., Context]
URL = f"openstack://practice/server/{SERVER}"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with ExitStack() as stack:
        made = lay_cloud(tmp_path, stack, lambda file: file.write_bytes(b"disk" * 1000) and None)
        made.images.pace = 0.1
        yield made


@pytest.fixture
def ctx(context: Make, cloud: Cloud) -> Context:
    made = known(context(Job(URL, "file:///nowhere/", id="job-1", practice=True)))
    made.step = "snapshot"
    return made


@pytest.mark.parametrize(
    ("source", "applies"),
    [
        (URL, True),
        ("ssh://me@sandbox", True),
        ("openstack://practice/image/x", False),
        ("file:///x.qcow2", False),
        ("file:///server/x.qcow2", False),
    ],
)
def test_it_applies_to_machines_only(source: str, applies: bool) -> None:
    assert STEP.applies(Job(source, "file:///nowhere/", id="x")) is applies


def test_the_look_changes_nothing(ctx: Context, cloud: Cloud) -> None:
    assert [f.grade for f in STEP.check(ctx)] == ["ok"]
    assert cloud.images.all() == []


def test_a_cloud_that_was_never_tried_is_said_so(context: Make, cloud: Cloud) -> None:
    ctx = known(context(Job(URL, "file:///nowhere/", id="job-1")))
    assert any("on one computer only" in f.title for f in STEP.check(ctx))


def test_a_machine_from_a_volume_stops_beforehand(ctx: Context, cloud: Cloud) -> None:
    cloud.compute.server["image"] = ""
    (finding,) = STEP.check(ctx)
    assert (finding.grade, finding.topic) == ("stop", "volume-boot")
    assert "does not say from which volume" in finding.text


def test_a_shelved_machine_stops_beforehand(ctx: Context, cloud: Cloud) -> None:
    cloud.compute.server["status"] = "SHELVED"
    (finding,) = STEP.check(ctx)
    assert finding.grade == "stop"


def test_more_disks_and_little_room_are_told(ctx: Context, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.compute.server["os-extended-volumes:volumes_attached"] = [{"id": "v1"}, {"id": "v2"}]
    monkeypatch.setattr(host, "free_space", lambda folder: 1000)
    assert [(f.grade, f.topic) for f in STEP.check(ctx)] == [("ok", ""), ("care", "volumes"), ("care", "space")]


def test_run_twice_makes_one_snapshot_and_undo_removes_it(ctx: Context, cloud: Cloud) -> None:
    facts = STEP.run(ctx)
    assert STEP.run(ctx) == {**facts, "quiet": {"how": "begun"}}
    assert (facts["by_hand"], facts["machine"]) == (False, "practice-sandbox")
    assert [i["name"] for i in cloud.images.all()] == [name_of(ctx.job)] == ["sandhopper-job-1"]
    STEP.undo(ctx)
    STEP.undo(ctx)
    assert cloud.images.all() == []


@pytest.mark.parametrize("fate", ["killed", "error", "empty"])
def test_undo_removes_a_failed_snapshot_too(ctx: Context, cloud: Cloud, fate: str) -> None:
    cloud.compute.fate = fate
    with pytest.raises(JobError):
        STEP.run(ctx)
    STEP.undo(ctx)
    assert cloud.images.all() == []


def test_where_the_cloud_cannot_be_asked_the_person_is(context: Make) -> None:
    ctx = context(Job("ssh://me@sandbox", "file:///nowhere/", id="job-7"))
    assert [f.grade for f in STEP.check(ctx)] == ["care"]
    with pytest.raises(Waiting, match="hot snapshot of its system disk") as caught:
        STEP.run(ctx)
    assert caught.value.remedy.endswith("sandhopper resume job-7 --image FILE")
    STEP.undo(ctx)
