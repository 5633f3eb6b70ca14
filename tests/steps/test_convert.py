"""The convert step: no copy where none is needed, found again after a crash, undone to the last byte of ours."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.context import Context, Event
from app.disk import convert as conversion
from app.errors import Cancelled, JobError
from app.job import Job
from app.steps.convert import STEP
from tests.disk import makers

Make = Callable[..., Context]


@pytest.fixture
def make(tmp_path: Path, context: Make) -> Callable[..., Context]:
    """A context whose disk has been fetched: `make(source, format, …wishes of the job)`."""

    def made(source: Path, format_: str, facts: dict[str, Any] | None = None, **wishes: Any) -> Context:
        job = Job(source.as_uri(), "file:///somewhere/", id="test", **wishes)
        fetched = {"path": str(source), "format": format_, "sha256": "", "own": False, **(facts or {})}
        ctx = context(job, facts={"fetch": fetched})
        ctx.step = "convert"
        return ctx

    return made


def finish(ctx: Context) -> dict[str, Any]:
    facts = STEP.run(ctx)
    ctx.journal.record("convert", "done", **facts)
    return facts


def test_raw_becomes_the_profiles_first_format(tmp_path: Path, make: Make) -> None:
    raw = makers.raw_disk(tmp_path / "my disk.raw")
    facts = finish(make(raw, "raw"))
    assert (facts["format"], facts["name"], facts["own"]) == ("qcow2", "my-disk.qcow2", True)
    assert (facts["virtual_size"], facts["size"]) == (16 * makers.MIB, Path(facts["path"]).stat().st_size)
    assert facts["sha256"] == makers.digest(Path(facts["path"]))
    makers.same_disk(raw, "raw", Path(facts["path"]), "qcow2")


@pytest.mark.parametrize(
    ("profile", "wish", "driver"),
    [("catalyst", "", "raw"), ("virtualbox", "", "vdi"), ("rackspace", "", "vpc"), ("generic", "vhdx", "vhdx")],
)
def test_formats_by_profile_and_wish(tmp_path: Path, make: Make, profile: str, wish: str, driver: str) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw", 16 * makers.MIB + 512)
    held = makers.as_format(raw, tmp_path / "in.qcow2", "qcow2")
    facts = finish(make(held, "qcow2", profile=profile, format=wish, name="Übung 1"))
    assert facts["name"].startswith("Übung 1.")
    makers.same_disk(raw, "raw", Path(facts["path"]), driver)
    assert facts["virtual_size"] == (17 << 20 if driver in ("vpc", "vhdx") else (16 << 20) + 512)


def test_no_copy_where_the_file_is_right_already(tmp_path: Path, make: Make, events: list[Event]) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw")
    digest = makers.digest(raw)
    facts = finish(make(raw, "raw", profile="catalyst"))
    assert (facts["path"], facts["own"], facts["sha256"]) == (str(raw), False, digest)
    assert any("no copy is made" in e.text for e in events)
    known = finish(make(raw, "raw", {"sha256": "ab" * 32}, profile="catalyst"))
    assert known["sha256"] == "ab" * 32  # computed while it was fetched
    ctx = make(raw, "raw", profile="catalyst")
    STEP.undo(ctx)
    assert makers.digest(raw) == digest


def test_a_big_plain_qcow2_is_packed_only_if_wanted(tmp_path: Path, make: Make) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw", 40 * makers.MIB, payload=b"0123456789abcdef" * (30 << 16))
    plain = makers.as_format(raw, tmp_path / "plain.qcow2", "qcow2")
    packed = makers.as_format(raw, tmp_path / "packed.qcow2", "qcow2", "-c")
    assert plain.stat().st_size > 16 * makers.MIB
    facts = finish(make(plain, "qcow2"))
    assert facts["own"]
    assert facts["size"] < plain.stat().st_size / 2
    assert not finish(make(plain, "qcow2", compress=False))["own"]
    assert not finish(make(plain, "qcow2", profile="interoute"))["own"]  # wants it flat and plain
    assert not finish(make(packed, "qcow2"))["own"]


def test_a_finished_result_is_found_again(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw")
    ctx = make(raw, "raw")
    first = STEP.run(ctx)  # and then the power fails, before the journal says done
    monkeypatch.setattr(conversion, "_convert", lambda *a, **k: pytest.fail("it was converted again"))
    assert STEP.run(ctx) == first


@pytest.mark.parametrize("spoil", ["shorter", "rewritten", "gone", "another source"])
def test_a_spoiled_result_is_made_again(tmp_path: Path, make: Make, spoil: str) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw")
    ctx = make(raw, "raw")
    first = STEP.run(ctx)
    path = Path(first["path"])
    if spoil == "shorter":
        os.truncate(path, 70000)
    elif spoil == "rewritten":
        path.write_bytes(path.read_bytes())
        os.utime(path, (1, 1))
    elif spoil == "gone":
        path.unlink()
    else:
        makers.raw_disk(raw, payload=makers.noise(200_000, 9))
    again = STEP.run(ctx)
    makers.same_disk(raw, "raw", Path(again["path"]), "qcow2")
    assert again["sha256"] == makers.digest(Path(again["path"]))


def test_stopped_in_the_middle_leaves_nothing_and_goes_on(tmp_path: Path, make: Make) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw", 200 * makers.MIB, payload=makers.noise(90 * makers.MIB))
    ctx = make(raw, "raw")
    threading.Timer(0.4, ctx.cancel.set).start()
    with pytest.raises(Cancelled):
        STEP.run(ctx)
    assert not list(ctx.work.iterdir())
    ctx.cancel.clear()
    (ctx.work / ".converted.qcow2.0123abcd.part").write_bytes(b"left by a kill -9")
    facts = STEP.run(ctx)
    assert [f.name for f in ctx.work.iterdir()] == [Path(facts["path"]).name]
    STEP.undo(ctx)
    assert not list(ctx.work.iterdir())
    STEP.undo(ctx)


def test_a_source_that_changed_meanwhile_is_not_sent(tmp_path: Path, make: Make) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw")
    stat = raw.stat()
    stamp = [stat.st_mtime_ns, stat.st_size, stat.st_ino]
    STEP.run(make(raw, "raw", {"stamp": stamp}))
    os.utime(raw, ns=(1, 1))
    with pytest.raises(JobError, match="was changed after this export began"):
        STEP.run(make(raw, "raw", {"stamp": stamp}))


def test_a_source_that_went_away_meanwhile_is_told_as_such(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw")
    ctx = make(raw, "raw")

    def report(event: Event) -> None:
        if event.kind == "phase" and event.text == "compare":
            raw.unlink()

    monkeypatch.setattr(ctx, "report", report)
    with pytest.raises(JobError, match="is not there any more") as told:
        STEP.run(ctx)
    assert "Plug its disk in again" in told.value.remedy


def test_a_cloud_that_promised_raw_and_sent_qcow2(tmp_path: Path, make: Make) -> None:
    held = makers.as_format(makers.raw_disk(tmp_path / "disk.raw"), tmp_path / "in", "qcow2")
    with pytest.raises(JobError, match="should be a raw disk image"):
        STEP.run(make(held, "raw"))


def test_check_before_anything(tmp_path: Path, context: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw")
    job = Job(raw.as_uri(), "file:///somewhere/", id="test")
    assert {f.grade for f in STEP.check(context(job))} == {"ok"}
    wrong = list(STEP.check(context(replace(job, profile="vmware", format="qcow2"))))
    assert [(f.grade, f.title, f.remedy) for f in wrong] == [
        ("stop", "VMware (ESXi, vSphere, Workstation, Fusion) does not take QCOW2.", "Choose one of: VMDK.")
    ]
    care = list(STEP.check(context(replace(job, profile="interoute"))))
    assert any(f.grade == "care" and "never tried for real" in f.title and "simulator only" in f.text for f in care)
    monkeypatch.setattr("app.host.free_space", lambda folder: 1000)
    full = [f for f in STEP.check(context(replace(job, format="vdi"))) if f.topic == "space"]
    assert full[0].grade == "stop"
    assert "1.0 kB are free" in full[0].text
    monkeypatch.setattr("app.host.find_tool", lambda name: None)
    assert [f.topic for f in STEP.check(context(job))] == ["tools"]


def test_check_of_a_blank_disk_stops_before_the_work(tmp_path: Path, context: Make) -> None:
    blank = tmp_path / "blank.raw"
    blank.write_bytes(bytes(makers.MIB))
    found = list(STEP.check(context(Job(blank.as_uri(), "file:///somewhere/", id="test"))))
    assert [f.grade for f in found] == ["stop"]
    assert "no partition table" in found[0].title


def test_a_source_in_the_cloud_is_not_looked_for_here(context: Make) -> None:
    assert not list(STEP.check(context(Job("openstack://c/server/1", "file:///somewhere/", id="test"))))
