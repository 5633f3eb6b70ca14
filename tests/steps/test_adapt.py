"""What the step adapt decides without opening a disk: when it applies, what it says, what it refuses."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.context import Context
from app.disk import guest
from app.errors import JobError
from app.fixes import FIXES
from app.job import Decision, Include, Job
from app.journal import State
from app.steps import adapt, image_facts

SSH = "ssh://root@127.0.0.1:9"


def job(**wishes: Any) -> Job:
    return Job("file:///x", "file:///y/", id="j1", **wishes)


@pytest.mark.parametrize(
    ("wishes", "applies"),
    [
        ({}, False),
        ({"sandbox": SSH}, True),
        ({"sandbox": SSH, "practice": True}, False),
        ({"sandbox": SSH, "unfixed": tuple(FIXES)}, False),
        ({"sandbox": SSH, "unfixed": tuple(FIXES), "clean": "share"}, True),
        ({"clean": "share"}, True),
        ({"secrets": (Decision("/a", "remove"),)}, True),
        ({"secrets": (Decision("/a", "keep"),)}, False),
    ],
)
def test_when_there_is_something_to_do(wishes: dict[str, Any], applies: bool) -> None:
    assert adapt.STEP.applies(job(**wishes)) is applies


@pytest.fixture
def nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest, "why_not", lambda: ("No libguestfs.", "Install it."))


@pytest.mark.usefixtures("nothing_here")
@pytest.mark.parametrize(
    ("wishes", "grade"),
    [({"sandbox": SSH}, "care"), ({"sandbox": SSH, "clean": "share"}, "stop"), ({"clean": "share"}, "stop")],
)
def test_without_libguestfs(context: Callable[..., Context], wishes: dict[str, Any], grade: str) -> None:
    found = list(adapt.STEP.check(context(job=job(**wishes))))
    assert [finding.grade for finding in found] == [grade]
    assert found[0].remedy == "Install it."


@pytest.mark.usefixtures("nothing_here")
def test_without_libguestfs_the_copy_goes_on_as_it_is(context: Callable[..., Context]) -> None:
    ctx = context(job=job(sandbox=SSH), facts={"fetch": {"path": "/nowhere", "format": "raw"}})
    facts = adapt.STEP.run(ctx)
    assert facts == {"changes": [], "why_not": "No libguestfs."}
    ctx.journal.record("adapt", "done", **facts)
    assert image_facts(ctx.state) == {"path": "/nowhere", "format": "raw"}


@pytest.mark.usefixtures("nothing_here")
def test_without_libguestfs_nothing_uncleaned_is_given_away(context: Callable[..., Context]) -> None:
    with pytest.raises(JobError, match="cannot be cleaned"):
        adapt.STEP.run(context(job=job(clean="share"), facts={"fetch": {"path": "/nowhere", "format": "raw"}}))


def test_a_secret_on_a_disk_of_its_own_is_not_given_away(context: Callable[..., Context], tmp_path: Path) -> None:
    wish = job(sandbox=SSH, include=(Include("/data", "disk"),), secrets=(Decision("/data/.netrc", "remove"),))
    secret = {"path": "/data/.netrc", "kind": "netrc", "owner": "0:root", "size": 3, "mount": "/data"}
    ctx = context(job=wish, facts={"checkup": {"secrets": [secret]}, "fetch": {"path": str(tmp_path), "format": "raw"}})
    with pytest.raises(JobError, match="lies on the disk of /data"):
        adapt.STEP.run(ctx)


def test_which_disks_travel_along(context: Callable[..., Context]) -> None:
    def disk(mount: str, name: str, **more: Any) -> dict[str, Any]:
        return {"mount": mount, "device": f"/dev/{name}1", "names": [name], "uuid": f"u{mount}", "kind": "ext4", **more}

    known = [disk("/data", "vdb"), disk("/beside", "vdb"), disk("/home", "vdb"), disk("/left", "vdc")]
    known += [disk("/lvm", "vdd", kind="LVM2_member")]
    parts = tuple(Include(mount, "disk") for mount in ("/data", "/lvm", "/unseen"))
    wish = job(sandbox=SSH, include=(*parts, Include("/home", "merge"), Include("/left", "leave")))
    plan = adapt.plan_for(context(job=wish, facts={"checkup": {"disks": known}}))
    assert plan.along == {"/data": "u/data", "/beside": "u/beside", "/lvm": "", "/unseen": ""}


def test_a_disk_that_holds_nothing_known_is_not_even_opened(context: Callable[..., Context], tmp_path: Path) -> None:
    disk = tmp_path / "noise.raw"
    disk.write_bytes(secrets.token_bytes(4 << 20))
    ctx = context(job=job(sandbox=SSH), facts={"fetch": {"path": str(disk), "format": "raw"}})
    facts = adapt.STEP.run(ctx)
    assert "Nothing on the disk is known" in facts["why_not"] or "libguestfs" in facts["why_not"]
    assert [*ctx.work.iterdir()] == []


def test_what_follows_reads_the_overlay_of_the_system_disk_only() -> None:
    data = {"mount": "/data", "path": "/d"}
    over = {"path": "/o", "format": "qcow2", "size": 1, "virtual_size": 2, "own": True, "stamp": [1], "below": "/f"}
    over |= {"below_format": "raw", "below_stamp": [2], "changes": []}
    state = State(
        {"fetch": "done", "adapt": "done"}, {"fetch": {"path": "/f", "sha256": "x", "disks": [data]}, "adapt": over}
    )
    facts = image_facts(state)
    assert (facts["path"], facts["below"], facts["sha256"], facts["disks"]) == ("/o", "/f", "", [data])
    state.steps["adapt"] = "started"
    assert image_facts(state)["path"] == "/f"
