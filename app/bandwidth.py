"""Measure the line to the very place the image goes to, with the same login, and find out what that place can do.

A general speed test measures the way to a server nearby; this one writes random bytes where the image will go,
counts what the far side acknowledged, and takes everything away again.
"""

from __future__ import annotations

import itertools
import math
import statistics
import time
from dataclasses import dataclass
from typing import Any

from app import units
from app.context import Context, Finding
from app.stores import Abilities, Store
from app.stores.trial import Trial
from app.throttle import Throttle

SLOW_START = 2.5  # seconds (at most a quarter of the time) that are not counted: buffers fill, TCP speeds up
LEAST, MOST = 1 << 18, 64 << 20  # bytes
USELESS = 1 << 16  # bytes; less than this in `HARD` seconds is no line
HARD = 30.0  # seconds
FAST, SHORT = 50e6, 3.0  # bytes a second above which so many seconds are enough
DERATING = 0.75  # the share of the measured speed that hours of use can count on
NONE, NARROW = 12_500.0, 65_000.0  # bytes a second: 0.1 Mbit/s, and 0.5 Mbit/s as it is measured
LONG = 24 * 3600.0  # seconds
FREE = Throttle()


@dataclass(frozen=True)
class Line:
    """A measured line: *median* and *low* (20th percentile) in bytes a second, *rtt* in seconds.

    *acked* bytes got through in *seconds*; *at* is when (seconds since 1970).
    """

    median: float
    low: float
    rtt: float
    acked: int
    seconds: float
    abilities: Abilities
    at: float

    def as_json(self) -> dict[str, Any]:
        """The line as plain data, for the journal."""
        return {**self.__dict__, "abilities": self.abilities.as_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Line:
        """The line that a journal remembers."""
        known = {k: v for k, v in data.items() if k in cls.__dataclass_fields__}
        return cls(**{**known, "abilities": Abilities.from_json(data["abilities"])})


def probe(store: Store, ctx: Context, seconds: float = 12.0) -> Line:
    """Find out what *store* can do with a small file, then upload random bytes for *seconds*.

    Sets `store.abilities`. Leaves nothing there, or says so in a note. Raises what the store raises.
    """
    ctx.begin("Trying out the place")
    store.open()  # before the trial begins: it tidies up, and where nobody answers there is nothing to tidy
    with Trial(store, ctx) as trial:
        trial.abilities()
        rtt = trial.round_trip()
        ctx.begin("Measuring the line", unit="seconds")
        marks = trial.upload(_Until(seconds), HARD)
    median, low = speeds(marks)
    if len(marks) > 1:
        return Line(median, low, rtt, marks[-1][1], marks[-1][0], store.abilities, time.time())
    return Line(0.0, 0.0, rtt, 0, HARD, store.abilities, time.time())


class _Until:
    """When a timed upload has told enough."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, passed: float, acked: int, sent: int) -> bool:
        enough = passed >= self._seconds and acked >= LEAST
        quick = passed >= SHORT and acked > FAST * passed
        return enough or quick or sent >= MOST or passed >= HARD


def speeds(marks: list[tuple[float, int]]) -> tuple[float, float]:
    """Median and 20th percentile in bytes a second of *marks*: (seconds, bytes so far), beginning with (0, 0)."""
    if len(marks) < 2 or marks[-1][0] <= 0:
        return 0.0, 0.0
    end = marks[-1][0]
    start = min(SLOW_START, end / 4)
    width = min(1.0, (end - start) / 4)
    edges = [start + i * width for i in range(int((end - start) / width) + 1)]
    totals = [_at(marks, edge) for edge in edges]
    rates = sorted((b - a) / width for a, b in itertools.pairwise(totals))
    mean = (marks[-1][1] - _at(marks, start)) / (end - start)
    median = statistics.median(rates) or mean
    low = rates[int(len(rates) * 0.2)] or mean / 2
    return median, min(low, median)


def _at(marks: list[tuple[float, int]], moment: float) -> float:
    """The bytes at *moment*, between two marks in proportion."""
    before = marks[0]
    for mark in marks:
        if mark[0] >= moment:
            span = mark[0] - before[0]
            return before[1] + (mark[1] - before[1]) * ((moment - before[0]) / span if span else 1.0)
        before = mark
    return float(marks[-1][1])


def forecast(size: int, line: Line, throttle: Throttle = FREE, now: float | None = None) -> tuple[float, float]:
    """The seconds that *size* bytes will take: from the likely to the slow case; infinite without a line.

    Quiet hours and limits of *throttle* are counted in, beginning at *now* (seconds since 1970).
    """
    if line.median <= 0:
        return math.inf, math.inf
    here, likely = time.time() if now is None else now, DERATING * line.median
    quick = throttle.seconds(size, likely, here)
    return quick, max(quick, throttle.seconds(size, line.low if line.low > 0 else likely / 4, here))


def verdict(size: int, line: Line, throttle: Throttle = FREE) -> Finding:
    """What the measured line means for *size* bytes (0: not known yet, then for each GB), in clock time."""
    facts = {"median": line.median, "low": line.low, "rtt": line.rtt, "size": size}
    if line.median < NONE or (line.acked < USELESS and line.seconds >= HARD):
        return Finding(
            "stop",
            "This line is too slow for an upload.",
            f"It carried {units.size(line.acked)} in {line.seconds:.0f} s.",
            "Try another network: a cable, the institute's, a machine near the server. Or bring the image on a disk.",
            "slow-line",
            facts,
        )
    quick, slow = forecast(size or 10**9, line, throttle)
    what = units.size(size) if size else "each GB"
    if line.median < NARROW:
        return Finding(
            "care",
            f"This line is very slow: {speed(line.median)}.",
            f"The upload of {what} would take {span(quick, slow)}. It can be resumed, so it is possible; this computer "
            "must stay on and connected, or be started again until it is through.",
            "Better use another network, or make the image smaller: free unused space in it and compress it.",
            "slow-line",
            facts,
        )
    ready = f" Started now, it would be ready {_ready(quick, slow)}." if size and slow < math.inf else ""
    quiet = " Your quiet hours are counted in." if throttle.quiet and size else ""
    text = f"The line carries {speed(line.median)}; {what} will take {span(quick, slow)}.{ready}{quiet}"
    if slow > LONG and size:
        remedy = "Plan for it, or use a faster network. It can be paused and resumed at any time."
        return Finding("care", "The upload will take more than a day.", text, remedy, "slow-line", facts)
    return Finding("ok", "The line is good enough.", text, facts=facts)


def speed(rate: float) -> str:
    """*rate* (bytes a second) as networks are sold, and as files are counted: `20.8 Mbit/s (2.6 MB/s)`."""
    return f"{rate * 8 / 1e6:.1f} Mbit/s ({units.rate(rate)})"


def span(quick: float, slow: float) -> str:
    """From so long to so long: `about 38 min`, `3 h to 4 h`."""
    if slow == math.inf:
        return "for ever" if quick == math.inf else f"{units.duration(quick)} or much longer"
    least, most = units.duration(quick), units.duration(slow)
    return f"about {least}" if slow <= quick * 1.2 or least == most else f"{least} to {most}"


def _ready(quick: float, slow: float) -> str:
    first, last = units.clock(quick), units.clock(slow)
    return first if first == last else f"between {first.removeprefix('about ')} and {last.removeprefix('about ')}"
