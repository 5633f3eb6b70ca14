"""The pace of uploads to real servers: rests, narrow lines, slow disks, a network that changes."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from app.context import Context, Event
from app.errors import Cancelled, Transient
from app.stores import Store, open_store
from app.stores.local import Local
from app.throttle import Hours, Throttle
from app.transfer import SENDING, Wishes, bottleneck, copy
from tests.faults import Relay
from tests.ports import free_range
from tests.servers.sshd import Sshd
from tests.servers.tls import trusted
from tests.servers.vsftpd import Vsftpd

Make = Callable[..., Context]
DATA = os.urandom(3_000_000)
SHA = hashlib.sha256(DATA).hexdigest()
NAME = "image.qcow2"
ALWAYS = Throttle(0, (Hours(0, 1439, 0), Hours(1439, 0, 0)))  # a pause at all times


@pytest.fixture
def ctx(context: Make) -> Context:
    return context()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / NAME).write_bytes(DATA)
    return folder


class Slow(Local):
    """A disk that takes its time, and counts what was read."""

    def __init__(self, folder: Path, ctx: Context, pause: float = 0.0) -> None:
        super().__init__(folder.as_uri() + "/", ctx)
        self.pause, self.count = pause, 0

    def read(self, name: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        for block in super().read(name, offset, length):
            time.sleep(self.pause)
            self.count += len(block)
            yield block


def place(kind: str, tmp_path: Path, ctx: Context, stack: ExitStack, rate: float = 0) -> tuple[Any, Relay, Store]:
    """A real server, a relay before it, and the store."""
    if kind == "sftp":
        server: Any = stack.enter_context(Sshd(tmp_path))
        relay = stack.enter_context(Relay(server.port, rate=rate))
        ctx.answers.give(f"host-key ssh://{relay.HOST}:{server.port}", server.fingerprint)
        url = server.url("sftp")
    else:
        ports = free_range(8)
        server = stack.enter_context(Vsftpd(tmp_path, f"pasv_min_port={ports[0]}", f"pasv_max_port={ports[-1]}"))
        trusted(tmp_path, stack)
        relay, url = stack.enter_context(Relay(server.port, ports, rate=rate)), server.url
    return server, relay, stack.enter_context(closing(open_store(relay.url(url), ctx)))


def ticks(events: list[Event]) -> list[Event]:
    return [event for event in events if event.kind == "tick"]


@pytest.mark.parametrize("kind", ["sftp", "ftps"])
def test_a_rest_closes_the_line_and_goes_on_with_what_is_there(
    tmp_path: Path, here: Path, ctx: Context, stack: ExitStack, events: list[Event], kind: str
) -> None:
    server, relay, store = place(kind, tmp_path, ctx, stack)
    wanted = [Throttle(2_000_000)]
    lines: list[int] = []

    def report(event: Event) -> None:
        events.append(event)
        if event.text == SENDING and event.done > 500_000 and not lines:
            wanted[0] = ALWAYS
        if event.text == "resting" and event.kind == "tick":
            lines.append(len(relay._socks))
            wanted[0] = Throttle()

    ctx.report = report
    source = Slow(here, ctx)
    done = copy(source, NAME, store, NAME, ctx, sha256=SHA, wishes=Wishes(lambda: wanted[0]))
    assert (server.folder / NAME).read_bytes() == DATA
    assert lines, "there was a rest"
    assert done.resumed_at == 0
    begun = [event.done for event in events if event.kind == "phase" and event.text == SENDING]
    assert begun[0] == 0
    assert begun[-1] > 100_000, "it went on from where it was"
    assert all(event.facts["rests_until"] > 0 for event in ticks(events) if event.text == "resting")
    assert "The upload goes on." in [event.text for event in events]


def test_a_cancel_ends_a_rest(tmp_path: Path, here: Path, ctx: Context, stack: ExitStack) -> None:
    _, _, store = place("sftp", tmp_path, ctx, stack)
    ctx.report = lambda event: ctx.cancel.set() if event.text == "resting" else None
    with pytest.raises(Cancelled):
        copy(Slow(here, ctx), NAME, store, NAME, ctx, wishes=Wishes(lambda: ALWAYS))


@pytest.mark.parametrize("kind", ["sftp", "ftps"])
def test_a_narrow_line_is_named_and_little_is_under_way_on_it(
    tmp_path: Path, here: Path, ctx: Context, stack: ExitStack, events: list[Event],
    monkeypatch: pytest.MonkeyPatch, kind: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(bottleneck, "ENOUGH", 1.0)
    _, _, store = place(kind, tmp_path, ctx, stack, rate=62_500)  # 0.5 Mbit/s
    source, most = Slow(here, ctx), 0

    def report(event: Event) -> None:
        nonlocal most
        events.append(event)
        most = max(most, source.count - event.done)
        if event.kind == "tick" and event.done > 300_000:
            ctx.cancel.set()

    ctx.report = report
    with pytest.raises(Cancelled):
        copy(source, NAME, store, NAME, ctx, sha256=SHA)
    assert most < 1_000_000
    said = {event.facts.get("limited_by", "") for event in ticks(events)} - {""}
    assert said
    assert said <= ({"line"} if kind == "sftp" else {"line", "far"})


SFTP_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server", "/usr/libexec/openssh/sftp-server")
LAZY = """
import subprocess, sys, time
program = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
while piece := sys.stdin.buffer.raw.read(1 << 15):
    program.stdin.write(piece)
    program.stdin.flush()
    time.sleep(len(piece) / 700_000)
program.stdin.close()
"""


def test_a_slow_server_is_named(
    tmp_path: Path, here: Path, ctx: Context, stack: ExitStack, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bottleneck, "ENOUGH", 1.0)
    (tmp_path / "lazy.py").write_text(LAZY)
    program = next(place for place in SFTP_SERVERS if Path(place).exists())
    server = stack.enter_context(Sshd(tmp_path, sftp=f"{sys.executable} {tmp_path / 'lazy.py'} {program}"))
    server.known(ctx)
    store = stack.enter_context(closing(open_store(server.url("sftp"), ctx)))
    copy(Slow(here, ctx), NAME, store, NAME, ctx, sha256=SHA)
    assert {event.facts.get("limited_by", "") for event in ticks(events)} - {""} == {"server"}


def test_a_slow_disk_here_is_named(
    tmp_path: Path, here: Path, ctx: Context, stack: ExitStack, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bottleneck, "ENOUGH", 1.0)
    _, _, store = place("sftp", tmp_path, ctx, stack)
    copy(Slow(here, ctx, 0.2), NAME, store, NAME, ctx, sha256=SHA)
    assert {event.facts.get("limited_by", "") for event in ticks(events)} - {""} == {"disk"}


@pytest.mark.parametrize("kind", ["sftp", "ftps"])
def test_another_network_in_a_stall_makes_the_connection_anew(
    tmp_path: Path, here: Path, ctx: Context, stack: ExitStack, kind: str
) -> None:
    server, relay, store = place(kind, tmp_path, ctx, stack, rate=400_000)
    moved = stack.enter_context(pytest.MonkeyPatch.context())

    def report(event: Event) -> None:
        if event.text == SENDING and event.kind == "tick" and event.done > 400_000:
            relay.stall()
            moved.setattr("app.host.way_to", lambda _: "192.0.2.7")

    ctx.report = report
    with pytest.raises(Transient, match="network of this computer changed"):
        copy(Slow(here, ctx), NAME, store, NAME, ctx, sha256=SHA)
    ctx.report = lambda event: None
    relay.go()
    relay.rate = 0
    moved.undo()
    done = copy(Slow(here, ctx), NAME, store, NAME, ctx, sha256=SHA)
    assert done.resumed_at > 0
    assert (server.folder / NAME).read_bytes() == DATA
