"""The watch over an upload: what it says with the clocks in our hands, and what it does on a real line."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.context import Context, Event
from app.errors import Transient
from app.throttle import Hours, Throttle
from app.transfer import clocks as clocks_module
from app.transfer.bottleneck import Shares
from app.transfer.carrier import Carrier, why_silent
from app.transfer.clocks import Gap, Heart
from app.transfer.watch import Resting, Watch, Wishes

Make = Callable[..., Context]
MB = 10**6


class Clocks:
    """Two clocks: *steady* stands still while the computer sleeps, *wall* does not."""

    def __init__(self) -> None:
        self.steady, self.wall = 1000.0, 1_800_000_000.0

    def work(self, seconds: float) -> None:
        self.steady += seconds
        self.wall += seconds

    def sleep(self, seconds: float) -> None:
        self.wall += seconds


class Beat(Heart):
    """Beats when it is asked, by the clocks in our hands."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks

    def begin(self) -> None:
        self._gap = Gap(lambda: self._clocks.steady, lambda: self._clocks.wall)

    def end(self) -> None: ...

    def passed(self) -> float:
        return self._gap.passed()


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


class Place:
    """A store of which only the connection matters."""

    url, answers = "sftp://there/", True

    def __init__(self, sock: socket.socket | None) -> None:
        self.sock = sock

    def carrier(self) -> socket.socket | None:
        return self.sock


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a TCP connection."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
        with near, far:
            yield near, far


@pytest.fixture
def watching(context: Make, clocks: Clocks) -> Iterator[Callable[..., Watch]]:
    """Make a watch that looks along with the context's upload of 1 GB."""
    made: list[Watch] = []

    def make(sock: socket.socket | None = None, **wishes: Any) -> Watch:
        ctx = context()
        ctx.begin("Sending the image", 1000 * MB)
        watch = Watch(ctx, Place(sock), Wishes(**wishes), Beat(clocks), lambda: clocks.steady, lambda: clocks.wall)  # type: ignore[arg-type]
        made.append(watch.__enter__())
        watch.ctx = ctx  # type: ignore[attr-defined]
        return watch

    yield make
    for watch in made:
        watch.__exit__()


def flow(watch: Any, clocks: Clocks, seconds: int, rate: float = MB, cause: str = "") -> None:
    """Bytes get through for a while."""
    for _ in range(seconds * 2):
        clocks.work(0.5)
        if cause:
            watch.spent(cause, 0.5)
        watch.give()
        watch.ctx.advance(round(rate / 2))


def idle(watch: Any, clocks: Clocks, seconds: int) -> None:
    """Not a byte gets through, and the work looks whether it is cancelled."""
    for _ in range(seconds * 2):
        clocks.work(0.5)
        watch.look()


def fill(sock: socket.socket) -> None:
    """Send what nobody reads."""
    sock.setblocking(False)
    while True:
        sock.send(bytes(1 << 16))


def notes(events: list[Event]) -> list[str]:
    return [event.text for event in events if event.kind == "note"]


def test_what_takes_most_of_the_time_is_named_and_forgotten_again() -> None:
    shares = Shares()
    assert shares.name == ""
    shares.spent("disk", 4)
    shares.spent("line", 2)
    assert shares.name == "disk"
    for _ in range(60):
        shares.spent("line", 0.5)
    assert shares.name == "line"


def test_sleep_is_seen_by_two_clocks(clocks: Clocks) -> None:
    gap = Gap(lambda: clocks.steady, lambda: clocks.wall)
    clocks.work(2)
    assert gap.passed() == 0
    clocks.sleep(3600)
    assert gap.passed() == pytest.approx(3600)
    clocks.work(60)  # a system whose other clock goes on in a sleep
    assert gap.passed() == pytest.approx(60)
    clocks.wall -= 7200  # somebody set the clock back
    assert gap.passed() == 0


def test_the_heart_sees_a_sleep_whatever_the_work_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    shift = [0.0]
    monkeypatch.setattr(clocks_module, "BEAT", 0.01)
    monkeypatch.setattr(clocks_module, "Gap", lambda: Gap(time.monotonic, lambda: time.time() + shift[0]))
    heart = Heart()
    heart.begin()
    time.sleep(0.1)  # a slow disk
    assert heart.passed() == 0
    shift[0] = 7200.0
    until, slept = time.monotonic() + 10, 0.0
    while not slept and time.monotonic() < until:
        slept = heart.passed()
        time.sleep(0.01)
    heart.end()
    assert slept == pytest.approx(7200, abs=10)
    assert heart.passed() == 0


def test_the_forecast_is_near_the_truth_after_a_minute_of_a_narrow_line(watching: Any, clocks: Clocks) -> None:
    watch = watching()
    for n in range(120):
        clocks.work(0.5)
        watch.ctx.advance(62_500 if n % 2 else 0)  # in bursts
    facts = watch.facts()
    truth = (1000 * MB - watch.ctx.done) / 62_500
    assert facts["rate"] == pytest.approx(62_500, rel=0.15)
    assert facts["left"] == pytest.approx(truth, rel=0.15)


def test_a_sleep_is_told_in_one_sentence_and_leaves_the_forecast(
    watching: Any, clocks: Clocks, events: list[Event]
) -> None:
    watch = watching()
    flow(watch, clocks, 60)
    before = watch.facts()["left"]
    watch.spent("disk", 3 * 3600)  # it fell asleep while it read
    clocks.sleep(3 * 3600)
    flow(watch, clocks, 2)
    assert watch.facts().get("limited_by") != "disk"
    assert notes(events) == ["This computer slept for 3 h. The connection is looked at now."]
    assert watch.facts()["left"] == pytest.approx(before, rel=0.05)
    assert "stalled" not in watch.facts()


def test_a_connection_that_did_not_survive_the_sleep_is_made_anew(
    watching: Any, clocks: Clocks, line: tuple[socket.socket, socket.socket]
) -> None:
    watch = watching(line[0])
    flow(watch, clocks, 5)
    clocks.sleep(3600)
    idle(watch, clocks, 9)
    with pytest.raises(Transient, match="did not survive"):
        idle(watch, clocks, 5)
    assert watch.ctx.watch is None  # nothing may disturb the tidying


def test_another_network_is_noticed_in_a_stall_and_not_while_bytes_flow(
    watching: Any, clocks: Clocks, line: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = watching(line[0])
    flow(watch, clocks, 5)
    monkeypatch.setattr("app.host.way_to", lambda _: "192.0.2.7")
    flow(watch, clocks, 5)
    with pytest.raises(Transient, match=r"network of this computer changed \(from 127.0.0.1 to 192.0.2.7\)"):
        idle(watch, clocks, 5)


def test_another_network_after_a_sleep_is_noticed_at_once(
    watching: Any, clocks: Clocks, line: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = watching(line[0])
    flow(watch, clocks, 5)
    monkeypatch.setattr("app.host.way_to", lambda _: "192.0.2.7")
    clocks.sleep(60)
    clocks.work(0.3)
    with pytest.raises(Transient, match="network of this computer changed"):
        watch.look()


def test_a_stall_is_told_with_its_cause_and_what_comes_next(
    watching: Any, clocks: Clocks, line: tuple[socket.socket, socket.socket], events: list[Event]
) -> None:
    watch = watching(line[0])
    flow(watch, clocks, 20)
    events.clear()
    idle(watch, clocks, 30)
    until = time.monotonic() + 10
    while not watch.facts().get("cause") and time.monotonic() < until:
        time.sleep(0.01)
    facts = watch.facts()
    assert facts["stalled"] == pytest.approx(30, abs=1)
    assert facts["cause"] == "alive"
    assert facts["again_in"] == pytest.approx(90, abs=1)
    ticks = [event for event in events if event.kind == "tick"]
    assert len(ticks) >= 25, "there is no silence in a stall"
    flow(watch, clocks, 1)
    assert "stalled" not in watch.facts()


def test_why_nothing_gets_through(line: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    there = line[0].getpeername()
    assert why_silent(there, "") == "no-network"
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = listener.getsockname()
        assert why_silent(address, "127.0.0.1") == "alive"
    assert why_silent(address, "127.0.0.1") == "refused"


def test_the_line_is_told_from_the_server(line: tuple[socket.socket, socket.socket]) -> None:
    near, _ = line
    carrier = Carrier(near, answers=True)
    assert carrier.way() == "127.0.0.1"
    assert carrier.waits_for() == "server"  # nothing is under way, and yet its answer is waited for
    with pytest.raises(BlockingIOError):
        fill(near)
    assert carrier.waits_for() == "line"
    assert Carrier.of(Place(None)) is None
    near.close()
    assert carrier.waits_for() == "far"
    assert Carrier.of(Place(near)) is None


def test_a_limit_that_changes_is_told_and_holds(watching: Any, clocks: Clocks, events: list[Event]) -> None:
    wanted = [Throttle(2 * MB)]
    watch = watching(throttle=lambda: wanted[0])
    assert watch.allowed == 2 * MB
    flow(watch, clocks, 20, 2 * MB, "limit")
    assert watch.facts()["limited_by"] == "limit"
    assert notes(events) == []
    wanted[0] = Throttle(4 * MB)
    flow(watch, clocks, 1, 4 * MB, "limit")
    wanted[0] = Throttle()
    flow(watch, clocks, 1, 4 * MB)
    assert notes(events) == [
        "The upload goes on with another limit: 4.0 MB/s at most.",
        "The upload goes on with another limit: as fast as possible.",
    ]


def test_the_forecast_knows_the_quiet_hours(watching: Any, clocks: Clocks) -> None:
    here = time.localtime(clocks.wall)
    minute = (here.tm_hour * 60 + here.tm_min + 5) % 1440
    quiet = Throttle(0, (Hours(minute, (minute + 60) % 1440, 0),))
    watch = watching(throttle=lambda: quiet)
    flow(watch, clocks, 60)
    left = watch.facts()["left"]
    assert left == pytest.approx(940 + 3600, rel=0.05)


def test_quiet_hours_rest_where_the_place_allows_it(watching: Any, clocks: Clocks) -> None:
    quiet = Throttle(3 * MB, (Hours(0, 1439, 0), Hours(1439, 0, 0)))
    with pytest.raises(Resting):
        _ = watching(throttle=lambda: quiet).allowed
    assert watching(throttle=lambda: quiet, rests=False).allowed == 3 * MB
    assert watching(throttle=lambda: replace(quiet, limit=0), rests=False).allowed == math.inf


def test_a_rest_ends_when_somebody_takes_the_hours_back(watching: Any, events: list[Event]) -> None:
    always = Throttle(0, (Hours(0, 1439, 0), Hours(1439, 0, 0)))
    asked = iter([always, always, Throttle(), Throttle()])
    watch = watching(throttle=lambda: Throttle())
    watch._wishes = Wishes(lambda: next(asked, Throttle()))
    watch.ctx.progressed = 0.0
    watch.rest()
    resting = [event for event in events if event.kind == "tick"]
    assert resting
    assert watch.ctx.progressed > 0, "the engine's patience with the network is not used up by it"


def test_a_deadline_that_cannot_be_met_any_more_is_told_once(
    watching: Any, clocks: Clocks, events: list[Event]
) -> None:
    watch = watching(until=clocks.wall + 300)
    flow(watch, clocks, 60)
    assert watch.facts()["late"]
    assert len([text for text in notes(events) if "has to be there by" in text]) == 1


def test_the_sums_of_a_wait_go_to_the_line_or_to_this_computer(
    watching: Any, clocks: Clocks, tmp_path: Path, line: tuple[socket.socket, socket.socket]
) -> None:
    watch = watching(line[0])
    for _ in range(20):
        watch.give()
        clocks.work(0.5)
        watch.back()
        watch.ctx.advance(MB)
    assert watch.facts()["limited_by"] == "server"
