"""A disk of this computer goes into a real cloud, is described there, and a machine is started from it for a test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import acts
from app.errors import Cancelled, JobError
from app.job import Job, new
from app.journal import State, read
from app.secrets import Answers
from tests.cloud import tiny
from tests.cloud.bare import Bare
from tests.cloud.rig.supplies import NETWORK

pytestmark = pytest.mark.cloud
NAME = "moved here"


@pytest.fixture(autouse=True)
def _nothing_is_left(bare: Bare, known_clouds: Path) -> Iterator[None]:
    with bare.left_as_it_was():
        before = pieces(bare)
        yield
        bare.until(lambda: pieces(bare) == before)  # a machine's volume goes a moment after it


def pieces(bare: Bare) -> list[str]:
    """The IDs of all machines and volumes of the project."""
    found = [*bare.get("compute", "/servers")["servers"], *bare.get("volumev3", "/volumes")["volumes"]]
    return sorted(str(one["id"]) for one in found)


def job_of(tmp_path: Path, word: str, launch: str = "test", **more: Any) -> Job:
    disk = tiny.image(tmp_path, word)
    return new(disk.as_uri(), f"openstack://one/image/{NAME.replace(' ', '%20')}", profile="openstack", prove=False,
               launch=launch, **more)  # fmt: skip


def run(job: Job) -> State:
    try:
        acts.run(*given(job))
    finally:
        state = read(job.folder / "journal.jsonl")
    return state


def given(job: Job) -> tuple[Any, ...]:
    return job, job.folder, lambda event: None, threading.Event(), Answers(use_keyring=False)


def test_the_image_is_described_started_and_the_machine_removed(tmp_path: Path, bare: Bare) -> None:
    before = pieces(bare)
    job = job_of(tmp_path, "tiny login: ", network=NETWORK)
    state = run(job)
    launched = state.of("launch")
    assert (launched["ok"], launched["verdict"], launched["kept"]) == (True, "login", False)
    assert "tiny login:" in launched["tail"]
    assert launched["addresses"]
    bare.until(lambda: pieces(bare) == before)
    (image,) = bare.images(name=NAME)
    assert (image["status"], image["min_disk"], image["visibility"]) == ("active", 1, "private")
    assert (image["os_type"], image["hw_disk_bus"], image["hw_firmware_type"]) == ("linux", "virtio", "bios")
    page = (job.folder / "report.html").read_text()
    assert "The start at the target" in page
    assert "tiny login:" in page
    acts.undo(*given(job))


def test_a_disk_that_does_not_start_there_is_told_and_nothing_runs_on(tmp_path: Path, bare: Bare) -> None:
    before = pieces(bare)
    job = job_of(tmp_path, "Kernel panic - not syncing: no disk")
    with pytest.raises(JobError, match="does not start at the target") as caught:
        run(job)
    assert caught.value.topic == "boot-panic"
    bare.until(lambda: pieces(bare) == before)
    acts.undo(*given(job))


def test_stopped_while_it_starts_the_machine_is_found_again(
    tmp_path: Path, bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(tmp_path, "tiny login: ")
    cancel = threading.Event()

    def tell(event: Any) -> None:
        if event.kind == "phase" and event.text == "launch":
            cancel.set()

    acts_given = (job, job.folder, tell, cancel, Answers(use_keyring=False))
    with pytest.raises(Cancelled):
        acts.run(*acts_given)
    there = [server["id"] for server in bare.get("compute", "/servers")["servers"] if server["name"].endswith(job.id)]
    assert len(there) == 1
    state = run(job)
    assert state.of("launch")["machine"] == there[0]
    acts.undo(*given(job))


def test_a_machine_that_is_kept_stays_when_the_export_is_taken_back(tmp_path: Path, bare: Bare) -> None:
    job = job_of(tmp_path, "tiny login: ", launch="keep")
    machine = run(job).of("launch")["machine"]
    assert bare.server(machine)["status"] == "ACTIVE"
    acts.undo(*given(job))
    assert bare.server(machine)["status"] == "ACTIVE"
    bare.remove_server(machine)
    bare.until(lambda: not [v for v in bare.get("volumev3", "/volumes/detail")["volumes"] if not v["attachments"]])


def test_a_network_that_is_not_there_is_named(tmp_path: Path, bare: Bare) -> None:
    job = job_of(tmp_path, "tiny login: ", network="nowhere")
    with pytest.raises(JobError, match="no network “nowhere”"):
        run(job)
    acts.undo(*given(job))
