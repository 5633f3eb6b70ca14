"""SFTP over a long way: several sessions write side by side, and an interrupted file is gone on with rightly."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.context import Context
from app.errors import Cancelled, JobError, Transient
from app.stores import Store, open_store
from app.stores.sftp import Sftp
from app.transfer import copy, part_name
from tests.faults import Relay
from tests.servers import blocks_of, until
from tests.servers.sshd import Sshd

Make = Callable[..., Context]
DATA = os.urandom(12_000_000)
SHA = hashlib.sha256(DATA).hexdigest()
NAME = "image.qcow2"
PART = part_name(NAME, SHA)
SPREAD = 1 << 20


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Small windows, so that a short file is enough; the further sessions that were opened."""
    monkeypatch.setattr("app.stores.sftp_flow.MOST", 1 << 18)
    monkeypatch.setattr("app.stores.sftp_upload.SPREAD", SPREAD)
    monkeypatch.setattr(Sftp, "spread", SPREAD)
    made: list[object] = []
    real = Sftp._another

    def another(store: Sftp, name: str) -> Any:
        made.append(lane := real(store, name))
        return lane

    monkeypatch.setattr(Sftp, "_another", another)
    return made


@pytest.fixture
def here(tmp_path: Path, ctx: Context) -> Store:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / NAME).write_bytes(DATA)
    return open_store((tmp_path / "here").as_uri() + "/", ctx)


@contextlib.contextmanager
def far(server: Sshd, ctx: Context, delay: float = 0.02) -> Iterator[tuple[Store, Relay]]:
    with Relay(server.port, delay=delay) as relay:
        ctx.answers.give(f"host-key ssh://{relay.HOST}:{server.port}", server.fingerprint)
        with contextlib.closing(open_store(relay.url(server.url("sftp")), ctx)) as store:
            yield store, relay


def send(here: Store, there: Store, ctx: Context, **how: Any) -> Any:
    return copy(here, NAME, there, NAME, ctx, sha256=SHA, **how)


def test_a_long_way_is_gone_by_several_sessions(server: Sshd, ctx: Context, lanes: list[object]) -> None:
    acked: list[int] = []
    with far(server, ctx) as (store, _):
        store.write("a.img", blocks_of(DATA), 0, acked.append)
        assert lanes
        assert sum(acked) == len(DATA)
        assert (server.folder / "a.img").read_bytes() == DATA
        assert b"".join(store.read("a.img")) == DATA


def test_a_short_way_is_gone_by_one(server: Sshd, ctx: Context, lanes: list[object]) -> None:
    with contextlib.closing(open_store(server.url("sftp"), server.known(ctx))) as store:
        store.write("a.img", blocks_of(DATA), 0, lambda n: None)
    assert not lanes


def test_a_server_that_allows_one_session_gets_one(
    tmp_path: Path, ctx: Context, lanes: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ssh.client.PATIENCE", 0.2)
    with Sshd(tmp_path, options=["MaxSessions 1"]) as server, far(server, ctx) as (store, _):
        store.write("a.img", blocks_of(DATA), 0, lambda n: None)
        assert not lanes
        assert (server.folder / "a.img").read_bytes() == DATA


def test_a_server_that_hangs_up_at_a_second_session_is_asked_once(
    server: Sshd, ctx: Context, lanes: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def hangs_up(store: Sftp, name: str) -> Any:
        asked.append(name)
        server.cut()
        raise EOFError

    monkeypatch.setattr(Sftp, "_another", hangs_up)
    with far(server, ctx) as (store, _), pytest.raises(Transient):
        store.write("a.part", blocks_of(DATA), 0, lambda n: None)
    with far(server, ctx) as (store, _):
        store.write("a.part", blocks_of(DATA), 0, lambda n: None)
    assert len(asked) == 1
    assert (server.folder / "a.part").read_bytes() == DATA


def test_a_cut_line_does_not_keep_an_upload_from_several_sessions(
    server: Sshd, ctx: Context, here: Store, lanes: list[object]
) -> None:
    with far(server, ctx) as (store, relay):
        relay.cut_after(7_000_000)
        with pytest.raises(Transient):
            send(here, store, ctx)
        first = len(lanes)
        assert first
        (server.folder / PART).unlink()
        send(here, store, ctx)
        assert len(lanes) > first


def test_no_session_stays_when_it_is_done(server: Sshd, ctx: Context, lanes: list[object]) -> None:
    with far(server, ctx) as (store, _):
        store.write("a.img", blocks_of(DATA), 0, lambda n: None)
        assert lanes
        until(lambda: all(lane.wire.channel.closed for lane in lanes))  # type: ignore[attr-defined]
        store.write("b.img", blocks_of(DATA), 0, lambda n: None)
    assert (server.folder / "b.img").read_bytes() == DATA


def test_gaps_lie_in_the_last_bytes_only_and_none_is_built_upon(
    server: Sshd, ctx: Context, here: Store, lanes: list[object]
) -> None:
    with far(server, ctx) as (store, relay):
        for count in (7_000_000, *(random.randrange(300_000, 2_000_000) for _ in range(5))):  # the first: all sessions
            relay.cut_after(count)
            try:
                send(here, store, ctx)
            except Transient:
                part = server.folder / PART
                there = part.read_bytes() if part.exists() else b""
                sure = max(0, len(there) - SPREAD)
                assert there[:sure] == DATA[:sure]
        relay.cut_after(-1 - relay.passed)
        assert send(here, store, ctx).grade == "sha256-server"
    assert (server.folder / NAME).read_bytes() == DATA
    assert lanes


def test_a_cancelled_upload_over_several_sessions_goes_on(
    server: Sshd, ctx: Context, here: Store, lanes: list[object]
) -> None:
    ctx.report = lambda event: ctx.cancel.set() if event.kind == "tick" and event.done > 6_000_000 else None
    with far(server, ctx) as (store, _):
        with pytest.raises(Cancelled):
            send(here, store, ctx)
        ctx.report, _ = (lambda event: None), ctx.cancel.clear()
        done = send(here, store, ctx)
    assert done.resumed_at > 3_000_000
    assert (server.folder / NAME).read_bytes() == DATA


@pytest.mark.parametrize("only_sftp", [False, True])
def test_a_gap_near_the_end_is_found_and_filled(
    tmp_path: Path, ctx: Context, here: Store, lanes: list[object], only_sftp: bool
) -> None:
    begun = bytearray(DATA[:8_000_000])
    begun[7_500_000:7_600_000] = bytes(100_000)
    with Sshd(tmp_path, only_sftp=only_sftp) as server:
        (server.folder / PART).write_bytes(begun)
        with contextlib.closing(open_store(server.url("sftp"), server.known(ctx))) as store:
            done = send(here, store, ctx)
        assert 7_499_000 < done.resumed_at <= 7_500_001  # random bytes may be zero
        assert (server.folder / NAME).read_bytes() == DATA


def test_a_gap_before_that_is_found_by_the_servers_hash(server: Sshd, ctx: Context, here: Store) -> None:
    begun = bytearray(DATA[:11_000_000])
    begun[1_000_000] ^= 1
    begun[10_900_000] ^= 1
    (server.folder / PART).write_bytes(begun)
    with contextlib.closing(open_store(server.url("sftp"), server.known(ctx))) as store:
        assert send(here, store, ctx).resumed_at == 1_000_000
    assert (server.folder / NAME).read_bytes() == DATA


def test_a_disk_that_fills_up_under_several_sessions_keeps_no_gap(
    tmp_path: Path, ctx: Context, lanes: list[object]
) -> None:
    limit = ("sh", "-c", "trap '' XFSZ; exec prlimit --fsize=7000000 \"$@\"", "sh")
    with Sshd(tmp_path, before=limit) as server, far(server, ctx) as (store, _):
        with pytest.raises(JobError) as caught:
            store.write("a.part", blocks_of(DATA), 0, lambda n: None)
        assert not isinstance(caught.value, Transient)
        assert lanes
        there = (server.folder / "a.part").read_bytes()
    assert len(there) > 3_000_000
    assert there == DATA[: len(there)]
