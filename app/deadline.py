"""Whether an upload will be through in time: before a link, a folder or a task ends that somebody opened for it."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass

from app.errors import Usage
from app.units import clock, plain

ROOM = 0.25  # the share of the upload's own time that must be left over to be called “well before”
SOME = 15 * 60.0  # seconds; less than that left over is not “well before” either
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MOMENT = re.compile(r"(?:(\d{4})-(\d\d)-(\d\d)[ T]+)?(\d{1,2}):(\d\d)", re.ASCII)
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(min|minutes?|h|hours?|d|days?)", re.ASCII)
_SECONDS = {"m": 60.0, "h": 3600.0, "d": 86400.0}


def parse(text: str, now: float | None = None) -> float:
    """A moment (seconds since 1970) from `2026-11-22 18:00`, `18:00` (the next one), or `6 h`, `2 days` from now.

    Times are this computer's own. Empty is no deadline (0); raises `Usage`.
    """
    here = time.time() if now is None else now
    if not text.strip():
        return 0.0
    if span := _SPAN.fullmatch(text.strip().lower()):
        return round(here + float(span[1]) * _SECONDS[span[2][0]])
    found = _MOMENT.fullmatch(text.strip())
    then = _moment(found, here) if found else 0.0
    if then <= 0:
        raise Usage(
            f"“{plain(text)}” is no moment.", "Write it like 2026-11-22 18:00, 18:00, 6 h or 2 days.", topic="deadline"
        )
    return then


def _moment(found: re.Match[str], here: float) -> float:
    hour, minute = int(found[4]), int(found[5])
    year, month, day = map(int, found.groups()[:3]) if found[1] else time.localtime(here)[:3]
    try:
        then = time.mktime((year, month, day, hour, minute, 0, 0, 0, -1))
        if time.localtime(then)[:5] != (year, month, day, hour, minute):  # 30 February, 25:00, an hour that is skipped
            return 0.0
        past = not found[1] and then <= here
        return time.mktime((year, month, day + 1, hour, minute, 0, 0, 0, -1)) if past else then
    except (OverflowError, ValueError, OSError):
        return 0.0


def when(until: float, now: float) -> str:
    """A deadline as people say it: `18:00`, `Mon 18:00`, `22 Nov, 18:00`."""
    there, said = time.localtime(until), time.strftime("%H:%M", time.localtime(until))
    if there[:3] == time.localtime(now)[:3]:
        return said
    if 0 < until - now < 6 * 86400:
        return f"{_DAYS[there.tm_wday]} {said}"
    return f"{there.tm_mday} {_MONTHS[there.tm_mon - 1]}, {said}"


@dataclass(frozen=True)
class Fit:
    """How *text* says it; *grade* is `ok`, `care` (it may be late) or `stop` (it cannot be in time)."""

    grade: str
    text: str


def fit(until: float, now: float, quick: float, slow: float, quickest: float) -> Fit:
    """Whether it is through by *until*, from the likely (*quick*) and the *slow* forecast, in seconds from *now*.

    *quickest* is what it takes if the line does its measured best all the time: not even that fits means `stop`.
    """
    left, end = until - now, when(until, now)
    if left <= 0:
        return Fit("care", f"It had to be there by {end}, and that has passed.")
    if slow <= left:
        done = clock(slow, now)
        well = left - slow >= max(SOME, ROOM * slow)
        return Fit("ok", f"It will be done {done}, {'well before' if well else 'just in time for'} {end}.")
    if quick == math.inf or quickest > left:
        first = "" if quick == math.inf else f": it would be done {clock(quick, now)}"
        return Fit("stop", f"It does not fit{first}, but it has to be there by {end}.")
    if quick > left:
        return Fit("care", f"It will most likely be late: done {clock(quick, now)}, but it has to be there by {end}.")
    return Fit("care", f"It may be late: done {clock(quick, now)} if all goes well, {clock(slow, now)} if not; "
               f"it has to be there by {end}.")  # fmt: skip
