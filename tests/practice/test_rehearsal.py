"""The whole chain through the practice site, as `sandhopper rehearse` runs it; and again after being killed."""

from __future__ import annotations

import hashlib
import io
import signal
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest

from app import acts, host, shelf
from app.context import Event
from app.disk.practice_disk import SECTOR, START
from app.job import Job
from app.journal import history, read
from app.practice.record import Record
from app.practice.site import Site
from app.secrets import Answers
from tests.practice.trees import listing
from tests.servers import need, until


def run(job: Job, report: Any = lambda event: None) -> None:
    acts.run(job, job.folder, report, threading.Event(), Answers(use_keyring=False))


def machine() -> Path:
    return host.data_home() / "practice/machine"


def check_result(job: Job, tmp_path: Path, before: dict[str, tuple[object, ...]]) -> None:
    """The image holds the merged files, and the machine is as it was."""
    facts = read(job.folder / "journal.jsonl").of("upload")
    image = acts.practice_image(facts["name"])
    assert hashlib.sha256(image.read_bytes()).hexdigest() == facts["sha256"]
    raw = tmp_path / "back.raw"
    subprocess.run([need("qemu-img"), "convert", "-O", "raw", str(image), str(raw)], check=True)
    with raw.open("rb") as file, tarfile.open(fileobj=io.BytesIO(file.read()[START * SECTOR :])) as tar:
        names = {m.name: m for m in tar.getmembers()}
        for name in ("application/run.sh", "application/scenes/05/scene-299.txt", "application/scenes/mosaic.bin"):
            told = tar.extractfile(names[name])
            assert told
            assert told.read() == (machine() / "data" / name.removeprefix("application/")).read_bytes()
        fstab = tar.extractfile(names["etc/fstab"])
        assert fstab
        assert b"\n#sandhopper-" in fstab.read()
    assert sum(name.startswith("application/scenes/") for name in names) > 300
    assert listing(machine()) == before


@pytest.fixture
def before() -> dict[str, tuple[object, ...]]:
    with Site():
        return listing(machine())


def test_a_rehearsal(tmp_path: Path, before: dict[str, tuple[object, ...]]) -> None:
    need("qemu-system-x86_64")
    events: list[Event] = []
    job = acts.practice_job()
    run(job, events.append)
    assert events[-1].kind == "finished"
    check_result(job, tmp_path, before)
    state = read(job.folder / "journal.jsonl")
    assert state.of("prove")["verdict"] == "login"
    assert state.of("restore")["equal"]
    texts = [
        file.read_text(errors="replace")
        for file in job.folder.rglob("*")
        if file.suffix in (".json", ".jsonl", ".txt", ".html")
    ]
    secrets = Record.load().passwords.values()
    assert not [s for s in secrets for text in (*texts, repr(events)) if s in text]


def test_a_rehearsal_that_was_killed_goes_on_with_the_same_addresses(
    tmp_path: Path, before: dict[str, tuple[object, ...]]
) -> None:
    job = acts.practice_job()
    job = Job(**{**job.as_json(), "include": job.include, "prove": False})
    job.save(job.folder / "job.json")
    code = f"import sys; sys.argv[1:] = ['resume', {job.id!r}]; import app.cli; app.cli.main()"
    journal = job.folder / "journal.jsonl"
    for step in ("prepare", "snapshot", "fetch", "upload"):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with process:
            until(lambda step=step, process=process: reached(journal, step) or process.poll() is not None, 60)
            process.send_signal(signal.SIGKILL)
        assert reached(journal, step)
        assert process.returncode == -signal.SIGKILL
    run(shelf.find(job.id).job)
    check_result(job, tmp_path, before)
    assert not list((host.data_home() / "practice/uploads").glob("*.part"))


def reached(journal: Path, step: str) -> bool:
    return any((line["step"], line["event"]) == (step, "started") for line in history(journal))


def test_undo_leaves_the_practice_cloud_and_machine_as_they_were(before: dict[str, tuple[object, ...]]) -> None:
    job = acts.practice_job()
    job = Job(**{**job.as_json(), "include": job.include, "prove": False})
    run(job)
    acts.undo(job, job.folder, lambda event: None, threading.Event(), Answers(use_keyring=False))
    assert listing(machine()) == before
    with Site() as site:
        assert site.cloud.images.all() == []
