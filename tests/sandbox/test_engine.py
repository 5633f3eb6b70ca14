"""kill -9 of the program itself at each journal line of an export with a sandbox: resume, or restore from elsewhere."""

from __future__ import annotations

import json
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app import job as jobs
from app.disk.practice_disk import write_disk
from app.fixes import FIXES
from app.job import Include
from tests import forked
from tests.sandbox.machine import Machine
from tests.servers import need

pytestmark = pytest.mark.root
KILLED, NEEDS_PERSON = -9, 3
FILE_LINES = 8  # of a file's export: until the sandbox has been put back
HAND_LINES = 9  # of one that waits for a snapshot made by hand: until it is waiting


@dataclass
class Story:
    """Exports of one machine, each in a data folder of its own, with the machine looked at in between."""

    place: Path
    machine: Machine
    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        root = self.machine.place / "root.img"
        with root.open("rb") as disk:  # the export looks whether it is the machine's own disk that it is given
            write_disk(self.place / "disk.raw", root.stat().st_size + (2 << 20), disk.read(8192), "login: ")
        command = [need("qemu-img"), "convert", "-O", "qcow2", str(self.place / "disk.raw"), str(self.disk)]
        subprocess.run(command, check=True)
        self.machine.run("sh", "-c", "cd /application; mkdir a; echo 1 > a/f; ln a/f g; ln -s f h; cp /usr/bin/env e")
        self.root, self.data = self.machine.root_listing(), self.machine.listing("/application")

    @property
    def disk(self) -> Path:
        """The disk that is exported; packed, so that no time goes into zeros that are sent and made safe."""
        return self.place / "disk.qcow2"

    def at_home(self, name: str) -> None:
        self.monkeypatch.setenv("SANDHOPPER_HOME", str(self.place / name))

    def go(self, *words: str) -> subprocess.CompletedProcess[str]:
        (key,) = self.machine.answers().values()
        return forked.run(*words, "--accept-host-key", key)

    def new(self, source: str) -> jobs.Job:
        target = (self.place / f"out-{source[:4]}").as_uri() + "/"
        include = (Include("/application", "merge"),)
        (self.place / f"out-{source[:4]}").mkdir(exist_ok=True)
        job = jobs.new(source, target, profile="local", sandbox=self.machine.url(), include=include,
                       format="qcow2", prove=False, unfixed=tuple(FIXES))  # fmt: skip
        job.save(self.place / "job.json")
        return job

    def killed(self, line: int) -> int:
        """Run the job and die right after that journal line; how many lines there are then."""
        done = self.go("tests.crash", str(line), str(self.place / "job.json"))
        assert done.returncode == KILLED, done.stdout[-1500:] + done.stderr[-1500:]
        return done.returncode

    def is_as_before(self, what: object) -> None:
        root, data = self.machine.root_listing(), self.machine.listing("/application")
        assert root == self.root, (what, changed(root, self.root))
        assert data == self.data, what
        assert self.machine.run("sh", "-c", "grep -c sandhopper /proc/1/mountinfo || true") == b"0\n"

    def restored_from_elsewhere(self, line: int) -> None:
        self.at_home(f"another computer {line}")
        done = self.go("app", "restore", self.machine.url())
        assert done.returncode == 0, done.stderr[-1500:]
        self.is_as_before(line)


def changed(now: dict[str, Any], then: dict[str, Any]) -> list[str]:
    return [name for name in {*now, *then} if now.get(name) != then.get(name)][:9]


@pytest.mark.parametrize("half", [0, 1])
def test_a_file_s_export_killed_at_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, half: int) -> None:
    dice = random.Random(half)
    with Machine(tmp_path, disks={"/application": 60}, root_size=140) as machine:
        story = Story(tmp_path, machine, monkeypatch)
        for line in range(1 + half, FILE_LINES + 1, 2):
            story.at_home(f"file {line}")
            job = story.new(story.disk.as_uri())
            story.killed(line)
            if dice.random() < 0.5:
                story.killed(1)  # and the next start as well
            done = story.go("app", "resume", job.id)
            assert done.returncode == 0, done.stderr[-1500:]
            story.is_as_before(line)
            told = json.loads((job.folder / "report.json").read_text())
            assert told["sandbox"]["restored"]["equal"] is True


@pytest.mark.parametrize("half", [0, 1])
def test_killed_at_a_line_and_restored_from_another_computer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, half: int
) -> None:
    with Machine(tmp_path, disks={"/application": 60}, root_size=140) as machine:
        story = Story(tmp_path, machine, monkeypatch)
        for line in range(1 + half, FILE_LINES + 1, 2):
            story.at_home(f"file {line}")
            story.new(story.disk.as_uri())
            story.killed(line)
            story.restored_from_elsewhere(line)


def test_one_that_waits_for_its_snapshot_killed_at_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Machine(tmp_path, disks={"/application": 60}, root_size=140) as machine:
        story = Story(tmp_path, machine, monkeypatch)
        for line in range(1, HAND_LINES, 2):
            story.at_home(f"hand {line}")
            job = story.new(machine.url())
            story.killed(line)
            waits = story.go("app", "resume", job.id)
            assert waits.returncode == NEEDS_PERSON, waits.stderr[-1500:]
            assert "--image FILE" in waits.stderr
            assert "application/a/f" in machine.root_listing()
            if line % 4 == 1:
                done = story.go("app", "resume", job.id, "--image", str(story.disk))
                assert done.returncode == 0, done.stderr[-1500:]
                story.is_as_before(line)
            else:
                story.restored_from_elsewhere(line)
