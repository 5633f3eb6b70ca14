"""Conversion: the same disk in every format, nothing half-done left, the source untouched."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.context import Context, Event
from app.disk import image, qemu_img
from app.errors import Cancelled, JobError
from tests.disk import makers

Make = Callable[..., Context]
DRIVERS = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx"}
ODD = 17 * makers.MIB + 512  # whole sectors, but no whole MiB, cylinder or grain


def leftovers(folder: Path) -> list[str]:
    return [f.name for f in folder.iterdir() if f.name.startswith(".")]


@pytest.fixture
def ctx(context: Make) -> Context:
    return context()


@pytest.mark.parametrize("format_", DRIVERS)
def test_every_format_holds_the_same_disk(tmp_path: Path, ctx: Context, events: list[Event], format_: str) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw", ODD)
    before = makers.digest(raw)
    made = image.convert(raw, tmp_path / "out", format_, ctx, compress=True)
    assert made.format == format_
    assert made.virtual_size == (18 * makers.MIB if format_ in ("vhd", "vhdx") else ODD)
    makers.same_disk(raw, "raw", made.path, DRIVERS[format_])
    assert makers.digest(raw) == before
    assert not leftovers(tmp_path)
    ends = [e for e in events if e.kind == "tick" and e.total and e.done == e.total]
    assert {e.text for e in ends} == {"convert", "compare"}
    assert all(0 <= e.done <= e.total == made.virtual_size for e in events if e.kind == "tick" and e.text == "convert")


@pytest.mark.parametrize("source", ["qcow2", "vmdk", "vdi", "vhdx", "vpc"])
def test_every_format_can_be_the_source(tmp_path: Path, ctx: Context, source: str) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw")
    options = ("-o", "subformat=fixed,force_size=on") if source == "vpc" else ()
    held = makers.as_format(raw, tmp_path / "in", source, *options)
    made = image.convert(held, tmp_path / "out", "qcow2", ctx)
    makers.same_disk(raw, "raw", made.path, "qcow2")


def test_size_is_rounded_up_for_the_target_and_reads_as_zeros(tmp_path: Path, ctx: Context) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw", ODD)
    made = image.convert(raw, tmp_path / "out", "raw", ctx, multiple=1 << 20)
    content = made.path.read_bytes()
    assert len(content) == 18 * makers.MIB
    assert content[:ODD] == raw.read_bytes()
    assert not any(content[ODD:])


def test_holes_stay_holes_and_compression_packs(tmp_path: Path, ctx: Context) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw", 64 * makers.MIB, payload=b"sand" * 500_000)
    sparse = image.convert(raw, tmp_path / "out.raw", "raw", ctx)
    plain = image.convert(raw, tmp_path / "a.qcow2", "qcow2", ctx)
    packed = image.convert(raw, tmp_path / "b.qcow2", "qcow2", ctx, compress=True)
    assert sparse.allocated < 5 * makers.MIB
    assert packed.size < plain.size / 3
    assert (plain.detail, plain.flat) == ("1.1", True)


def test_snapshots_inside_are_not_carried_along(tmp_path: Path, ctx: Context) -> None:
    held = makers.as_format(makers.raw_disk(tmp_path / "disk.raw"), tmp_path / "in", "qcow2")
    makers.qemu_img("snapshot", "-c", "before", held)
    assert not image.inspect(held, ctx).flat
    made = image.convert(held, tmp_path / "out", "qcow2", ctx)
    assert (made.flat, made.snapshots) == (True, 0)


def test_names_that_tools_trip_over(tmp_path: Path, ctx: Context) -> None:
    folder = tmp_path / "my, disk: 100%s;o=1"
    folder.mkdir()
    raw = makers.raw_disk(folder / "json:{x},y=1 ünï.raw", ODD)
    made = image.convert(raw, folder / "-o vhd:out,b.vhd", "vhd", ctx)
    makers.same_disk(raw, "raw", made.path, "vpc")


def test_damaged_source_leaves_nothing(tmp_path: Path, ctx: Context) -> None:
    """A compressed cluster whose bytes are no deflate stream is seen when it is read."""
    raw = makers.raw_disk(tmp_path / "disk.raw", payload=b"sand" * 300_000)
    held = makers.as_format(raw, tmp_path / "in", "qcow2", "-c")
    with held.open("r+b") as file:
        file.seek(5 * 65536)
        file.write(b"\xff" * 4000)
    with pytest.raises(JobError) as caught:
        image.convert(held, tmp_path / "out", "raw", ctx)
    assert "damaged" in caught.value.message or "could not be read" in caught.value.message
    assert caught.value.remedy
    assert not (tmp_path / "out").exists()
    assert not leftovers(tmp_path)


def test_a_result_that_differs_is_thrown_away(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that loses a byte while it is written: the comparison sees it."""
    raw = makers.raw_disk(tmp_path / "disk.raw")
    real = qemu_img.run

    def lossy(ctx: Context, *args: str, total: int = 0) -> tuple[int, str, str]:
        said = real(ctx, *args, total=total)
        if args[0] == "convert":
            with Path(args[-1]).open("r+b") as file:
                file.seek(1 << 20)
                file.write(b"\0")
        return said

    monkeypatch.setattr(qemu_img, "run", lossy)
    with pytest.raises(JobError, match="differs from its source"):
        image.convert(raw, tmp_path / "out", "raw", ctx)
    assert not (tmp_path / "out").exists()
    assert not leftovers(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0 and not os.environ.get("CI"):
        pytest.skip("mounting needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.root
@pytest.mark.parametrize("format_", ["raw", "qcow2", "vmdk"])
def test_full_disk_says_how_much_is_missing(tmp_path: Path, small_disk: Path, ctx: Context, format_: str) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw", payload=makers.noise(9 * makers.MIB))
    with pytest.raises(qemu_img.FullDiskError, match="became full") as caught:
        image.convert(raw, small_disk / "out", format_, ctx, options={})
    assert "MB" in caught.value.remedy
    assert "removed" in caught.value.means
    assert not list(small_disk.iterdir())


@pytest.mark.root
def test_forecast_sees_the_full_disk_coming(tmp_path: Path, small_disk: Path, ctx: Context) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw", payload=makers.noise(9 * makers.MIB))
    info = image.inspect(raw, ctx)
    there = image.forecast(info, "raw", small_disk, ctx)
    assert 9 * makers.MIB < there.most < 12 * makers.MIB
    assert there.missing > 5 * makers.MIB
    assert there.free <= 4 * makers.MIB
    packed = makers.as_format(raw, tmp_path / "in", "qcow2", "-c")
    assert image.forecast(image.inspect(packed, ctx), "raw", small_disk, ctx).most > 9 * makers.MIB


def slow_source(tmp_path: Path) -> Path:
    """Its conversion to a compressed image takes some seconds."""
    block = makers.noise(1 << 20)
    raw = makers.raw_disk(tmp_path / "slow.raw", 260 * makers.MIB, payload=block)
    with raw.open("r+b") as file:
        for n in range(2, 250):
            file.seek(n << 20)
            file.write(block)
    return raw


def test_cancel_ends_it_at_once_and_leaves_nothing(tmp_path: Path, ctx: Context) -> None:
    raw = slow_source(tmp_path)
    asked: list[float] = []

    def ask() -> None:
        asked.append(time.monotonic())
        ctx.cancel.set()

    threading.Timer(0.5, ask).start()
    with pytest.raises(Cancelled):
        image.convert(raw, tmp_path / "out", "qcow2", ctx, compress=True)
    assert time.monotonic() - asked[0] < 1.0
    assert not (tmp_path / "out").exists()
    assert not leftovers(tmp_path)


PROGRAM = """
import sys, threading
from pathlib import Path
from app.context import Context
from app.disk import image
from app.job import Job
from app.journal import Journal
from app.secrets import Answers
folder = Path(sys.argv[1])
ctx = Context(Job("file:///x", "file:///y/", id="t"), folder, Journal(folder / "j"), lambda e: None, threading.Event(),
              Answers(use_keyring=False))
image.convert(Path(sys.argv[2]), Path(sys.argv[3]), "qcow2", ctx, compress=True)
"""


def _running(part: Path) -> bool:
    """Whether any process of this computer still has *part* open."""
    for fd in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if fd.readlink() == part:
                return True
        except OSError:
            continue
    return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_kill_9_then_again(tmp_path: Path, ctx: Context) -> None:
    raw, out = slow_source(tmp_path), tmp_path / "out"
    (tmp_path / "job").mkdir(exist_ok=True)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "job"), str(raw), str(out)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 20
    while not (parts := [f for f in leftovers(tmp_path) if f.endswith(".part")]) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert parts
    assert not out.exists()
    deadline = time.monotonic() + 3
    while _running(tmp_path / parts[0]) and time.monotonic() < deadline and shutil.which("setpriv"):
        time.sleep(0.05)
    assert not _running(tmp_path / parts[0]), "qemu-img outlived the program"
    made = image.convert(raw, out, "qcow2", ctx)
    makers.same_disk(raw, "raw", made.path, "qcow2")
    assert not leftovers(tmp_path)


def test_two_at_once_from_one_source(tmp_path: Path, context: Make) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw", 32 * makers.MIB)
    ctx = context()
    made: dict[str, image.Info] = {}

    def work(format_: str) -> None:
        made[format_] = image.convert(raw, tmp_path / f"out.{format_}", format_, ctx)

    threads = [threading.Thread(target=work, args=(format_,)) for format_ in ("qcow2", "vhdx")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for format_, result in made.items():
        makers.same_disk(raw, "raw", result.path, DRIVERS[format_])
    assert len(made) == 2


def test_hash_counts_holes_and_sees_a_file_that_shrinks(tmp_path: Path, ctx: Context, events: list[Event]) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw", 40 * makers.MIB)
    assert image.sha256(raw, ctx) == makers.digest(raw)
    assert (ctx.done, ctx.phase) == (40 * makers.MIB, "hash")
    hole = tmp_path / "hole"
    hole.touch()
    os.truncate(hole, 3 * makers.MIB + 7)
    assert image.sha256(hole, ctx) == makers.digest(hole)
    solid = tmp_path / "solid"
    solid.write_bytes(makers.noise(3 * makers.MIB + 7))
    assert image.sha256(solid, ctx) == makers.digest(solid)


def test_hash_notices_a_file_that_becomes_shorter(tmp_path: Path, ctx: Context) -> None:
    solid = tmp_path / "solid"
    solid.write_bytes(makers.noise(3 * makers.MIB))

    def shrink(event: Event) -> None:
        if event.kind == "phase":
            os.truncate(solid, makers.MIB)

    ctx.report = shrink
    with pytest.raises(JobError, match="changed its length"):
        image.sha256(solid, ctx)


def test_without_qemu_img_it_says_what_to_install(
    tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw")
    monkeypatch.setattr("app.host.find_tool", lambda name: None)
    with pytest.raises(JobError, match="no qemu-img") as caught:
        image.inspect(raw, ctx)
    assert "qemu-utils" in caught.value.remedy or "qemu" in caught.value.remedy
