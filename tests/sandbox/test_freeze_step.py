"""The step snapshot with a real (small) machine that is frozen while the practice cloud takes its snapshot."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.context import Context, Event
from app.errors import JobError
from app.job import Job
from app.practice.compute import SERVER
from app.steps.snapshot import STEP
from tests.practice.cloud_places import known, lay_cloud
from tests.sandbox.machine import Machine
from tests.sandbox.test_freeze import is_frozen, thawed_by_force

pytestmark = [pytest.mark.root, pytest.mark.timeout(300)]


@pytest.mark.parametrize("fate", ["active", "killed"])
def test_it_stands_still_until_the_moment_is_known(
    tmp_path: Path, context: Callable[..., Context], events: list[Event], fate: str
) -> None:
    seen = []
    with ExitStack() as stack:
        box = stack.enter_context(Machine(tmp_path, disks={"/application": 40}, root_size=60))
        stack.callback(thawed_by_force, box)
        cloud = lay_cloud(tmp_path, stack, lambda file: seen.append(is_frozen(box)) or file.write_bytes(b"disk" * 999))
        cloud.images.pace, cloud.compute.fate = 0.1, fate
        url = f"openstack://practice/server/{SERVER}"
        job = Job(url, "file:///nowhere/", id="job-1", practice=True, sandbox=box.url(), freeze=60)
        ctx = known(context(job, box.answers()))
        ctx.step = "snapshot"
        if fate == "killed":
            with pytest.raises(JobError):
                STEP.run(ctx)
        else:
            quiet = STEP.run(ctx)["quiet"]
            assert (quiet["how"], quiet["covered"], quiet["proven"]) == ("freeze", True, True)
            assert STEP.run(ctx)["quiet"] == {"how": "begun"}
        assert seen == [True]
        assert not is_frozen(box)
        assert any("stood still for" in event.text for event in events)
