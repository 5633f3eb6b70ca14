"""A hot snapshot of a real machine, fetched and proven."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.context import Context
from app.errors import Transient
from app.job import Job
from app.journal import Facts
from app.providers import Provider, open_provider
from app.steps.fetch import STEP as FETCH
from app.steps.snapshot import STEP as SNAPSHOT
from app.steps.snapshot import name_of
from tests.cloud import tiny
from tests.cloud.bare import Bare

pytestmark = pytest.mark.cloud
Make = Callable[..., Context]


def job_of(server: str, cloud: str = "one") -> Job:
    return Job(f"openstack://{cloud}/server/{server}", "file:///nowhere/", id="real-1")


@pytest.mark.parametrize("cloud", ["one", "credential"])
def test_a_running_machine_is_photographed_fetched_and_goes_on(
    cloud: str, sandbox: str, bare: Bare, context: Make, known_clouds: Path, tmp_path: Path
) -> None:
    ctx = context(job_of(sandbox, cloud))
    before = len(bare.console(sandbox))
    with bare.left_as_it_was():
        facts = done(ctx, SNAPSHOT.run(ctx))
        (image,) = bare.images(sandhopper_job="real-1")
        assert facts["image"] == f"openstack://{cloud}/image/{image['id']}"
        assert (image["name"], image["status"]) == (name_of(ctx.job), "active")
        fetched = FETCH.run(ctx)
        file = Path(fetched["path"])
        data = file.read_bytes()
        assert fetched["size"] == image["size"] == len(data)
        assert fetched["sha256"] == hashlib.sha256(data).hexdigest()
        assert image["os_hash_value"] == hashlib.sha512(data).hexdigest()
        assert fetched["virtual_size"] == 1 << 30  # of the flavor, not of the image that it was started from
        raw = as_raw(file, tmp_path)
        assert tiny.count(raw) > 0
        assert holds_noise(raw)
        assert bare.server(sandbox)["status"] == "ACTIVE"
        bare.until(lambda: len(bare.console(sandbox)) > before)
        SNAPSHOT.undo(ctx)
        assert bare.images(sandhopper_job="real-1") == []


def test_a_second_run_finds_the_snapshot_of_the_first(
    sandbox: str, bare: Bare, context: Make, known_clouds: Path
) -> None:
    ctx = context(job_of(sandbox))
    bare.idle(sandbox)
    first = SNAPSHOT.run(ctx)
    assert SNAPSHOT.run(ctx)["image"] == first["image"]
    assert len(bare.images(sandhopper_job="real-1")) == 1
    SNAPSHOT.undo(ctx)
    SNAPSHOT.undo(ctx)
    assert bare.images(sandhopper_job="real-1") == []


def test_the_moment_is_told(sandbox: str, bare: Bare, context: Make, known_clouds: Path) -> None:
    ctx = context(job_of(sandbox))
    bare.idle(sandbox)
    states: list[str] = []
    provider = opened(ctx)
    url = provider.snapshot(
        provider.machine(ctx.job.source), "moment", lambda: states.append(bare.images(name="moment")[0]["status"])
    )
    assert set(states) <= {"queued", "saving", "active"}
    assert states
    assert url == provider.find("moment")
    while not provider.remove("moment"):
        pass
    assert provider.find("moment") == ""


def test_a_machine_that_is_busy_is_tried_again_later(
    sandbox: str, bare: Bare, context: Make, known_clouds: Path
) -> None:
    ctx = context(job_of(sandbox))
    bare.idle(sandbox)
    bare.post("compute", f"/servers/{sandbox}/action", createImage={"name": "somebody else's"})
    with pytest.raises(Transient, match="something else"):
        SNAPSHOT.run(ctx)
    bare.idle(sandbox)
    for image in bare.images(name="somebody else's"):
        bare.remove_image(image["id"])


def test_the_check_finds_the_machine_and_changes_nothing(
    sandbox: str, bare: Bare, context: Make, known_clouds: Path
) -> None:
    ctx = context(job_of(sandbox))
    with bare.left_as_it_was():
        findings = list(SNAPSHOT.check(ctx))
    assert [f.grade for f in findings] == ["ok", "ok"]
    assert "“sandbox” was found" in findings[0].title


def done(ctx: Context, facts: Facts) -> Facts:
    ctx.journal.record("snapshot", "done", **facts)
    return facts


def opened(ctx: Context) -> Provider:
    return open_provider(ctx.job.source, ctx)


def as_raw(file: Path, folder: Path) -> Path:
    raw = folder / "fetched.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(file), str(raw)], check=True)
    return raw


def holds_noise(raw: Path) -> bool:
    with raw.open("rb") as file:
        file.seek(tiny.NOISE_AT)
        return file.read(len(tiny.NOISE)) == tiny.NOISE
