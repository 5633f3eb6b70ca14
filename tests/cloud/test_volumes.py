"""A hot snapshot of a real machine that starts from a volume: by way of Cinder, and nothing is left of the way."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.context import Context
from app.errors import Cancelled, JobError
from app.job import Job
from app.providers import open_provider
from app.steps.fetch import STEP as FETCH
from app.steps.snapshot import STEP as SNAPSHOT
from app.steps.snapshot import name_of
from tests.cloud import tiny
from tests.cloud.bare import Bare
from tests.cloud.rig.ground import Ground

pytestmark = pytest.mark.cloud
Make = Callable[..., Context]
MOST = 60  # looks that one way may take


@pytest.fixture
def ready(on_volume: str, context: Make, known_clouds: Path) -> Context:
    """What the snapshot step is given for the machine on a volume."""
    ctx = context(Job(f"openstack://one/server/{on_volume}", "file:///nowhere/", id=f"volume-{secrets.token_hex(4)}"))
    ctx.step = "snapshot"
    return ctx


@pytest.fixture(autouse=True)
def _nothing_is_left(bare: Bare) -> Iterator[None]:
    with bare.left_as_it_was():
        before = pieces(bare)
        yield
        assert pieces(bare) == before


def pieces(bare: Bare) -> list[str]:
    """The IDs of all volumes and volume snapshots of the project."""
    return sorted(
        piece["id"] for kind in ("volumes", "snapshots") for piece in bare.get("volumev3", f"/{kind}/detail")[kind]
    )


def test_its_disk_is_photographed_fetched_and_the_machine_goes_on(
    ready: Context, on_volume: str, bare: Bare, tmp_path: Path
) -> None:
    said, before = len(bare.console(on_volume)), pieces(bare)
    assert [found.grade for found in SNAPSHOT.check(ready)] == ["ok", "ok", "ok"]
    facts = SNAPSHOT.run(ready)
    ready.journal.record("snapshot", "done", **facts)
    (image,) = bare.images(sandhopper_job=ready.job.id)
    assert (image["name"], image["status"], image["disk_format"]) == (name_of(ready.job), "active", "qcow2")
    assert pieces(bare) == before, "volume and snapshot were needed on the way only"
    ready.step = "fetch"
    fetched = FETCH.run(ready)
    assert fetched["virtual_size"] == 1 << 30
    raw = tmp_path / "fetched.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", fetched["path"], str(raw)], check=True)
    assert tiny.count(raw) > 0
    with raw.open("rb") as file:
        file.seek(tiny.NOISE_AT)
        assert file.read(len(tiny.NOISE)) == tiny.NOISE
    assert bare.server(on_volume)["status"] == "ACTIVE"
    bare.until(lambda: len(bare.console(on_volume)) > said)
    ready.step = "snapshot"
    SNAPSHOT.undo(ready)
    SNAPSHOT.undo(ready)


def test_cut_at_every_look_it_goes_on_with_what_is_there(
    ready: Context, bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, cuts = ready.sleep, 0

    def cut(seconds: float) -> None:
        real(seconds)
        raise Cancelled

    with monkeypatch.context() as patched:
        patched.setattr(ready, "sleep", cut)
        while True:
            try:
                facts = SNAPSHOT.run(ready)
            except Cancelled:
                cuts += 1
                assert cuts < MOST
            else:
                break
    assert cuts
    assert len(bare.images(sandhopper_job=ready.job.id)) == 1
    assert facts["image"].endswith(bare.images(sandhopper_job=ready.job.id)[0]["id"])
    SNAPSHOT.undo(ready)


@pytest.mark.parametrize("looks", [0, 2, 4])
def test_taken_back_in_the_middle_nothing_is_left(
    looks: int, ready: Context, bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = ready.sleep, [looks]

    def cut(seconds: float) -> None:
        real(seconds)
        left[0] -= 1
        if left[0] < 0:
            raise Cancelled

    with monkeypatch.context() as patched:
        patched.setattr(ready, "sleep", cut)
        with contextlib.suppress(Cancelled):  # a quick cloud needs fewer looks
            SNAPSHOT.run(ready)
    SNAPSHOT.undo(ready)


def test_a_limit_in_the_way_is_told_before_anything(ready: Context, real_cloud: Ground, bare: Bare) -> None:
    project = bare.session.get_project_id()
    with limited(Bare(real_cloud.clouds, "admin"), project, snapshots=0, gigabytes=1):
        finding = next(iter(SNAPSHOT.check(ready)))
        assert (finding.grade, finding.topic) == ("stop", "volume-boot")
        assert "1 volume snapshots are needed for a while, 0 of 0 are left." in finding.text
        assert "2 GiB of volumes are needed for a while, 0 of 1 are left." in finding.text
        with pytest.raises(JobError, match="quota"):
            SNAPSHOT.run(ready)
    SNAPSHOT.undo(ready)


class limited:  # noqa: N801 - reads as a function
    """The project's limits at Cinder, for a while."""

    def __init__(self, admin: Bare, project: str, **limits: int) -> None:
        self._admin, self._path, self._limits = admin, f"/os-quota-sets/{project}", limits

    def __enter__(self) -> None:
        told = self._admin.get("volumev3", self._path)["quota_set"]
        self._before = {key: told[key] for key in self._limits}
        self._set(self._limits)

    def __exit__(self, *exc: object) -> None:
        self._set(self._before)

    def _set(self, limits: dict[str, Any]) -> None:
        answer = self._admin.call("volumev3", "PUT", self._path, json={"quota_set": limits})
        assert answer.ok, answer.text


def test_what_it_starts_from_is_known(ready: Context, on_volume: str, bare: Bare) -> None:
    provider = open_provider(ready.job.source, ready)
    machine = provider.machine(ready.job.source)
    (attached,) = bare.server(on_volume)["os-extended-volumes:volumes_attached"]
    assert (machine.root, machine.disk, machine.volumes, machine.hindrance) == (attached["id"], 1, 0, "")
