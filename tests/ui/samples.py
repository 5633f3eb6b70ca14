"""Realistic content for pages: what the core would hand to them."""

from __future__ import annotations

import time
from pathlib import Path

from app.bandwidth import Line
from app.context import Finding
from app.errors import Trouble
from app.job import Include, Job
from app.journal import Journal
from app.providers import Machine
from app.sandbox.disks import Disk
from app.sandbox.look import Look, Secret
from app.sandbox.mounts import Mount
from app.stores import Abilities

CLOUD = "openstack://catalyst/server/6f1d2a30-77aa-4c1e-9a55-1f3c5b9e0d11"


def look(free: int = 40_000_000_000) -> Look:
    return Look(
        os="Debian GNU/Linux 12 (bookworm)",
        kernel="6.1.0-28-amd64",
        hostname="gauss",
        mounts=(
            Mount("/application", "/dev/vdb", "ext4", 50_000_000_000, 12_300_000_000, 182_344, "1000:ada"),
            Mount("/home", "/dev/vdc", "xfs", 20_000_000_000, 4_100_000_000, 91_200, "0:root"),
            Mount(
                "/mnt/share", "nas:/share", "nfs4", 0, 900_000_000_000, 0, why_not="it is a share of another computer"
            ),
        ),
        root_free=free,
        root_used=11_800_000_000,
        root_free_inodes=2_000_000,
        findings=(
            Finding("ok", "Debian GNU/Linux 12 on kernel 6.1.0-28-amd64."),
            Finding("ok", "You may become the administrator without a password."),
            Finding(
                "care",
                "The network is set up for the card's own address.",
                "The copy gets another network card, and would be without network.",
                "Nothing to do here: it is corrected on the copy.",
                "static-network",
                fix="network",
            ),
            Finding(
                "care",
                "/data is mounted by the name /dev/vdb.",
                "Elsewhere that name may belong to another disk, or to none, and the copy would stop while it starts.",
                "Write UUID=… (shown by blkid) for it into /etc/fstab.",
                "device-names",
                fix="device-names",
            ),
            Finding(
                "care", "12 days of updates are not installed.", "The copy has the same gaps.", topic="unknown-system"
            ),
        ),
        secrets=secrets(7),
        disks=(
            Disk("/", "/dev/vda1", "ext4", ("vda",), 20 << 30),
            Disk("/application", "/dev/vdb", "ext4", ("vdb",), 50 << 30),
            Disk("/home", "/dev/vdc", "xfs", ("vdc",), 20 << 30),
        ),
    )


PLACES = (
    ("/root/.ssh/id_ed25519", "ssh-key", "/"),
    ("/home/ada/.aws/credentials", "cloud", "/home"),
    ("/root/.bash_history", "history", "/"),
    ("/mnt/share/.netrc", "netrc", "/mnt/share"),
    ("/home/ada/.git-credentials", "git", "/home"),
)


def secrets(count: int) -> tuple[Secret, ...]:
    """Some secrets of several kinds; each fifth on a disk that cannot come along."""
    made = []
    for number in range(count):
        path, kind, mount = PLACES[number % 5]
        made.append(Secret(f"{path}{f'-{number}' if number > 4 else ''}", kind, "1000:ada", 400 + number, mount))
    return tuple(made)


def many_findings(count: int = 40) -> tuple[Finding, ...]:
    """Long, odd and hostile ones."""
    odd = "<b>bold</b>\x1b[31m\u202e " + "/a/very/long/path/without/any/space" * 5
    grades, fixes = ("care", "ok", "stop", "care"), ("", "", "", "virtio", "", "", "", "console")
    return tuple(
        Finding(grades[n % 4], f"{n}: {odd}"[:200], odd, "Do this. " + odd, "mounts", fix=fixes[n % 8])
        for n in range(count)
    )


def line() -> Line:
    return Line(2_600_000, 1_900_000, 0.034, 31_000_000, 12.0, Abilities(digest=True), time.time())


def machines(count: int = 5) -> list[Machine]:
    names = [
        "gauss",
        "noether-gpu",
        "climate-2019 (do not delete)",
        "web",
        "a name that is much longer than any column",
    ]
    return [
        Machine(f"id-{n}", names[n % 5] + (f" {n}" if n > 4 else ""), "ACTIVE" if n % 3 else "SHUTOFF",
                f"openstack://catalyst/server/id-{n}", disk=20 + n,
                addresses=(f"10.0.0.{n % 250}", f"203.0.113.{n % 250}"))
        for n in range(count)
    ]  # fmt: skip


def trouble() -> Trouble:
    return Trouble(
        "network",
        "The server upload.example.org does not answer any more.",
        "Nothing is lost: 13.2 GB lie at the server, and the upload goes on from there.",
        "It was tried 9 times in the last hour.",
        "Check the network of this computer, then try again. If it stays like this, ask the people who run the server.",
        details="Traceback (most recent call last):\n  …\napp.errors.Transient: timed out\n",
    )


def job(number: int = 1, **wishes: object) -> Job:
    said = {
        "source": CLOUD, "target": "sftp://ada@upload.example.org/incoming/", "name": f"gauss-{number}",
        "sandbox": "ssh://debian@203.0.113.7", "include": (Include("/application", "merge"),),
    }  # fmt: skip
    return Job(**{**said, "id": f"20261121-{number:04d}-abcdef", "created": time.time() - number * 86_400, **wishes})


def keep(job: Job, *lines: tuple[str, str], **facts: object) -> Path:
    """Put *job* on the shelf with a journal of (step, event) lines; *facts* go to the last one."""
    job.save(job.folder / "job.json")
    journal = Journal(job.folder / "journal.jsonl")
    for step, event in lines[:-1]:
        journal.record(step, event)
    for step, event in lines[-1:]:
        journal.record(step, event, **facts)
    journal.close()
    return job.folder


STEPS = ("checkup", "prepare", "snapshot", "restore", "fetch", "adapt", "convert", "prove", "upload", "report")


def finished(job: Job) -> Path:
    """Put *job* on the shelf as one that is done."""
    folder = keep(job, *[(step, "done") for step in STEPS[:-2]])
    journal = Journal(folder / "journal.jsonl")
    journal.record(
        "upload", "done", url=f"{job.target}gauss.qcow2", name="gauss.qcow2", size=9_876_543_210,
        sha256="3f0a9c1be4" * 6 + "3f0a", proof="sha256-server",
    )  # fmt: skip
    (folder / "report.html").write_text("<p>done</p>")
    journal.record("report", "done", html=str(folder / "report.html"), json="")
    journal.close()
    return folder
