"""The receipt: complete, escaped, without secrets, the same each time."""

from __future__ import annotations

import html
import json
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import journal, receipt
from app.context import Context
from app.job import Decision, Include, Job
from app.steps.report import STEP, picture

HOSTILE = "<script>alert(1)</script>\x1b[31m{sha256}"
SECRET = "S3cr3t-Marker-Üñ"
JOB = Job("openstack://mycloud/server/42", "sftp://me@data.example.org/drop/", id="r1", name="thesis",
          sandbox="ssh://me@box", include=(Include("/application", "merge"),), created=1_700_000_000)  # fmt: skip
SHA = "ab" * 32


def png(path: Path) -> Path:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
    )
    return path


def facts(tmp_path: Path) -> dict[str, dict[str, Any]]:
    return {
        "checkup": {"os": HOSTILE, "mounts": [], "findings": [{"grade": "care", "title": f"Root is {HOSTILE}."}]},
        "prepare": {"merged": ["/application"], "files": 3, "bytes": 9},
        "snapshot": {"image": "openstack://mycloud/image/7", "by_hand": False},
        "restore": {"equal": True, "proof": "Hashes, owners and mounts are equal.\x1b[2J"},
        "fetch": {"path": "/here/disk", "size": 10**9, "format": "raw", "virtual_size": 2 * 10**9, "own": True},
        "convert": {"path": "/here/x", "name": "thesis.qcow2", "format": "qcow2", "size": 5 * 10**8,
                    "virtual_size": 2 * 10**9, "sha256": SHA, "own": True},
        "prove": {"ok": True, "verdict": "login", "reason": HOSTILE, "seconds": 41.0, "bus": "virtio",
                  "firmware": "bios", "accel": "tcg", "tail": f"[  1.0] hi   there {HOSTILE}\nlogin:",
                  "screen": str(png(tmp_path / "screen.png"))},
        "upload": {"url": "sftp://me:hunter2@data.example.org/drop/thesis.qcow2", "name": "thesis.qcow2",
                   "size": 5 * 10**8, "sha256": SHA, "proof": "sha256-server", "sent": 5 * 10**8, "seconds": 100.0,
                   "line": {"median": 5e6}, "sidecar": "thesis.qcow2.sha256"},
    }  # fmt: skip


Made = Callable[..., Context]


def written(context: Made, tmp_path: Path, job: Job = JOB, **changed: dict[str, Any]) -> tuple[dict[str, Any], str]:
    ctx = context(job=job, answers={"sftp://me@data.example.org": SECRET}, facts={**facts(tmp_path), **changed})
    ctx.step = "report"
    ctx.journal.record("report", "started")
    said = STEP.run(ctx)
    return json.loads(Path(said["json"]).read_text()), Path(said["html"]).read_text()


def visible(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)).split())


def test_the_report_tells_all_of_it(context: Made, tmp_path: Path) -> None:
    data, page = written(context, tmp_path)
    seen = visible(page)
    for part in (
        "thesis.qcow2", SHA, "500.0 MB", "the server computed the same SHA-256", "Your sandbox is as it was.",
        "Hashes, owners and mounts are equal.", "a login was seen.", "openstack://mycloud/image/7", "merged into",
        "Dear curator", "sandhopper forget r1", "sandhopper undo r1", "the snapshot in the cloud", "qemu-img", "login:",
    ):  # fmt: skip
        assert part in seen, part
    assert 'src="data:image/png;base64,' in page
    assert data["image"]["verified"] == "the server computed the same SHA-256"
    assert data["versions"].keys() == {"Sandhopper", "Python", "qemu-img"}
    assert data["simulated"] == []
    assert "rehearsal" not in seen


def test_every_change_of_the_copy_is_shown_as_it_was_and_is(context: Made, tmp_path: Path) -> None:
    def change(title: str, before: str = "", after: str = "", grade: str = "ok") -> dict[str, str]:
        return {"fix": "x", "title": title, "before": before, "after": after, "grade": grade}

    made = [
        change("Disks are named by their UUID.", f"/dev/vda1 / ext4\n/dev/vdb1 /d {HOSTILE}", "UUID=aa-bb / ext4"),
        change("The journal is gone.", "/var/lib/x"),
        change("No room for a start-up image.", "40 MB are needed", grade="care"),
    ]
    adapted = {"changes": made, "system": "Debian", "path": "/here/adapted.qcow2", "own": True, "size": 3}
    data, page = written(context, tmp_path, adapt=adapted)
    assert "/here/adapted.qcow2" in {left["where"] for left in data["leftovers"]}
    seen = visible(page)
    assert [told["grade"] for told in data["changes"]["made"]] == ["ok", "ok", "care"]
    assert "Before /dev/vda1 / ext4 /dev/vdb1 /d" in seen
    assert "Now UUID=aa-bb / ext4" in seen
    assert "Before /var/lib/x Now not there any more" in seen
    assert "Not done: No room for a start-up image. Why 40 MB are needed" in seen
    assert "<pre>/dev/vda1 / ext4\n" in page  # line by line
    assert "<script" not in page
    assert "\x1b" not in page


def test_what_was_fine_is_folded_and_what_was_not_is_in_sight(context: Made, tmp_path: Path) -> None:
    found = [{"grade": "ok", "title": f"Fine {n}."} for n in range(3)] + [{"grade": "care", "title": "Old kernel."}]
    _, page = written(context, tmp_path, preflight={"findings": {"checkup": found}})
    folded = "".join(re.findall(r"<details>.*?</details>", page, re.DOTALL))
    assert "<summary>3 things were fine</summary>" in folded
    assert all(f"Fine {n}." in folded for n in range(3))
    assert "Old kernel." in page
    assert "Old kernel." not in folded


def test_what_the_copy_does_not_have_is_named(context: Made, tmp_path: Path) -> None:
    parts = (Include("/application", "merge"), Include("/scratch", "leave"))
    job = replace(JOB, include=parts, secrets=(Decision("/root/.netrc", "remove"),))
    kept = {"path": "/root/.ssh/id", "kind": "ssh-key"}
    checked = {"mounts": [{"path": "/scratch", "used": 5 * 10**9}],
               "secrets": [{"path": "/root/.netrc", "kind": "netrc"}, kept]}  # fmt: skip
    title = "Taken out of the copy: /var/log/auth.log. It tells who logged in."
    adapted = {"changes": [{"fix": "clean", "title": title, "before": "x", "after": "", "grade": "ok"}]}
    torn = {"merged": ["/application"], "lost": ["access lists"], "unsteady": ["/application/run.log"]}
    still = {"image": "openstack://mycloud/image/7", "quiet": {"how": "freeze", "seconds": 1.3, "covered": True}}
    data, page = written(context, tmp_path, job, checkup=checked, adapt=adapted, prepare=torn, snapshot=still)
    assert data["missing"]["secrets"] == ["/root/.netrc"]
    section = visible(page[page.index("What the copy does not have") : page.index("What was done")])
    for part in ("/scratch, 5.0 GB", "access lists", "/application/run.log may be torn", title, "One secret was taken"):
        assert part in section, part
    assert "the system disk stood still for 1.3 s" in visible(page)


def test_nothing_missing_is_no_section(context: Made, tmp_path: Path) -> None:
    _, page = written(context, tmp_path)
    assert "does not have" not in page


def test_a_copy_that_was_left_alone_says_why(context: Made, tmp_path: Path) -> None:
    _, page = written(context, tmp_path, adapt={"changes": [], "why_not": "This computer has no libguestfs."})
    assert "The copy was left as it is. This computer has no libguestfs." in visible(page)


def test_without_a_change_nothing_is_said_of_changes(context: Made, tmp_path: Path) -> None:
    _, page = written(context, tmp_path)
    assert "different in the copy" not in page


def test_hostile_names_stay_text(context: Made, tmp_path: Path) -> None:
    data, page = written(context, tmp_path, convert={"name": HOSTILE, "sha256": SHA, "size": 1})
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert "default-src 'none'" in page
    assert "hi   there" in data["boot"]["tail"]  # a machine's own output keeps its columns


def test_the_instructions_are_those_of_the_target_and_say_what_was_never_tried(context: Made, tmp_path: Path) -> None:
    data, page = written(context, tmp_path, job=replace(JOB, profile="interoute"))
    assert "Disk image size: 2 GiB" in data["sheet"]
    assert data["sheet"] in data["mail"]
    assert "Create new template" in visible(page)
    assert "What was not tried for real." in page
    unknown, _ = written(context, tmp_path, job=replace(JOB, profile="of-the-future"))
    assert unknown["sheet"] == ""


def test_no_secret_and_no_password_of_a_url(context: Made, tmp_path: Path) -> None:
    changed = {"equal": True, "proof": f"put back with {SECRET}."}
    data, page = written(context, tmp_path, restore=changed)
    for text in (json.dumps(data, ensure_ascii=False), page, html.unescape(page)):
        assert SECRET not in text
        assert "hunter2" not in text


def test_the_same_journal_makes_the_same_report(context: Made, tmp_path: Path) -> None:
    first, page = written(context, tmp_path)
    ctx = context(job=JOB)
    ctx.step = "report"
    ctx.journal.record("report", "started")
    STEP.run(ctx)
    assert json.loads((ctx.folder / "report.json").read_text()) == first
    assert (ctx.folder / "report.html").read_text() == page


def test_retries_failures_and_times_are_those_of_the_journal() -> None:
    def line(at: float, event: str, **said: object) -> dict[str, Any]:
        return {"at": at, "step": "upload", "event": event, "facts": said}

    lines = [
        line(100, "started"), line(130, "retry", why="The line was cut."), line(160, "failed", what="No room."),
        line(500, "started"),  # killed here: its time is not known, and not guessed
        line(900, "started"), line(950, "done"),
    ]  # fmt: skip
    data = receipt.gather(JOB, journal.State(), lines, None)
    (step,) = data["steps"]
    assert step["seconds"] == 110
    assert step["attempts"] == 3
    assert step["retries"] == ["The line was cut."]
    assert step["failures"] == ["No room."]


@pytest.mark.parametrize("grade", ["sampled", "size", "accepted"])
def test_less_than_proof_is_not_called_proven(context: Made, tmp_path: Path, grade: str) -> None:
    upload = {"url": JOB.target, "name": "a", "proof": grade, "size": 1, "sha256": SHA}
    _, page = written(context, tmp_path, upload=upload)
    assert "not proven byte by byte" in page
    assert "is proven." not in page


def test_a_sandbox_that_is_not_equal_is_told_in_red(context: Made, tmp_path: Path) -> None:
    _, page = written(context, tmp_path, restore={"equal": False, "proof": "/etc/fstab differs."})
    assert "may not be as it was" in page
    assert 'class="seal bad"' in page


def test_a_rehearsal_says_what_was_practice(context: Made, tmp_path: Path) -> None:
    job = Job(JOB.source, JOB.target, id="r1", practice=True)
    data, page = written(context, tmp_path, job=job)
    assert "practice ones" in data["simulated"][0]
    assert "This was a rehearsal." in page


def test_almost_no_facts_make_a_report_too(context: Made) -> None:
    ctx = context(job=Job("file:///x/a.raw", "file:///y/", id="r2", prove=False))
    ctx.step = "report"
    STEP.run(ctx)
    assert "was not started for a test" in (ctx.folder / "report.html").read_text()


def test_undo_removes_both_pages(context: Made, tmp_path: Path) -> None:
    written(context, tmp_path)
    ctx = context(job=JOB)
    STEP.undo(ctx)
    STEP.undo(ctx)
    assert not list(ctx.folder.glob("report.*"))


def test_only_a_real_picture_is_embedded(tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"<svg onload=alert(1)>")
    assert picture(str(tmp_path / "no.png")) == ""
    assert picture("") == ""
    assert picture(str(tmp_path)) == ""
    assert picture(str(png(tmp_path / "yes.png"))).startswith("data:image/png;base64,")
