"""Fetch: what is here at the end is what the cloud holds, however often the line was cut."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import download, host
from app.context import Context, Event
from app.disk.practice_disk import write_disk
from app.errors import Cancelled, JobError, Transient
from app.job import Job
from app.practice.cloud import Cloud
from app.practice.http import Request, file_blocks
from app.steps.fetch import STEP
from tests.practice.cloud_places import PASSWORD, known, lay_cloud
from tests.servers import until

Make = Callable[..., Context]
SIZE = 24 << 20


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with ExitStack() as stack:
        yield lay_cloud(tmp_path, stack)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    file = tmp_path / "original.raw"
    write_disk(file, SIZE, os.urandom(6 << 20))
    return file


@pytest.fixture
def image(cloud: Cloud, disk: Path) -> str:
    made = cloud.images.make({"name": "shot", "disk_format": "raw", "container_format": "bare"})
    cloud.images.keep(made["id"], file_blocks(disk), status="active")
    return str(made["id"])


@pytest.fixture
def ctx(context: Make, image: str) -> Context:
    made = known(context(Job(f"openstack://practice/image/{image}", "file:///nowhere/", id="test")))
    made.step = "fetch"
    return made


def sums(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def cut_after(count: int) -> Callable[[Request], bool]:
    """Serve *count* bytes of what was asked for, then drop the line."""

    def meddle(request: Request) -> bool:
        if not request.where.endswith("/file"):
            return False
        write, left = request.wfile.write, count

        def some(data: bytes) -> int:
            nonlocal left
            if not data.startswith(b"HTTP/1.1"):
                data, left = data[:left], left - len(data)
            write(data)
            if left <= 0:
                raise ConnectionError
            return len(data)

        request.wfile.write = some  # type: ignore[method-assign]
        return False

    return meddle


def test_an_image_is_brought_whole_and_proven(ctx: Context, disk: Path) -> None:
    facts = STEP.run(ctx)
    file = Path(facts["path"])
    assert (facts["size"], facts["format"], facts["virtual_size"], facts["own"]) == (SIZE, "raw", SIZE, True)
    assert facts["sha256"] == sums(disk) == sums(file)
    assert file.parent == ctx.work
    assert not list(ctx.work.glob("*.part"))


def test_zeros_take_no_room(ctx: Context) -> None:
    file = Path(STEP.run(ctx)["path"])
    assert file.stat().st_blocks * 512 < SIZE // 2


def test_after_each_cut_it_goes_on_where_it_was(ctx: Context, cloud: Cloud, disk: Path, events: list[Event]) -> None:
    cloud.server.meddle = cut_after(5_000_000)
    for _ in range(4):
        with pytest.raises(Transient):
            STEP.run(ctx)
    cloud.server.meddle = lambda request: False
    assert STEP.run(ctx)["sha256"] == sums(disk)
    begun = [e.facts["resumed_at"] for e in events if e.kind == "phase" and e.text == "download"]
    assert begun[0] == 0
    assert begun == sorted(begun)
    assert begun[-1] > 12_000_000
    assert not [e for e in events if e.text == "check what is here"]  # in one run nothing is hashed twice


@pytest.mark.parametrize("there", [1, 262_144, 1_048_577, SIZE - 1, SIZE, SIZE + 5])
def test_what_a_crash_left_is_hashed_and_gone_on_with(ctx: Context, disk: Path, there: int) -> None:
    file = Path(STEP.run(ctx)["path"])
    file.rename(part := file.with_name(file.name + ".part"))
    os.truncate(part, there)
    facts = STEP.run(ctx)
    assert facts["sha256"] == sums(disk) == sums(file)


def test_a_spoilt_beginning_is_noticed_and_everything_fetched_again(
    ctx: Context, disk: Path, events: list[Event]
) -> None:
    file = Path(STEP.run(ctx)["path"])
    file.rename(part := file.with_name(file.name + ".part"))
    with part.open("r+b") as broken:
        broken.truncate(10_000_000)
        broken.seek(2_000_000)
        broken.write(b"spoilt")
    facts = STEP.run(ctx)
    assert facts["sha256"] == sums(disk) == sums(file)
    assert any("does not fit together" in e.text for e in events)


def test_a_crash_between_rename_and_journal_costs_only_a_look(ctx: Context, cloud: Cloud, disk: Path) -> None:
    STEP.run(ctx)
    cloud.server.meddle = cut_after(0)
    assert STEP.run(ctx)["sha256"] == sums(disk)


def test_wrong_bytes_are_refused_and_not_kept(ctx: Context, cloud: Cloud, image: str) -> None:
    wrong = [{"op": "replace", "path": "/os_hash_value", "value": "ab" * 64}]
    cloud.images.change(image, wrong)
    with pytest.raises(JobError, match="not the one that the cloud holds") as caught:
        STEP.run(ctx)
    assert not isinstance(caught.value, Transient)
    assert not list(ctx.work.iterdir())


def test_an_image_without_any_hash_is_taken_by_its_length(ctx: Context, cloud: Cloud, image: str, disk: Path) -> None:
    for key in ("os_hash_value", "checksum"):
        cloud.images.change(image, [{"op": "replace", "path": f"/{key}", "value": None}])
    assert STEP.run(ctx)["sha256"] == sums(disk)


def test_a_service_that_ignores_ranges_is_no_harm(ctx: Context, cloud: Cloud, disk: Path) -> None:
    cloud.server.meddle = cut_after(5_000_000)
    with pytest.raises(Transient):
        STEP.run(ctx)

    def liar(request: Request) -> bool:
        if not request.headers.get("Range"):
            return False
        told = {"Content-Range": f"{request.headers['Range'].replace('=', ' ')}/{SIZE}", "Content-Length": str(SIZE)}
        request._head(206, told)
        request.wfile.write(disk.read_bytes())
        return True

    cloud.server.meddle = liar
    assert STEP.run(ctx)["sha256"] == sums(disk)


def test_a_liar_that_hides_its_length_is_found_out_by_the_hash(ctx: Context, cloud: Cloud, disk: Path) -> None:
    cloud.server.meddle = cut_after(5_000_000)
    with pytest.raises(Transient):
        STEP.run(ctx)

    def liar(request: Request) -> bool:
        wish = request.headers.get("Range")
        if not wish:
            return False
        begin = int(wish.removeprefix("bytes=").split("-")[0])
        request._head(206, {"Content-Range": f"bytes {begin}-{SIZE - 1}/{SIZE}", "Content-Length": str(SIZE - begin)})
        request.wfile.write(disk.read_bytes()[: SIZE - begin])
        return True

    cloud.server.meddle = liar
    assert STEP.run(ctx)["sha256"] == sums(disk)


def test_a_disk_of_another_kind_than_promised_is_refused(ctx: Context, cloud: Cloud, image: str) -> None:
    cloud.images.change(image, [{"op": "replace", "path": "/disk_format", "value": "qcow2"}])
    with pytest.raises(JobError):
        STEP.run(ctx)


def test_a_token_that_ends_in_the_middle_is_renewed(ctx: Context, cloud: Cloud, disk: Path) -> None:
    cloud.server.meddle = cut_after(5_000_000)
    with pytest.raises(Transient):
        STEP.run(ctx)
    cloud.server.meddle = lambda request: False
    cloud.tokens.clear()
    assert STEP.run(ctx)["sha256"] == sums(disk)


def test_an_image_that_vanishes_is_told(ctx: Context, cloud: Cloud, image: str) -> None:
    cloud.server.meddle = cut_after(5_000_000)
    with pytest.raises(Transient):
        STEP.run(ctx)
    cloud.server.meddle = lambda request: False
    cloud.images.delete(image)
    with pytest.raises(JobError, match="is not there"):
        STEP.run(ctx)


def slow(request: Request) -> bool:
    """Answer at some MB a second."""
    write = request.wfile.write

    def slowly(data: bytes) -> int:
        time.sleep(0.05)
        write(data)
        return len(data)

    request.wfile.write = slowly  # type: ignore[method-assign]
    return False


def test_a_cancel_keeps_what_is_here(ctx: Context, cloud: Cloud, disk: Path) -> None:
    cloud.server.meddle = slow
    ctx.report = lambda event: ctx.cancel.set() if event.done > 4_000_000 else None
    with pytest.raises(Cancelled):
        STEP.run(ctx)
    assert next(ctx.work.glob("*.part")).stat().st_size > 3_000_000
    ctx.cancel.clear()
    cloud.server.meddle = lambda request: False
    ctx.report = lambda event: None
    assert STEP.run(ctx)["sha256"] == sums(disk)


def test_a_full_disk_says_how_much_is_missing_and_keeps_what_is_here(
    ctx: Context, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, left = download.host.write_all, [6_000_000]

    def filling(file: Any, block: bytes) -> None:
        left[0] -= len(block)
        if left[0] < 0:
            file.write(block[:1000])
            raise OSError(errno.ENOSPC, "No space left on device")
        write(file, block)

    monkeypatch.setattr(download.host, "write_all", filling)
    with pytest.raises(JobError, match=r"disk is full: .*MB") as caught:
        STEP.run(ctx)
    assert "is kept" in caught.value.means
    monkeypatch.setattr(download.host, "write_all", write)
    assert STEP.run(ctx)["sha256"] == sums(disk)


@pytest.mark.skipif(os.geteuid() != 0 and not os.environ.get("CI"), reason="mounting needs root")
def test_a_disk_that_is_really_full(ctx: Context, disk: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(small)], check=True)
    try:
        full = replace(ctx, folder=small)
        with pytest.raises(JobError, match="disk is full"):
            STEP.run(full)
        assert next((small / "work").glob("*.part")).stat().st_size > 2_000_000
        (finding,) = [f for f in STEP.check(full) if f.grade == "stop"]
        assert "does not fit" in finding.title
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_no_room_is_seen_beforehand(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [f.grade for f in STEP.check(ctx)] == ["ok"]
    monkeypatch.setattr(host, "free_space", lambda folder: 10_000_000)
    (finding, _) = STEP.check(ctx)
    assert (finding.grade, finding.topic) == ("stop", "disk-full")


def test_kill_9_in_the_middle_and_go_on(ctx: Context, cloud: Cloud, disk: Path) -> None:
    code = f"""
import threading
from pathlib import Path
from app.context import Context
from app.job import Job
from app.journal import Journal
from app.secrets import Answers
from app.steps.fetch import STEP
folder = Path({str(ctx.folder)!r})
answers = Answers({{"openstack://practice": {PASSWORD!r}}}, use_keyring=False)
ctx = Context(Job({ctx.job.source!r}, "file:///nowhere/", id="test"), folder, Journal(folder / "other.jsonl"),
              lambda e: None, threading.Event(), answers, step="fetch")
STEP.run(ctx)
"""

    cloud.server.meddle = slow
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) as process:
        until(lambda: sum(f.stat().st_size for f in ctx.work.glob("*.part")) > 2_000_000 or process.poll(), 20)
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
        process.send_signal(signal.SIGKILL)
    cloud.server.meddle = lambda request: False
    assert STEP.run(ctx)["sha256"] == sums(disk)


def test_undo_deletes_what_was_brought(ctx: Context) -> None:
    STEP.run(ctx)
    STEP.undo(ctx)
    STEP.undo(ctx)
    assert not list(ctx.work.iterdir())


def test_a_file_here_is_used_in_place_and_never_touched(context: Make, disk: Path) -> None:
    ctx = context(Job(disk.as_uri(), "file:///nowhere/", id="test"))
    before = disk.stat()
    assert [f.grade for f in STEP.check(ctx)] == ["ok"]
    facts = STEP.run(ctx)
    STEP.undo(ctx)
    after = disk.stat()
    assert (facts["path"], facts["own"], facts["sha256"]) == (str(disk), False, "")
    assert facts["stamp"] == [before.st_mtime_ns, before.st_size, before.st_ino]
    assert (before.st_mtime_ns, before.st_size, before.st_mode) == (after.st_mtime_ns, after.st_size, after.st_mode)
    assert not list(ctx.work.iterdir())


@pytest.mark.parametrize("name", ["zwei Wörter #1?.raw", "100%.img", "it's.raw"])
def test_a_file_may_have_any_name(context: Make, disk: Path, name: str) -> None:
    file = disk.rename(disk.with_name(name))
    assert STEP.run(context(Job(file.as_uri(), "file:///nowhere/", id="test")))["path"] == str(file)


def test_a_file_that_is_no_disk_image_is_a_finding_and_not_a_crash(context: Make, tmp_path: Path) -> None:
    for name, data in (("empty.qcow2", b""), ("missing.qcow2", None), ("bad.qcow2", b"QFI\xfb" + b"\xff" * 100)):
        if data is not None:
            (tmp_path / name).write_bytes(data)
        findings = list(STEP.check(context(Job((tmp_path / name).as_uri(), "file:///nowhere/", id="test"))))
        assert [f.grade for f in findings] == ["stop"], name
        assert findings[0].remedy, name


def test_a_snapshot_brought_by_hand_is_used_in_place(context: Make, disk: Path) -> None:
    job = Job("ssh://me@sandbox", "file:///nowhere/", id="test")
    assert list(STEP.check(context(job))) == []
    ctx = context(job, facts={"snapshot": {"image": disk.as_uri(), "by_hand": True}})
    assert STEP.run(ctx)["path"] == str(disk)


def test_an_empty_image_is_explained(context: Make, cloud: Cloud) -> None:
    made = cloud.images.make({"name": "void", "status": "active", "size": 0})
    ctx = known(context(Job(f"openstack://practice/image/{made['id']}", "file:///nowhere/", id="test")))
    with pytest.raises(JobError, match="holds no data"):
        STEP.run(ctx)
    assert [f.topic for f in STEP.check(ctx)] == ["volume-boot"]
