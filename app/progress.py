"""How the part that runs now goes, in words: how fast, ready when, and what it waits for. For window and terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from app.context import Event
from app.deadline import when
from app.meter import Meter
from app.units import clock, duration, rate

_SETS = {  # what sets the speed: `limited_by` of an upload's ticks
    "disk": "This computer's disk sets the speed: it reads more slowly than the line sends.",
    "cpu": "This computer's processor sets the speed: hashing and encrypting take most of the time.",
    "line": "The line to the server sets the speed: it is full.",
    "server": "The server sets the speed: what is sent arrives at once, but it is slow to store it.",
    "far": "The line or the server sets the speed; this computer could send faster.",
    "goal": "The disk that is written to sets the speed.",
    "limit": "The limit of {limit} sets the speed.",
}
_SILENT = {  # why nothing gets through: `cause`
    "": "the reason is being looked for",
    "no-network": "this computer has no network",
    "unreachable": "the server cannot be reached from here",
    "refused": "the server is there, but takes no new connection",
    "alive": "the server can be reached, but takes no bytes",
}


class Progress:
    """Fed with the events of a job, tells about the part that runs now."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.meter = Meter(clock=clock)
        self.facts: dict[str, Any] = {}
        self._part = ("", "")

    def take(self, event: Event) -> None:
        """Move on by one event."""
        if event.kind in ("phase", "started") or (event.kind == "tick" and (event.step, event.text) != self._part):
            self.meter.restart()
            self._part = (event.step, event.text)
        if event.kind in ("phase", "started", "tick"):
            self.facts = event.facts
        if event.kind in ("phase", "tick"):
            self.meter.at(event.done, event.total)

    @property
    def rate(self) -> float:
        """Bytes a second, smoothed; 0 while that is not known."""
        return float(self.facts.get("rate") or self.meter.rate)

    @property
    def resting(self) -> bool:
        """Whether nothing is sent because of quiet hours."""
        return "rests_until" in self.facts

    @property
    def stalled(self) -> float:
        """Seconds without a byte when they are many, else 0."""
        return 0.0 if self.resting else self.meter.stalled()

    @property
    def left(self) -> float | None:
        """Seconds until this part is ready; None while that cannot be said honestly."""
        if self.stalled:
            return None
        return float(self.facts["left"]) if self.facts.get("left") else self.meter.remaining()

    def pace(self) -> str:
        """`2.4 MB/s, ready about 14:20`; empty while nothing is known."""
        if quiet := self.stalled:
            return f"no bytes for {duration(quiet)}"
        speed = [rate(self.rate)] if self.rate and not self.resting else []
        return ", ".join(speed if self.left is None else [*speed, f"ready {clock(self.left)}"])

    def remark(self) -> str:
        """What the speed depends on, or why nothing gets through, and what happens next; one sentence or two."""
        if until := self.facts.get("rests_until"):
            end = when(float(until), time.time())
            return f"Quiet hours: nothing is sent until {end}; then it goes on by itself."
        if self.facts.get("stalled") and self.stalled:
            return f"Nothing gets through just now{self._why()}. {self._next()}"
        said = _SETS.get(str(self.facts.get("limited_by", "")), "")
        return said.format(limit=rate(float(self.facts.get("limit", 0))))

    def _why(self) -> str:
        """Where nobody can look (a folder here, a cloud's own client), nobody says that somebody looks."""
        cause = str(self.facts.get("cause", ""))
        return f": {_SILENT.get(cause, cause)}" if cause or self.facts.get("again_in") else ""

    def _next(self) -> str:
        """Without a number that counts down: the sentence is said once, not each second."""
        if not self.facts.get("again_in"):
            return "It goes on by itself when bytes get through again; nothing is lost."
        return "After two minutes the connection is made anew by itself; nothing is lost."
