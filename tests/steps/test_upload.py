"""The upload step, from check to undo."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import bandwidth, host, targets
from app.context import Context, Event
from app.errors import JobError, Transient
from app.job import Job
from app.steps.upload import STEP
from app.throttle import Throttle, change
from app.transfer import SENDING, part_name
from tests.faults import Relay
from tests.ports import free_range
from tests.servers.pyftpd import Handler, Pyftpd
from tests.servers.tls import trusted
from tests.servers.vsftpd import Vsftpd

Make = Callable[..., Context]
DATA = os.urandom(2_500_000)
SHA = hashlib.sha256(DATA).hexdigest()
NAME = "my machine.qcow2"


@pytest.fixture(autouse=True)
def short_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    real = bandwidth.probe
    monkeypatch.setattr(bandwidth, "probe", lambda store, ctx: real(store, ctx, 0.3))


@pytest.fixture
def ready(tmp_path: Path, context: Make) -> Callable[..., Context]:
    """A context in which the image is converted and *target* is where it goes."""

    def make(target: str, answers: dict[str, str] | None = None, **wishes: Any) -> Context:
        image = tmp_path / "work" / NAME
        image.parent.mkdir(exist_ok=True)
        image.write_bytes(DATA)
        job = Job("file:///x.qcow2", target, id="test", **wishes)
        facts = {"convert": {"path": str(image), "name": NAME, "size": len(DATA), "sha256": SHA, "format": "qcow2"}}
        made = context(job, answers, facts)
        made.step = "upload"
        return made

    return make


def done(ctx: Context) -> dict[str, Any]:
    facts = STEP.run(ctx)
    ctx.journal.record("upload", "done", **facts)
    return facts


def test_from_check_to_undo(tmp_path: Path, stack: ExitStack, ready: Callable[..., Context]) -> None:
    server = stack.enter_context(Vsftpd(tmp_path))
    trusted(tmp_path, stack)
    ctx = ready(server.url)
    findings = list(STEP.check(ctx))
    assert [finding.grade for finding in findings] == ["ok"]
    assert list(server.folder.iterdir()) == []
    measured = ctx.state.of("upload")["line"]["at"]
    list(STEP.check(ctx))
    assert ctx.state.of("upload")["line"]["at"] == measured  # measured once in half an hour
    facts = done(ctx)
    assert facts["grade"] == "read-back"
    assert facts["sent"] == facts["size"] == len(DATA)
    assert facts["url"] == f"{server.url}my%20machine.qcow2"
    assert (server.folder / NAME).read_bytes() == DATA
    assert (server.folder / facts["sidecar"]).read_text() == f"{SHA}  {NAME}\n"
    (server.folder / "theirs").write_bytes(b"x")
    STEP.undo(ctx)
    STEP.undo(ctx)
    assert [file.name for file in server.folder.iterdir()] == ["theirs"]


def test_an_old_measurement_is_made_again(tmp_path: Path, stack: ExitStack, ready: Callable[..., Context]) -> None:
    server = stack.enter_context(Vsftpd(tmp_path))
    trusted(tmp_path, stack)
    ctx = ready(server.url)
    list(STEP.check(ctx))
    old = ctx.state.of("upload")["line"]
    ctx.fact(line={**old, "at": time.time() - 3600})
    list(STEP.check(ctx))
    assert time.time() - ctx.state.of("upload")["line"]["at"] < 60


def test_undo_in_mid_upload_takes_the_part_away(
    tmp_path: Path, stack: ExitStack, ready: Callable[..., Context]
) -> None:
    ports = free_range(8)
    server = stack.enter_context(Vsftpd(tmp_path, f"pasv_min_port={ports[0]}", f"pasv_max_port={ports[-1]}"))
    trusted(tmp_path, stack)
    relay = stack.enter_context(Relay(server.port, ports))
    ctx = ready(relay.url(server.url))
    relay.cut_after(1_000_000)
    with pytest.raises(Transient):
        STEP.run(ctx)
    assert [file.name for file in server.folder.iterdir()] == [part_name(NAME, SHA)]
    ctx.journal.record("upload", "cancelled")
    STEP.undo(ctx)
    assert list(server.folder.iterdir()) == []


def test_a_file_of_theirs_is_told_of_before_anything_is_converted(tmp_path: Path, context: Make) -> None:
    (tmp_path / "x.qcow2").write_bytes(b"theirs")
    ctx = context(Job("file:///x.raw", tmp_path.as_uri() + "/", id="test"))
    ctx.step = "upload"
    told = [finding for finding in STEP.check(ctx) if finding.topic == "replace"]
    assert [finding.title for finding in told] == ["There is a file x.qcow2 at the target already."]


def test_nothing_is_sent_or_measured_where_there_is_no_room(
    tmp_path: Path, ready: Callable[..., Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    ctx = ready(folder.as_uri() + "/")
    monkeypatch.setattr("app.stores.local.Local.free", lambda self: 1_000_000)
    assert [(f.grade, f.topic) for f in STEP.check(ctx)] == [("stop", "disk-full")]
    with pytest.raises(JobError, match="too little room"):
        STEP.run(ctx)
    assert list(folder.iterdir()) == []
    (folder / NAME).write_bytes(DATA)  # a crash came right after the last rename
    assert STEP.run(ctx)["sent"] == 0


@pytest.mark.parametrize("how", ["longer", "gone", "rewritten"])
def test_an_image_that_changed_after_it_was_hashed_is_not_sent(
    tmp_path: Path, ready: Callable[..., Context], how: str
) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    ctx = ready(folder.as_uri() + "/")
    image = Path(ctx.state.of("convert")["path"])
    ctx.journal.record("fetch", "done", path=str(image), stamp=[image.stat().st_mtime_ns, len(DATA), 0])
    if how == "gone":
        image.unlink()
    else:
        image.write_bytes(DATA + b"x" if how == "longer" else DATA)
        os.utime(image, ns=(1, 1))
    with pytest.raises(JobError, match=r"was changed after|not there any more") as told:
        STEP.run(ctx)
    assert told.value.topic == "changed"
    assert list(folder.iterdir()) == []


def test_a_file_of_theirs_is_told_of_and_survives_undo(
    tmp_path: Path, stack: ExitStack, ready: Callable[..., Context]
) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / NAME).write_bytes(DATA)
    ctx = ready(folder.as_uri() + "/")
    assert any(finding.topic == "replace" for finding in STEP.check(ctx))
    assert done(ctx)["sent"] == 0
    STEP.undo(ctx)
    assert (folder / NAME).read_bytes() == DATA


def test_a_file_that_somebody_put_there_meanwhile_survives_the_upload_and_undo(
    tmp_path: Path, ready: Callable[..., Context]
) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    ctx = ready(folder.as_uri() + "/")
    report = ctx.report

    def meddling(event: Event) -> None:
        report(event)
        if event.text == "Sending the image":
            (folder / NAME).write_bytes(b"theirs")

    ctx.report = meddling
    with pytest.raises(JobError, match="Somebody has put another file"):
        STEP.run(ctx)
    assert sorted(file.name for file in folder.iterdir()) == sorted([NAME, part_name(NAME, SHA)])
    ctx.report = report
    STEP.undo(ctx)
    assert [file.read_bytes() for file in folder.iterdir()] == [b"theirs"]


def test_a_big_image_that_has_to_be_read_back_is_told_of(
    tmp_path: Path, stack: ExitStack, ready: Callable[..., Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.place.BIG", 1_000_000)
    server = stack.enter_context(Vsftpd(tmp_path))
    trusted(tmp_path, stack)
    (found,) = (found for found in STEP.check(ready(server.url)) if "proven by reading it back" in found.title)
    assert "that takes about" in found.text
    assert found.text.endswith("Only samples are read with --verify sampled; they may miss a wrong byte.")


def test_a_local_folder_needs_no_line(tmp_path: Path, ready: Callable[..., Context]) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    ctx = ready(folder.as_uri() + "/")
    findings = list(STEP.check(ctx))
    assert [finding.grade for finding in findings] == ["ok"]
    assert "line" not in ctx.state.of("upload")
    assert done(ctx)["grade"] == "sha256-server"


def test_too_little_room_stops_before_anything(
    tmp_path: Path, ready: Callable[..., Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    monkeypatch.setattr("app.host.free_space", lambda _: 1000)
    stops = [finding for finding in STEP.check(ready(folder.as_uri() + "/")) if finding.grade == "stop"]
    assert "too little room" in stops[0].title


def test_a_usb_stick_with_fat_takes_no_big_file(
    tmp_path: Path, ready: Callable[..., Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    ctx = ready(folder.as_uri() + "/")
    ctx.journal.record("convert", "fact", size=5 << 30)
    monkeypatch.setattr("app.host.free_space", lambda _: 1 << 40)
    assert host.filesystem(folder) not in ("", "vfat")
    assert [finding.grade for finding in STEP.check(ctx)] == ["ok"]
    monkeypatch.setattr("app.host.filesystem", lambda _: "vfat")
    assert "fat" in [finding.topic for finding in STEP.check(ctx)]


def test_a_deadline_that_cannot_be_met_stops_before_anything(
    tmp_path: Path, stack: ExitStack, ready: Callable[..., Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = stack.enter_context(Vsftpd(tmp_path))
    trusted(tmp_path, stack)
    fits = [f for f in STEP.check(ready(server.url, until=time.time() + 7200)) if "well before" in f.title]
    assert [found.grade for found in fits] == ["ok"]
    ctx = ready(server.url, until=time.time() + 60)
    line = {"median": 10_000.0 * 2, "low": 15_000.0, "rtt": 0.01, "acked": 10**6, "seconds": 12.0}
    ctx.fact(line={**line, "abilities": {}, "at": time.time()})
    stops = [found for found in STEP.check(ctx) if found.grade == "stop"]
    assert [found.topic for found in stops] == ["deadline"]
    assert "faster network" in stops[0].remedy


def test_a_targets_own_hours_are_a_deadline_and_the_persons_word_counts_more(
    tmp_path: Path, stack: ExitStack, ready: Callable[..., Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = stack.enter_context(Pyftpd(tmp_path))
    trusted(tmp_path, stack)
    (server.folder / "once").mkdir()
    real = targets.load
    monkeypatch.setattr("app.targets.load", lambda key: replace(real(key), hours=4))
    said = {"profile": "interoute", "created": time.time(), "quiet": ("22:00-06:00=pause",)}
    found = {f.topic: f for f in STEP.check(server.known(ready(f"{server.url}once/", **said)))}
    assert "2.5 MB in 4 h need" in found["deadline"].text
    assert found["quiet"].title == "This target cannot pause in the quiet hours."
    own = server.known(ready(f"{server.url}once/", **said, until=time.time() + 3600))
    assert "2.5 MB in 1 h need" in {f.topic: f for f in STEP.check(own)}["deadline"].text


def test_an_upload_keeps_to_what_was_changed_before_it_began(
    tmp_path: Path, stack: ExitStack, ready: Callable[..., Context], events: list[Event]
) -> None:
    server = stack.enter_context(Vsftpd(tmp_path))
    trusted(tmp_path, stack)
    ctx = ready(server.url, limit=100)
    change(ctx.job, ctx.folder, Throttle(5_000_000))
    STEP.run(ctx)
    limits = {event.facts.get("limit") for event in events if event.kind == "tick" and event.text == SENDING}
    assert limits == {5_000_000}


class OneTime(Handler):
    """The folder vanishes with the first file that arrives."""

    def on_file_received(self, file: str) -> None:
        shutil.rmtree(Path(file).parent)


def test_a_one_time_folder_is_not_used_up_by_the_check(
    tmp_path: Path, stack: ExitStack, ready: Callable[..., Context]
) -> None:
    server = stack.enter_context(Pyftpd(tmp_path, handler=OneTime))
    trusted(tmp_path, stack)
    once = server.folder / "once"
    once.mkdir()
    ctx = server.known(ready(f"{server.url}once/", profile="interoute"))
    assert [finding.topic for finding in STEP.check(ctx)] == ["one-time"]
    assert once.exists()
    facts = done(ctx)
    assert (facts["grade"], facts["sidecar"]) == ("accepted", "")
    assert not once.exists()


def test_a_folder_gone_after_everything_was_sent_is_explained(
    tmp_path: Path, stack: ExitStack, ready: Callable[..., Context]
) -> None:
    server = stack.enter_context(Pyftpd(tmp_path))
    trusted(tmp_path, stack)
    ctx = server.known(ready(f"{server.url}once/", profile="interoute"))
    ctx.fact(all_sent=True)
    with pytest.raises(JobError, match="whole image had been sent"):
        STEP.run(ctx)


def test_progress_reaches_the_whole(
    tmp_path: Path, stack: ExitStack, ready: Callable[..., Context], events: list[Event]
) -> None:
    server = stack.enter_context(Vsftpd(tmp_path))
    trusted(tmp_path, stack)
    STEP.run(ready(server.url))
    sent = [event for event in events if event.kind == "tick" and event.text == "Sending the image"]
    assert sent[-1].done == sent[-1].total == len(DATA)
    assert all(a.done <= b.done for a, b in itertools.pairwise(sent))
