"""The whole way from region to region: photographed, fetched, converted, uploaded, described, and taken back."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest

from app import acts
from app.job import new
from app.journal import read
from app.secrets import Answers
from tests.cloud.bare import Bare
from tests.cloud.rig.ground import Ground

pytestmark = pytest.mark.cloud


@pytest.mark.parametrize("machine", ["sandbox", "on_volume"])
def test_a_running_machine_goes_to_another_region_and_nothing_else_is_left(
    machine: str, request: pytest.FixtureRequest, bare: Bare, real_cloud: Ground, known_clouds: Path
) -> None:
    server, two = request.getfixturevalue(machine), Bare(real_cloud.clouds, "two")
    bare.idle(server)
    said, before = len(bare.console(server)), pieces(bare)
    job = new(f"openstack://one/server/{server}", "openstack://two/image/moved", profile="openstack", prove=False)
    given: tuple[Any, ...] = (job, job.folder, lambda event: None, threading.Event(), Answers(use_keyring=False))
    with bare.left_as_it_was(), two.left_as_it_was():
        acts.run(*given)
        state = read(job.folder / "journal.jsonl")
        file = Path(state.of("convert")["path"])
        (there,) = two.images(name="moved")
        assert (there["status"], there["size"], there["min_disk"]) == ("active", file.stat().st_size, 1)
        assert there["os_hash_value"] == hashlib.sha512(file.read_bytes()).hexdigest()
        assert state.of("upload")["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert state.of("upload")["grade"] == "sha256-server"
        (photo,) = bare.images(sandhopper_job=job.id)
        assert pieces(bare) == before
        assert photo["id"] in state.of("snapshot")["image"]
        assert str(photo["id"]) in (job.folder / "report.json").read_text()
        bare.until(lambda: len(bare.console(server)) > said)
        acts.undo(*given)
    assert pieces(bare) == before


def pieces(bare: Bare) -> list[str]:
    """The IDs of all machines, volumes and volume snapshots of the project."""
    kinds = (("compute", "servers"), ("volumev3", "volumes"), ("volumev3", "snapshots"))
    return sorted(str(one["id"]) for service, kind in kinds for one in bare.get(service, f"/{kind}")[kind])
