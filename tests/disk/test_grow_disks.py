"""Data put into a copy whose system disk is made bigger, in libguestfs for real, on three layouts of disks.

What comes out is read on this computer, by a kernel and a program that had no part in it. One start of libguestfs's
machine takes most of a minute where it is emulated, so that each layout tries as much as it can at once.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app import growing
from app.context import Context
from app.disk import image
from app.disk.guest import Change, available, carry
from app.job import Job
from app.journal import Journal
from app.secrets import Answers
from app.steps import adapt, convert, image_facts
from tests.disk.growth import MIB, Pair, below, partitions, raw, volume
from tests.guest.offline import Part, listing_in

pytestmark = [pytest.mark.guest, pytest.mark.root, pytest.mark.timeout(1200)]
GIB = 1 << 30
MARK = "#sandhopper-j1-grow# "


@pytest.fixture(autouse=True)
def _needed() -> None:
    assert available(), "libguestfs is needed (make test-guest installs it)"


def grown(pair: Pair, more: int) -> tuple[Path, list[Change]]:
    """The disk with the data of *pair* in it, as a raw file, and what was told of it."""
    job = pair.place / "job"
    job.mkdir()
    journal = Journal(job / "journal.jsonl")
    answers = Answers({}, use_keyring=False)
    ctx = Context(Job("file:///a", "file:///b/", id="j1"), job, journal, lambda _: None, threading.Event(), answers)
    system = image.inspect(pair.place / "system.raw", ctx)
    load = carry.Load("/data", pair.uuid, kind=pair.kinds[1])
    wish = growing.Wish("j1", [load], [(pair.place / "data.raw", "raw")], more)
    over = pair.place / "over.qcow2"
    size, changes = growing.grow(over, system, wish, ctx)
    made = raw(over)
    assert made.stat().st_size == size
    return made, changes


def same(pair: Pair, disk: Path, part: Part, *, seconds: bool = False) -> None:
    """The data is there, and all else is as it was but for what tells of the data's disk."""
    was, now = pair.data(), listing_in(disk, part)
    there = below(now, "data")
    if seconds:
        for fact in was.values():
            fact["time"] = fact["time"] // 10**9 * 10**9
    assert len(was) > 200
    assert there == was
    assert "var/log/kept" in now
    assert "data/hidden" not in now  # what the disk had covered


def test_a_logical_partition_and_an_ext4_with_small_inodes(tmp_path: Path) -> None:
    pair = Pair.made(tmp_path / "mbr", "mbr", ("ext4", "xfs"))
    before = pair.digests()
    disk, changes = grown(pair, 200 * MIB)
    (_, _), (first, whole), (start, size) = partitions(disk)
    assert disk.stat().st_size == GIB == start + size == first + whole
    same(pair, disk, Part(0, start, size, "ext4", "/"), seconds=True)
    assert [change.grade for change in changes] == ["ok", "ok", "ok", "care", "ok", "ok"]
    assert "whole seconds" in changes[3].title
    assert changes[2].before == "hidden"
    assert pair.digests() == before


def test_a_volume_group_whose_partition_is_not_the_last_and_a_part_of_a_btrfs(tmp_path: Path) -> None:
    pair = Pair.made(tmp_path / "lvm", "lvm", ("btrfs", "btrfs"), "@data")
    before = pair.digests()
    disk, _ = grown(pair, 200 * MIB)
    parts = partitions(disk)
    assert len(parts) == 3  # the swap stays in the middle
    root = volume(disk, "root", [parts[0][0], parts[2][0]])
    assert root.stat().st_size > 850 * MIB
    same(pair, root, Part(0, 0, root.stat().st_size, "btrfs", "/"))
    assert pair.digests() == before


def test_killed_in_the_copy_it_begins_anew_and_the_fetched_disks_are_never_written(tmp_path: Path) -> None:
    pair = Pair.made(tmp_path / "gpt", "gpt", ("xfs", "ext4"))
    before = pair.digests()
    killed_at(pair, "grow-copy")
    assert pair.digests() == before
    ctx = pair.context()
    assert (ctx.work / adapt.NAME).exists()
    facts = adapt.STEP.run(ctx)
    ctx.journal.record("adapt", "done", **facts)
    assert pair.digests() == before
    assert facts["virtual_size"] == GIB
    assert "disks" not in image_facts(ctx.state)  # the data disk does not go on by itself
    made = convert.STEP.run(ctx)
    assert (made["virtual_size"], "disks" in made) == (GIB, False)
    disk = raw(Path(made["path"]))
    subprocess.run(["sgdisk", "--verify", str(disk)], check=True, capture_output=True)
    told = json.loads(subprocess.check_output(["sfdisk", "-J", str(disk)]))["partitiontable"]
    assert told["lastlba"] >= GIB // 512 - 2048  # the second table was moved
    assert [part.get("name") for part in told["partitions"]] == ["esp", "root"]
    assert told["partitions"][1]["attrs"] == "GUID:59"
    start, size = partitions(disk)[1]
    assert start + size > GIB - 2 * MIB
    same(pair, disk, Part(0, start, size, "xfs", "/"))
    written = " ".join(change["after"] for change in facts["changes"])
    assert f"{MARK}UUID={pair.uuid} /data" in written
    assert "ConditionPathExists=!/" in written
    assert not list(ctx.work.glob(".guest-*"))


def killed_at(pair: Pair, phase: str) -> None:
    command = [sys.executable, "-m", "tests.disk.growth", str(pair.place), *pair.kinds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        assert any(line.strip() == phase for line in run.stdout), "it ended before the copy"
        run.send_signal(signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL
