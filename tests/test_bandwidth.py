"""Measuring the line, on real servers and on slow, stalled and forbidding ones."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.bandwidth import Line, forecast, probe, speeds, verdict
from app.context import Context, Event
from app.errors import Cancelled, JobError
from app.stores import Abilities, Store, open_store
from app.stores import trial as trials
from tests.faults import Relay
from tests.ports import free_range
from tests.servers.proftpd import Proftpd
from tests.servers.pyftpd import ALL, Pyftpd
from tests.servers.sshd import Sshd
from tests.servers.tls import trusted
from tests.servers.vsftpd import Vsftpd

Make = Callable[..., Context]
LINE = Line(1_250_000.0, 1_000_000.0, 0.03, 10_000_000, 12.0, Abilities(), 0.0)


@pytest.fixture
def ctx(context: Make) -> Context:
    return context()


def at(server: Any, ctx: Context, stack: ExitStack, tmp_path: Path) -> Store:
    stack.enter_context(server)
    trusted(tmp_path, stack)
    if hasattr(server, "known"):
        server.known(ctx)
    return stack.enter_context(closing(open_store(server.url, ctx)))


def slow(ctx: Context, stack: ExitStack, tmp_path: Path, rate: float) -> tuple[Vsftpd, Relay, Store]:
    ports = free_range(8)
    server = stack.enter_context(Vsftpd(tmp_path, f"pasv_min_port={ports[0]}", f"pasv_max_port={ports[-1]}"))
    trusted(tmp_path, stack)
    relay = stack.enter_context(Relay(server.port, ports, rate=rate))
    return server, relay, stack.enter_context(closing(open_store(relay.url(server.url), ctx)))


@pytest.mark.parametrize(
    ("make", "how", "expected"),
    [
        (Vsftpd, {}, Abilities()),
        (Proftpd, {}, Abilities(digest=True)),
        (Pyftpd, {"allowed": ALL.replace("f", "")}, Abilities(rename=False)),
        (Pyftpd, {"forbidden": ("REST", "APPE")}, Abilities(resume=False)),
        (Pyftpd, {"allowed": ALL.replace("r", "")}, Abilities(read=False)),
        (Pyftpd, {"forbidden": ("SIZE", "MLST", "MLSD", "LIST", "NLST")}, Abilities(size=False)),
    ],
)
def test_the_probe_finds_out_what_may_be_done(
    tmp_path: Path, stack: ExitStack, ctx: Context, make: Any, how: dict[str, Any], expected: Abilities
) -> None:
    server = make(tmp_path, **how)
    store = at(server, ctx, stack, tmp_path)
    began = time.monotonic()
    line = probe(store, ctx, 0.5)
    assert time.monotonic() - began < 6
    assert line.abilities == store.abilities == expected
    assert line.median > 1e6
    assert 0 < line.low <= line.median
    assert list(server.folder.iterdir()) == []
    assert Line.from_json(line.as_json()) == line


def test_what_must_stay_is_small_and_told(tmp_path: Path, stack: ExitStack, ctx: Context, events: list[Event]) -> None:
    server = Pyftpd(tmp_path, forbidden=("DELE",))
    store = at(server, ctx, stack, tmp_path)
    assert not probe(store, ctx, 0.3).abilities.remove
    left = sorted(server.folder.iterdir())
    assert sum(file.stat().st_size for file in left) <= 1 << 17
    told = " ".join(event.text for event in events if event.kind == "note")
    assert left
    assert all(file.name in told for file in left)


def test_a_folder_that_may_not_be_written_says_so(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    store = at(Pyftpd(tmp_path, allowed="elr"), ctx, stack, tmp_path)
    with pytest.raises(JobError, match="Nothing may be written into this folder"):
        probe(store, ctx, 0.3)


def test_nothing_is_said_to_lie_where_nothing_could_be_written(
    tmp_path: Path, stack: ExitStack, ctx: Context, events: list[Event]
) -> None:
    store = at(Vsftpd(tmp_path, "anon_upload_enable=NO"), ctx, stack, tmp_path)
    with pytest.raises(JobError, match="Nothing may be written") as told:
        probe(store, ctx, 0.3)
    assert told.value.topic == "permission"
    assert [event.text for event in events if event.kind == "note"] == []


def test_little_is_left_where_nothing_may_be_deleted_or_overwritten(
    tmp_path: Path, stack: ExitStack, ctx: Context, events: list[Event]
) -> None:
    server = Vsftpd(tmp_path, "anon_other_write_enable=NO")
    store = at(server, ctx, stack, tmp_path)
    assert not probe(store, ctx, 3).abilities.remove
    left = list(server.folder.iterdir())
    assert left
    assert sum(file.stat().st_size for file in left) <= trials.LITTER + (1 << 18)
    told = " ".join(event.text for event in events if event.kind == "note")
    assert all(file.name in told for file in left)


def test_measuring_never_fills_a_small_disk(
    tmp_path: Path, stack: ExitStack, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = at(Vsftpd(tmp_path), ctx, stack, tmp_path)
    monkeypatch.setattr(store, "free", lambda: 8 << 20)
    assert 0 < probe(store, ctx, 3).acked <= 1 << 20


def test_a_disk_that_is_full_is_told_as_one(
    tmp_path: Path, stack: ExitStack, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Sshd(tmp_path, before=("sh", "-c", "trap '' XFSZ; exec prlimit --fsize=3000000 \"$@\"", "sh"))
    server.known(ctx)
    stack.enter_context(server)
    store = stack.enter_context(closing(open_store(server.url("sftp"), ctx)))
    monkeypatch.setattr(store, "free", lambda: None)
    with pytest.raises(JobError, match="trial file") as told:
        probe(store, ctx, 3)
    assert told.value.topic == "disk-full"
    assert list(server.folder.iterdir()) == []


def test_a_slow_line_is_measured_in_time(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server, _, store = slow(ctx, stack, tmp_path, 250_000)
    began = time.monotonic()
    line = probe(store, ctx, 2)
    assert time.monotonic() - began < 15  # the machine may be busy
    assert 160_000 < line.median < 340_000
    assert list(server.folder.iterdir()) == []


def test_a_line_that_stalls_ends_the_probe(
    tmp_path: Path, stack: ExitStack, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.bandwidth.HARD", 2.0)
    monkeypatch.setattr(trials, "TIDYING", 1.0)
    _, relay, store = slow(ctx, stack, tmp_path, 0)

    def report(event: Event) -> None:
        if event.text == "Measuring the line":
            relay.stall()

    ctx.report = report
    began = time.monotonic()
    line = probe(store, ctx, 1)
    assert time.monotonic() - began < 7
    assert verdict(10**9, replace(line, seconds=30.0)).grade == "stop"


def test_a_cancelled_probe_tidies_up(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server = Vsftpd(tmp_path)
    store = at(server, ctx, stack, tmp_path)

    button = ctx.cancel

    def report(event: Event) -> None:
        if event.kind == "tick":
            button.set()

    ctx.report = report
    with pytest.raises(Cancelled):
        probe(store, ctx, 5)
    assert ctx.cancel.is_set()
    assert list(server.folder.iterdir()) == []


def test_what_a_killed_probe_left_is_taken_away_by_the_next(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server = Vsftpd(tmp_path)
    store = at(server, ctx, stack, tmp_path)
    killed = trials.Trial(store, ctx)
    killed.__enter__()
    killed.abilities()
    killed.upload(lambda seconds, acked, sent: sent > 1 << 20, 5)
    store.write(f"{killed.name}", iter([b"tried"]), 0, lambda _: None)
    assert len(list(server.folder.iterdir())) == 2
    probe(store, ctx, 0.3)
    assert list(server.folder.iterdir()) == []
    assert not ctx.state.of(ctx.step)["trial"]


def test_one_stream_places_are_only_timed(tmp_path: Path, ctx: Context) -> None:
    store = open_store(tmp_path.as_uri() + "/", ctx)
    store.abilities = can = Abilities(rename=False, resume=False, whole=True)
    assert probe(store, ctx, 0.2).abilities == can


def test_speeds_of_a_steady_line_and_of_one_in_bursts() -> None:
    steady = [(i / 4, i * 25_000) for i in range(49)]
    assert speeds(steady) == (pytest.approx(100_000), pytest.approx(100_000))
    slow_start = [(0.0, 0), (2.0, 2_000_000), *((2 + i / 4, 2_000_000 + i * 25_000) for i in range(1, 41))]
    assert speeds(slow_start)[0] == pytest.approx(100_000, rel=0.05)
    bursts = [(0.0, 0), (4.0, 400_000), (8.0, 800_000), (12.0, 1_200_000)]
    assert speeds(bursts)[0] == pytest.approx(100_000)
    assert speeds([(0.0, 0)]) == (0.0, 0.0)


def test_the_forecast_counts_on_three_quarters() -> None:
    likely, slow = forecast(20 * 10**9, LINE)
    assert likely == pytest.approx(20e9 / (0.75 * 1.25e6))
    assert slow >= likely
    assert forecast(1, replace(LINE, median=0.0)) == (math.inf, math.inf)


@pytest.mark.parametrize(
    ("mbit", "grade", "word"),
    [(0.05, "stop", "too slow"), (0.5, "care", "very slow"), (2, "care", "more than a day"), (10, "ok", "good enough")],
)
def test_the_verdict(mbit: float, grade: str, word: str) -> None:
    speed = mbit * 1e6 / 8
    found = verdict(20 * 10**9, replace(LINE, median=speed, low=speed))
    assert (found.grade, word in found.title) == (grade, True)
    if mbit == 0.5:
        assert "days" in found.text
        assert "can be resumed" in found.text
    if grade == "ok":
        assert ":" in found.text  # a time of day
    assert verdict(0, replace(LINE, median=speed, low=speed)).grade in (grade, "ok")
