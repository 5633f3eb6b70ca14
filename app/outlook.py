"""What a measured line means for one upload: how long, how much sooner if it were compressed, in time or not."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from app import units
from app.bandwidth import FREE, Line, forecast, span, speed, verdict
from app.context import Finding
from app.deadline import fit, when
from app.disk.packed import estimate
from app.throttle import Throttle

WORTH = 1.3  # times smaller that a file must get by compressing before it is worth a word
ROUGHLY = 0.5  # of the bytes in use, what compressing leaves of a usual system
SOON = 600.0  # seconds; what takes less is not compressed for a try


@dataclass(frozen=True)
class Plan:
    """What is to be sent and how.

    *size* bytes will be sent (0: not known), *sent* of them are there. *raw* and *packed* are what the file has as it
    is, and compressed (0: not known). *until* is when it has to be there (seconds since 1970; 0: no such moment).
    """

    size: int = 0
    sent: int = 0
    raw: int = 0
    packed: int = 0
    until: float = 0.0
    throttle: Throttle = FREE

    @property
    def left(self) -> int:
        """The bytes that are still to be sent."""
        return max(0, self.size - self.sent)


def findings(line: Line, plan: Plan, now: float | None = None) -> list[Finding]:
    """The verdict about the line, then about the size, then about the deadline; a hopeless line is all there is."""
    here = time.time() if now is None else now
    first = verdict(plan.left if plan.size else 0, line, plan.throttle)
    if first.grade == "stop":
        return [first]
    in_time = _in_time(line, plan, here)
    if in_time and in_time.grade != "ok" and first.grade == "ok":
        first = replace(first, title="This is what the line carries.")  # good, but not good enough
    return [first, *filter(None, (_smaller(line, plan, here), in_time))]


def planned(files: Sequence[Path], line: Line | None, plan: Plan, *, ready: bool, compress: bool) -> Plan:
    """*plan* with the sizes of *files*: of the images when they are *ready*, else of what they are made from.

    A ready file is sent as it is; of another, *compress* says whether it will be compressed.
    """
    raw = sum(file.stat().st_size for file in files if file.is_file())
    if not raw or (line and ready and forecast(raw, line)[1] < SOON):
        return replace(plan, size=raw)
    packed = sum(estimate(file) for file in files if file.is_file())
    return replace(plan, size=packed if compress and not ready else raw, raw=raw, packed=packed)


def packed_size(source: str, in_use: int) -> int:
    """About the bytes of a source compressed: tried out where it is a file here, else from what is in use on it."""
    if not source.startswith("file:"):
        return round(in_use * ROUGHLY)
    try:
        return estimate(Path(url2pathname(urlsplit(source).path)))
    except OSError:
        return 0


def unmeasured(plan: Plan, now: float | None = None) -> list[Finding]:
    """The same where nothing could be measured: how fast a line is needed for the deadline."""
    here = time.time() if now is None else now
    if not plan.until or not plan.left or plan.until <= here:
        return []
    need, end = plan.left / (plan.until - here), when(plan.until, here)
    title = f"It has to be there by {end}, and the line was not measured."
    text = f"{units.size(plan.left)} in {units.duration(plan.until - here)} need {speed(need)} without a pause."
    remedy = "Measure the line to another folder of the same server: sandhopper probe URL"
    return [Finding("care", title, text, remedy, "deadline")]


def _smaller(line: Line, plan: Plan, now: float) -> Finding | None:
    if not plan.packed or plan.raw < WORTH * plan.packed:
        return None
    small, big = (span(*forecast(size, line, plan.throttle, now)) for size in (plan.packed, plan.raw))
    text = f"Compressed about {units.size(plan.packed)}, {small}; raw {units.size(plan.raw)}, {big}."
    if plan.size and plan.size < WORTH * plan.packed:
        return Finding("ok", "It is sent compressed, which is much less.", text)
    remedy = "Compress it: leave the export's compression on, or make the file smaller with sandhopper disk convert."
    return Finding("care", "Compressed it would be through much sooner.", text, remedy, "slow-line")


def _in_time(line: Line, plan: Plan, now: float) -> Finding | None:
    if not plan.until or not plan.left:
        return None
    quick, slow = forecast(plan.left, line, plan.throttle, now)
    best = plan.throttle.seconds(plan.left, line.median, now)
    found = fit(plan.until, now, quick, slow, best)
    if found.grade == "ok":
        return Finding("ok", found.text)
    if plan.until <= now:
        remedy = "If the link or folder is closed now, ask for a new one, and tell its end with --until."
        return Finding("care", found.text, "", remedy, "deadline")
    need = f"It needs {speed(plan.left / (plan.until - now))}; this line carries {speed(line.median)}."
    return Finding(found.grade, found.text, need, _way_out(plan, line, now), "deadline")


def _way_out(plan: Plan, line: Line, now: float) -> str:
    """What would make it fit, the surest first."""
    packed = plan.throttle.seconds(plan.packed, line.median, now) if plan.packed else math.inf
    ways = []
    if plan.size > WORTH * plan.packed and now + packed < plan.until:
        ways.append(f"compress it (about {units.size(plan.packed)} would fit)")
    if plan.throttle != FREE and now + FREE.seconds(plan.left, line.median, now) < plan.until:
        ways.append("lift the limit and the quiet hours (then it fits)")
    ways += ["use a faster network", "ask the people there for more time"]
    said = f"{', '.join(ways[:-1])}, or {ways[-1]}."
    return said[:1].upper() + said[1:]
