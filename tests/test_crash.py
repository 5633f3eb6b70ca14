"""kill -9 after every journal line, a torn line, a kill in mid-step: `resume` ends in the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from app import job as jobs
from app.disk.practice_disk import write_disk
from tests import forked
from tests.servers.sshd import Sshd

KILLED = -9


@dataclass
class Story:
    """One file → SFTP export, run by the real command line in processes of its own."""

    tmp_path: Path
    server: Sshd
    job: jobs.Job

    @property
    def file(self) -> Path:
        return self.tmp_path / "job.json"

    def go(self, *command: str) -> subprocess.CompletedProcess[str]:
        return forked.run(*command, "--json", "--accept-host-key", self.server.fingerprint)

    def begin(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "app", "run", str(self.file), "--accept-host-key", self.server.fingerprint],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )

    def ends_right(self) -> None:
        """What `resume` must always lead to."""
        done = self.go("app", "resume", self.job.id)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        image, digest = self.uploaded()
        assert sorted(p.name for p in self.server.folder.iterdir()) == [image.name, image.name + ".sha256"]
        report = json.loads((self.job.folder / "report.json").read_text())
        assert digest in json.dumps(report)
        assert guest_bytes(image) == guest_bytes(self.tmp_path / "disk.raw")

    def uploaded(self) -> tuple[Path, str]:
        """The image at the far side and its real SHA-256, which its sidecar must name."""
        image = next(p for p in self.server.folder.iterdir() if not p.name.endswith(".sha256"))
        digest = hashlib.sha256(image.read_bytes()).hexdigest()
        assert image.with_name(image.name + ".sha256").read_text().split() == [digest, image.name]
        return image, digest


def guest_bytes(image: Path) -> str:
    """The SHA-256 of what a guest would see of *image*."""
    raw = image.with_name(image.name + ".seen")
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(image), str(raw)], check=True, timeout=60)
    digest = hashlib.sha256(raw.read_bytes()).hexdigest()
    raw.unlink()
    return digest


@pytest.fixture
def story(tmp_path: Path) -> Story:
    write_disk(tmp_path / "disk.raw", 32 << 20, os.urandom(6 << 20), "crash login: ")
    with Sshd(tmp_path) as server:
        job = jobs.new((tmp_path / "disk.raw").as_uri(), server.url("sftp"), format="qcow2", prove=False)
        job.save(tmp_path / "job.json")
        yield Story(tmp_path, server, job)


def lines_of_a_whole_run() -> int:
    """More than a whole run writes; a run that is not killed any more ends the sweep."""
    return 24


@pytest.mark.parametrize("after", range(1, lines_of_a_whole_run()))
def test_killed_after_a_journal_line(story: Story, after: int) -> None:
    first = story.go("tests.crash", str(after), str(story.file))
    assert first.returncode in (KILLED, 0), first.stdout[-2000:] + first.stderr[-2000:]
    if first.returncode == KILLED:
        journal = story.job.folder / "journal.jsonl"
        assert journal.read_bytes().count(b"\n") == after
        if after % 2:
            journal.write_bytes(journal.read_bytes() + b'{"at": 1, "step": "upl')  # a power cut tears the next line
    story.ends_right()


def test_the_sweep_reaches_past_the_last_line(story: Story) -> None:
    assert story.go("tests.crash", str(lines_of_a_whole_run()), str(story.file)).returncode == 0


@pytest.mark.parametrize("step", ["convert", "upload"])
@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2])
def test_killed_in_the_middle_of_a_step(story: Story, step: str, delay: float) -> None:
    running = story.begin()
    journal = story.job.folder / "journal.jsonl"
    begun = f'"step": "{step}", "event": "started"'
    while running.poll() is None and not (journal.exists() and begun in journal.read_text()):
        time.sleep(0.005)
    time.sleep(delay)
    running.kill()
    running.wait()
    story.ends_right()


def test_the_line_is_cut_again_and_again(story: Story) -> None:
    running = story.begin()
    for _ in range(5):
        time.sleep(0.5)
        story.server.cut()
    running.kill()
    running.wait()
    story.ends_right()
