"""Looks after one upload from inside its own work: how fast, when ready, what it waits for, and what to do in a stall.

The work looks several times a second whether it is cancelled; `Context` lets the watch look along. So there is no
second thread that could act in a wrong moment, and what the watch raises ends the attempt as a cut line would.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from app.context import Context
from app.deadline import when
from app.errors import Transient
from app.meter import STALL, Meter
from app.stores import Store
from app.throttle import Throttle
from app.transfer.bottleneck import Shares
from app.transfer.carrier import Asking, Carrier
from app.transfer.clocks import Clock, Heart
from app.units import clock, duration, rate

LOOK, TICK = 0.25, 1.0  # seconds between two looks, and between two words about progress while nothing moves
UNEASY = 3.0  # seconds without a byte before the way is looked at
CHECKED = 10.0  # seconds after a sleep in which a byte must get through
ASK_AGAIN = 20.0  # seconds between two questions whether the server is still there
GIVEN_UP = 120.0  # seconds without a byte after which the stores end the attempt
RESTING = "resting"
LOCAL = "file:"


class Resting(Exception):
    """Quiet hours have begun in which nothing is to be sent."""


@dataclass(frozen=True)
class Wishes:
    """What the person wants of an upload's pace.

    *throttle* is asked again and again. *until*: when it has to be there (seconds since 1970; 0: no such moment).
    *expected*: bytes a second that the line is thought to carry (0: not known). *rests*: whether the place lets an
    upload be interrupted; where not, quiet hours slow it down at most.
    """

    throttle: Callable[[], Throttle] = Throttle
    until: float = 0.0
    expected: float = 0.0
    rests: bool = True


class Watch:
    """The watch over one copy to *store*; `with watch:` around each attempt to send."""

    def __init__(
        self,
        ctx: Context,
        store: Store,
        wishes: Wishes,
        heart: Heart | None = None,
        steady: Clock = time.monotonic,
        wall: Clock = time.time,
    ) -> None:
        self._ctx, self._store, self._wishes, self._steady, self._wall = ctx, store, wishes, steady, wall
        self._meter, self._shares, self._heart = Meter(clock=steady), Shares(), heart or Heart()
        self._thread, self._looking = 0, False
        self._looked = self._told = self._moved = self._given = steady()
        self._seen, self._best = -1, wishes.expected
        self._carrier: Carrier | None = None
        self._asking: Asking | None = None
        self._asked, self._checked_by = -math.inf, 0.0
        self._throttle, self._allowed, self._warned = wishes.throttle(), math.inf, False
        self._waits_for, self._cpu, self._since, self._out = "far", 0.0, 0.0, False

    def __enter__(self) -> Self:
        """An attempt begins: `Context` looks along from now on."""
        self._thread = threading.get_ident()
        self._carrier, self._asking = None, None
        self._heart.begin()
        self._moved = self._given = self._steady()
        self._checked_by, self._seen = 0.0, self._ctx.done
        self._meter.skip(self._ctx.done)
        self._allowed = self._wishes.throttle().allowed(self._wall())
        self._waits_for = "goal" if self._store.url.startswith(LOCAL) else "far"
        self._ctx.watch = self
        return self

    def __exit__(self, *exc: object) -> None:
        self._heart.end()
        self._ctx.watch = None

    @property
    def allowed(self) -> float:
        """Bytes a second that may be sent now; raises `Resting` where quiet hours let nothing through."""
        self._throttle = self._wishes.throttle()
        now = self._throttle.allowed(self._wall())
        if now > 0:
            return now
        if self._wishes.rests:
            raise Resting
        return self._throttle.limit or math.inf

    def rest(self) -> None:
        """Wait until the quiet hours are over, or somebody has taken them back."""
        ctx = self._ctx
        ctx.begin(RESTING, ctx.total, ctx.done)
        while (throttle := self._wishes.throttle()).allowed(self._wall()) <= 0:
            ctx.progressed = time.monotonic()  # it is patience with the network that ends, not with the clock
            until = throttle.until(self._wall())
            ctx.tell("tick", RESTING, **_told(rests_until=until, left=self._left(throttle)))
            ctx.sleep(1.0)
        ctx.note("The upload goes on.")

    def spent(self, cause: str, seconds: float) -> None:
        """So much time went by with reading the image (`disk`), with hashing it (`cpu`), or for the limit's sake."""
        self._shares.spent(cause, seconds)

    def give(self) -> None:
        """A block is handed to the store."""
        self._given, self._cpu, self._out = self._steady(), time.thread_time(), True
        self._since = self._given

    def back(self) -> None:
        """The store wants the next block."""
        self._share()
        self._given, self._out = self._since, False

    def _share(self) -> None:
        """Add the time that the store had a block, or still has it, to what it went by with."""
        if self._out:
            now, cpu = self._steady(), time.thread_time()
            wall, busy = now - self._since, cpu - self._cpu
            self._since, self._cpu = now, cpu
            self._shares.spent("cpu", min(busy, wall))
            self._shares.spent(self._waits_for, max(0.0, wall - busy))

    def look(self) -> None:
        """See `Context.stop_if_cancelled`."""
        now = self._steady()
        if now - self._looked < LOOK or self._looking or threading.get_ident() != self._thread:
            return
        self._looking = True
        try:
            self._look(now)
        except BaseException:
            self._ctx.watch = None  # what tidies up now must not be disturbed a second time
            raise
        finally:
            self._looking, self._looked = False, now

    def _look(self, now: float) -> None:
        slept = self._heart.passed()
        self._see_progress(now)
        self._carrier = self._carrier or Carrier.of(self._store)
        if self._carrier:
            self._waits_for = self._carrier.waits_for()
        self._share()
        self._tell_of_limits()
        if slept:
            self._woke(slept, now)
        self._look_after_a_stall(now)
        if now - self._told >= TICK:
            self._ctx.tell("tick", self._ctx.phase, **self.facts())

    def _see_progress(self, now: float) -> None:
        done = self._ctx.done
        if done != self._seen:
            self._seen, self._moved, self._checked_by, self._asking = done, now, 0.0, None
            self._asked = -math.inf
        self._meter.at(done, self._ctx.total, now)
        if self._shares.name not in ("", "limit") and self._meter.rate:
            self._best = self._meter.rate

    def _woke(self, slept: float, now: float) -> None:
        self._meter.skip(self._ctx.done)
        self._shares = Shares()
        self._moved = self._given = now
        self._checked_by = now + CHECKED
        self._ctx.note(f"This computer slept for {duration(slept)}. The connection is looked at now.", slept=slept)
        self._stop_if_moved()

    def _look_after_a_stall(self, now: float) -> None:
        quiet = self._quiet(now)
        if quiet >= UNEASY and self._carrier:
            self._stop_if_moved()
            if quiet >= STALL and now - self._asked >= ASK_AGAIN:
                self._asked, self._asking = now, Asking(self._carrier)
        if self._checked_by and now > self._checked_by and quiet >= CHECKED:
            text = "The connection did not survive that this computer slept."
            raise Transient(text, "It is made anew; nothing that got through is lost.")

    def _stop_if_moved(self) -> None:
        """The old connection belongs to the old address; nothing will ever get through it."""
        way = self._carrier.way() if self._carrier else ""
        if self._carrier and way and way != self._carrier.here:
            text = f"The network of this computer changed (from {self._carrier.here} to {way})."
            raise Transient(text, "The connection is made anew; nothing that got through is lost.")

    def _quiet(self, now: float) -> float:
        """Seconds for which the store has waited for one byte to get through."""
        return now - max(self._moved, self._given)

    def _tell_of_limits(self) -> None:
        before, wall = self._allowed, self._wall()
        self._throttle = self._wishes.throttle()
        self._allowed = self._throttle.allowed(wall)
        if 0 < self._allowed != before:
            until = self._throttle.until(wall)
            most = f"{rate(self._allowed)} at most" if math.isfinite(self._allowed) else "as fast as possible"
            end = f", until {when(until, wall)}" if math.isfinite(until) else ""
            self._ctx.note(f"The upload goes on with another limit: {most}{end}.")

    def facts(self) -> dict[str, Any]:
        """How it goes; docs/events.md says what each of them means."""
        now = self._told = self._steady()
        left, wall, until = self._left(self._throttle), self._wall(), self._wishes.until
        late = bool(until and left and wall + left > until)
        if late and not self._warned:
            self._warned = True
            text = (
                f"At this pace it will be ready {clock(left or 0.0, wall)}, but has to be there by {when(until, wall)}."
            )
            self._ctx.note(f"{text} A faster network would help, or more time from the people there.")
        limit = self._allowed if math.isfinite(self._allowed) else 0
        return _told(
            rate=self._meter.rate, left=left, limited_by=self._shares.name, limit=limit, late=late, **self._stall(now)
        )

    def _stall(self, now: float) -> dict[str, Any]:
        if (quiet := self._quiet(now)) < STALL or self._ctx.done >= self._ctx.total:
            return {}
        again = max(0.0, GIVEN_UP - quiet) if self._carrier else 0.0
        return {"stalled": quiet, "cause": self._asking.answer if self._asking else "", "again_in": again}

    def _left(self, throttle: Throttle) -> float | None:
        """Seconds until it is there, quiet hours and limits counted in; None while that cannot be known."""
        if not self._ctx.total:
            return None
        left = throttle.seconds(self._ctx.total - self._ctx.done, self._line(), self._wall())
        return left if math.isfinite(left) else None

    def _line(self) -> float:
        """Bytes a second that the line carries when nobody limits it."""
        if self._shares.name == "limit":
            return max(self._best, self._meter.rate)
        return self._meter.rate if self._meter.remaining() is not None else self._best


def _told(**facts: Any) -> dict[str, Any]:
    """*facts* without what is not known, rounded for reading."""
    return {k: round(v, 1) if isinstance(v, float) else v for k, v in facts.items() if v}
