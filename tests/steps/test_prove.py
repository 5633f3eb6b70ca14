"""The prove step: the gate and the start, and nothing pretended where one cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.context import Context
from app.disk import boottest, machine
from app.errors import JobError
from app.job import Job
from app.steps import prove
from app.steps.prove import STEP
from tests.disk import makers

Make = Callable[..., Context]


@pytest.fixture
def make(context: Make) -> Callable[..., Context]:
    def made(path: Path, format_: str = "raw", **wishes: Any) -> Context:
        job = Job("file:///disk", "file:///somewhere/", id="test", **wishes)
        ctx = context(job, facts={"convert": {"path": str(path), "format": format_}})
        ctx.step = "prove"
        return ctx

    return made


def test_a_disk_that_starts(tmp_path: Path, make: Make) -> None:
    ctx = make(makers.raw_disk(tmp_path / "disk", prompt="box login: "), profile="catalyst")
    facts = STEP.run(ctx)
    assert (facts["ok"], facts["verdict"], facts["bus"], facts["firmware"]) == (True, "login", "virtio", "bios")
    assert Path(facts["screen"]).is_file()
    ctx.journal.record("prove", "done", **facts)  # plain data
    STEP.undo(ctx)
    assert not Path(facts["screen"]).exists()


def test_the_targets_bus_is_used(tmp_path: Path, make: Make) -> None:
    raw = makers.raw_disk(tmp_path / "disk.raw", prompt="box login: ")
    vdi = makers.as_format(raw, tmp_path / "disk.vdi", "vdi")
    assert STEP.run(make(vdi, "vdi", profile="virtualbox"))["bus"] == "sata"


def test_a_disk_that_does_not_start(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = makers.raw_disk(tmp_path / "disk", prompt="Kernel panic - not syncing: no init found")
    real = boottest.boot
    monkeypatch.setattr(boottest, "boot", lambda *a, **k: real(*a, **{**k, "seconds": 3}))
    ctx = make(disk, profile="catalyst")
    with pytest.raises(JobError, match="The kernel stopped with a panic") as caught:
        STEP.run(ctx)
    assert "no init found" in caught.value.message
    assert caught.value.topic == "boot-panic"
    assert "Nothing was uploaded" in caught.value.means
    assert "“prove”: false" in caught.value.remedy
    kept = ctx.state.of("prove")
    assert (kept["ok"], kept["verdict"]) == (False, "panic")


def test_the_gate_comes_before_the_start(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boottest, "boot", lambda *a, **k: pytest.fail("it was started all the same"))
    blank = tmp_path / "blank"
    blank.write_bytes(bytes(makers.MIB))
    with pytest.raises(JobError, match="no partition table"):
        STEP.run(make(blank))
    with pytest.raises(JobError, match="does not take RAW"):
        STEP.run(make(makers.raw_disk(tmp_path / "disk"), profile="vmware"))


def test_left_out_when_the_person_says_so() -> None:
    assert STEP.applies(Job("file:///a", "file:///b/"))
    assert not STEP.applies(Job("file:///a", "file:///b/", prove=False))


def test_what_is_missing_here_is_said_beforehand(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not list(STEP.check(make(tmp_path)))
    monkeypatch.setattr("app.host.find_tool", lambda name: None)
    found = list(STEP.check(make(tmp_path)))
    assert [(f.grade, f.topic) for f in found] == [("stop", "tools")]
    assert "qemu" in found[0].remedy
    assert "“prove”: false" in found[0].remedy


def test_missing_uefi_firmware_is_said_beforehand(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_FIRMWARES", ())
    from dataclasses import replace

    efi = replace(prove.load("generic"), firmware="uefi")
    monkeypatch.setattr(prove, "load", lambda key: efi)
    assert "ovmf" in next(iter(STEP.check(make(tmp_path)))).remedy


def test_what_a_killed_start_has_left_is_swept_away(tmp_path: Path, make: Make) -> None:
    ctx = make(makers.raw_disk(tmp_path / "disk", prompt="box login: "), profile="catalyst")
    left = ctx.work / ".boot-abc"
    for act in (STEP.run, STEP.undo):
        left.mkdir()
        (left / "overlay").write_bytes(b"x")
        act(ctx)
        assert list(ctx.work.iterdir()) == []
