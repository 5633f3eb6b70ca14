"""Data disks exported as disks of their own: a small real machine, its real disk images, a real SFTP server."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from app import job as jobs
from app.disk.practice_disk import write_disk
from app.fixes import FIXES
from app.job import Include
from tests import forked
from tests.sandbox.machine import Machine
from tests.servers import need
from tests.servers.sshd import Sshd

pytestmark = [pytest.mark.root, pytest.mark.timeout(900)]
NEEDS_PERSON, KILLED = 3, -9
MIB = 1 << 20


@dataclass
class Story:
    """An export of a machine with /application as its own disk and /scratch left out."""

    place: Path
    machine: Machine
    server: Sshd

    def __post_init__(self) -> None:
        self.machine.run("sh", "-c", "echo kept > /application/file; sync -f /application")
        root, data = self.machine.place / "root.img", self.machine.place / "d0.data"
        with root.open("rb") as disk:
            write_disk(self.place / "os.raw", root.stat().st_size + 2 * MIB, disk.read(8192), "sandbox-01 login: ")
        self.image("os.raw", "os.qcow2")
        shutil.copy(data, self.place / "data.raw")
        self.image("data.raw", "data.qcow2")
        shutil.copy(self.machine.place / "d1.data", self.place / "scratch.raw")

    def image(self, raw: str, name: str) -> None:
        command = [need("qemu-img"), "convert", "-O", "qcow2", str(self.place / raw), str(self.place / name)]
        subprocess.run(command, check=True)

    def new(self, *, prove: bool = False) -> jobs.Job:
        include = (Include("/application", "disk"), Include("/scratch", "leave"))
        job = jobs.new(self.machine.url(), self.server.url("sftp"), name="box", format="qcow2", include=include,
                       prove=prove, unfixed=tuple(FIXES))  # fmt: skip
        job.save(self.place / "job.json")
        return job

    def go(self, *words: str) -> subprocess.CompletedProcess[str]:
        trust = [w for key in (*self.machine.answers().values(), self.server.fingerprint)
                 for w in ("--accept-host-key", key)]  # fmt: skip
        return forked.run(*words, *trust, timeout=150)

    def resumed(self, job: jobs.Job, image: str = "", disk: str = "") -> subprocess.CompletedProcess[str]:
        words = ["--image", str(self.place / image)] if image else []
        words += ["--disk", f"/application={self.place / disk}"] if disk else []
        return self.go("app", "resume", job.id, *words)

    def waiting(self) -> jobs.Job:
        job = self.new()
        done = self.go("app", "run", str(self.place / "job.json"))
        assert done.returncode == NEEDS_PERSON, done.stderr[-2000:]
        return job

    def as_it_waited(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the one that waits be as it was when it began to, in a data folder *name*, and nothing have arrived."""
        shutil.copytree(self.place / "data", self.place / name)
        monkeypatch.setenv("SANDHOPPER_HOME", str(self.place / name))
        for file in self.server.folder.iterdir():
            file.unlink()

    def arrived(self) -> list[str]:
        return sorted(file.name for file in self.server.folder.iterdir())

    def ends_right(self, job: jobs.Job) -> None:
        assert self.arrived() == [
            "box-application.qcow2",
            "box-application.qcow2.sha256",
            "box.qcow2",
            "box.qcow2.sha256",
        ]
        told = json.loads((job.folder / "report.json").read_text())
        for facts, source in ((told["image"], "os.raw"), (told["disks"][0], "data.raw")):
            file = self.server.folder / facts["name"]
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            assert (self.server.folder / facts["sidecar"]).read_text().split() == [digest, file.name]
            assert facts["sha256"] == digest
            command = [need("qemu-img"), "compare", "-f", "qcow2", "-F", "raw", str(file), str(self.place / source)]
            subprocess.run(command, check=True, capture_output=True)
        assert told["disks"][0]["mount"] == "/application"
        page = (job.folder / "report.html").read_text()
        assert told["disks"][0]["sha256"] in page


@pytest.fixture
def story(tmp_path: Path) -> Story:
    with Machine(tmp_path, disks={"/application": 40, "/scratch": 40}, root_size=60) as box, Sshd(tmp_path) as server:
        yield Story(tmp_path, box, server)  # type: ignore[misc]


def test_two_disks_arrive_and_start_together(story: Story) -> None:
    job = story.new(prove=True)
    waits = story.go("app", "run", str(story.place / "job.json"))
    assert waits.returncode == NEEDS_PERSON, waits.stderr[-2000:]
    assert f"sandhopper resume {job.id} --image FILE --disk /application=FILE" in waits.stderr
    assert "/dev/loop" in waits.stderr  # which disk it is, and its size
    assert "41.9 MB" in waits.stderr
    assert "/scratch will be missing" in waits.stderr
    half = story.resumed(job, disk="data.qcow2")
    assert half.returncode == NEEDS_PERSON
    assert f"sandhopper resume {job.id} --image FILE\n" in half.stderr
    done = story.resumed(job, image="os.qcow2")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Disk:" in done.stdout
    story.ends_right(job)
    commands = (job.folder / "log.txt").read_text()
    undone = story.go("app", "undo", job.id, "--yes")
    assert undone.returncode == 0, undone.stderr[-2000:]
    assert story.arrived() == []
    assert not list((job.folder / "work").iterdir()), commands[-500:]
    assert sorted(f.name for f in story.place.glob("*.qcow2")) == ["data.qcow2", "os.qcow2"]  # the person's stay


WRONG = [
    ("os.qcow2", "os.qcow2", "was given as the system disk and as the disk of /application"),
    ("data.qcow2", "os.qcow2", "data.qcow2 is a disk of 41.9 MB, but the system disk has"),
    ("os.qcow2", "scratch.raw", "scratch.raw holds another disk, not the disk of /application"),
    ("os.qcow2", "short.raw", "short.raw is a disk of"),
    ("os.qcow2", "copy.raw", "copy.raw is the system disk, not the disk of /application"),
]


def test_a_wrong_file_is_refused_and_another_one_is_taken(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(story.place / "os.raw", story.place / "copy.raw")
    shutil.copy(story.place / "data.raw", story.place / "short.raw")
    os.truncate(story.place / "short.raw", 30 * MIB)
    job = story.waiting()
    for number, (image, disk, why) in enumerate(WRONG):
        story.as_it_waited(f"wrong {number}", monkeypatch)
        refused = story.resumed(job, image, disk)
        assert refused.returncode == NEEDS_PERSON, why
        assert why in refused.stderr
        assert "waits for the right file" in refused.stderr
        done = story.resumed(job, "os.qcow2", "data.qcow2")
        assert done.returncode == 0, (why, done.stderr[-2000:])
        story.ends_right(job)


@pytest.mark.parametrize("half", [0, 1, 2, 3])
def test_killed_after_each_journal_line(story: Story, half: int, monkeypatch: pytest.MonkeyPatch) -> None:
    job = story.waiting()
    for line in range(1 + half, 200, 4):
        story.as_it_waited(f"line {line}", monkeypatch)
        killed = story.go("tests.crash", str(line), "resume", job.id, "--image", str(story.place / "os.qcow2"),
                          "--disk", f"/application={story.place / 'data.qcow2'}")  # fmt: skip
        assert killed.returncode in (KILLED, 0), killed.stderr[-2000:]
        if killed.returncode == KILLED:
            done = story.resumed(job, "os.qcow2", "data.qcow2")
            assert done.returncode == 0, (line, done.stderr[-2000:])
        story.ends_right(job)
        if killed.returncode == 0:
            return


def test_a_disk_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    with Machine(tmp_path, disks={"/application": 40}, root_size=60) as box, Sshd(tmp_path) as server:
        include = (Include("/nowhere", "disk"),)
        jobs.new(box.url(), server.url("sftp"), include=include, prove=False).save(tmp_path / "job.json")
        (key,) = box.answers().values()
        words = ["check", str(tmp_path / "job.json"), "--accept-host-key", key, "--accept-host-key", server.fingerprint]
        done = forked.run("app", *words)
        assert done.returncode == NEEDS_PERSON
        assert "/nowhere is no data disk of the sandbox" in done.stderr
