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
from app.steps import ORDER
from app.stores import Abilities

CLOUD = "openstack://catalyst/server/6f1d2a30-77aa-4c1e-9a55-1f3c5b9e0d11"
OLD_SERVER = (
    "The SSH server of upload.example.org is very old: it knows only ways of its time. Older ways would be aes128-cbc, "
    "diffie-hellman-group14-sha1, hmac-sha1, ssh-rsa, which are no longer safe against a strong eavesdropper. "
    "Shall they be used for this one server?"
)


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


def line(*, digest: bool = True) -> Line:
    return Line(2_600_000, 1_900_000, 0.034, 31_000_000, 12.0, Abilities(digest=digest), time.time())


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


STEPS = tuple(step for step in ORDER if step not in ("publish", "launch"))  # those are for a cloud as the target


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


MUCH = (
    Include("/application", "merge"), Include("/data", "disk"), Include("/scratch", "leave"),
)  # fmt: skip
ETC_BEFORE, ETC_AFTER = "/dev/vdb /application ext4 defaults 0 2", "# /application is a folder of the root disk now"


def finished_with_much(job: Job) -> Path:
    """Put *job* on the shelf as one that is done and has everything: a second disk, changes, secrets taken out."""
    folder = finished(job)
    journal = Journal(folder / "journal.jsonl")
    named = ("Disks are named by their UUID in /etc/fstab.", "The network takes its address from its new place.")
    changes = [
        {"fix": "device-names", "title": title, "before": ETC_BEFORE, "after": ETC_AFTER, "grade": "ok"}
        for title in named
    ]
    failed = {"fix": "virtio", "title": "The start-up image has no virtio driver.", "before": "There is no dracut.",
              "after": "", "grade": "care"}  # fmt: skip
    cleaned = {"fix": "clean", "title": "12 histories and keys are taken out.", "before": "/root/.bash_history",
               "after": "", "grade": "ok"}  # fmt: skip
    seen = look()
    journal.record(
        "checkup", "done", os=seen.os, hostname=seen.hostname, findings=[vars(one) for one in seen.findings],
        mounts=[
            {"path": "/application", "used": 12_300_000_000}, {"path": "/data", "used": 80_000_000_000},
            {"path": "/scratch", "used": 900_000_000},
        ],
        secrets=[vars(secret) for secret in secrets(7)],
    )  # fmt: skip
    journal.record(
        "prepare", "done", merged=["/application"], files=182_344, bytes=12_300_000_000, seconds=431.0,
        unsteady=["/application/log/run.log"], lost=[],
    )  # fmt: skip
    quiet = {"how": "freeze", "seconds": 1.7, "covered": True, "proven": True}
    journal.record("snapshot", "done", image="openstack://catalyst/image/9d6f", by_hand=False, quiet=quiet)
    journal.record("restore", "done", equal=True, proof="The sandbox is as it was before: every file is byte-equal.")
    journal.record("adapt", "done", changes=[*changes, cleaned, failed], system=seen.os, path="", own=False)
    journal.record("prove", "done", ok=True, verdict="login", seconds=41.2, reason="", bus="virtio", firmware="bios")
    disk = {"mount": "/data", "url": f"{job.target}gauss-data.qcow2", "name": "gauss-data.qcow2",
            "size": 61_000_000_000, "sha256": "7b" * 32, "proof": "read-back"}  # fmt: skip
    journal.record(
        "upload", "done", url=f"{job.target}gauss.qcow2", name="gauss.qcow2", size=9_876_543_210,
        sha256="3f0a9c1be4" * 6 + "3f0a", proof="sha256-server", disks=[disk],
    )  # fmt: skip
    journal.close()
    return folder


def waiting(include: tuple[Include, ...]) -> tuple[str, str]:
    """What is said while the snapshot is made by hand, and the terminal's way to go on."""
    which = "its system disk and the disks of /data and /home" if include else "its system disk"
    what = (
        f"Now make the snapshot: on the cloud's web page, choose your machine, and make a hot snapshot of {which} "
        "(called “Snapshot”, “Image” or “Save disk”). Wait until the page says it has finished, and download "
        f"{'each of them' if include else 'it'} to this computer."
    )
    return what, "When the file is here, go on with: sandhopper resume 20261121-0011-abcdef --image FILE"
