"""Sizes, speeds, lengths of time and times of day as people say them; always decimal (1 GB = 10⁹ bytes)."""

from __future__ import annotations

import re
import time
import unicodedata

import humanize

from app.errors import Usage
from app.secrets import redact_urls

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")  # ECMA-48 §5.4
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmMgG]?)\s*(bits?|b|B|bytes?)?(?:/s|ps)?", re.ASCII)
_STEPS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def size(count: float) -> str:
    """A number of bytes, e.g. `4.1 GB`."""
    return humanize.naturalsize(count, binary=False, format="%.1f")


def rate(count: float) -> str:
    """Bytes a second, e.g. `2.0 MB/s`."""
    return f"{size(count)}/s"


def duration(seconds: float) -> str:
    """A length of time in its two biggest units, e.g. `1 h 20 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    named = f"{days} day{'s' * (days > 1)}"
    return f"{named} {hours} h" if hours else named


def clock(seconds_from_now: float, now: float | None = None) -> str:
    """When something will be ready: `about 14:20`, `Thu 14:00`, `27 Nov`; far ones are rounded."""
    began = time.time() if now is None else now
    then = began + max(0.0, seconds_from_now)
    grain = 300 if seconds_from_now >= 3600 else 60  # a time hours away is not known to the minute
    there = time.localtime(-(-then // grain) * grain)
    days = (time.mktime((*there[:3], 12, 0, 0, 0, 0, -1)) - _noon(began)) / 86400
    if days < 0.5:
        return f"about {there.tm_hour:02}:{there.tm_min:02}"
    if days < 6.5:
        return f"{_DAYS[there.tm_wday]} {there.tm_hour:02}:{there.tm_min:02}"
    return f"{there.tm_mday} {_MONTHS[there.tm_mon - 1]}"


def moment(at: float) -> str:
    """A moment in the past, e.g. `21 Nov 2026, 14:20`."""
    t = time.localtime(at)
    return f"{t.tm_mday} {_MONTHS[t.tm_mon - 1]} {t.tm_year}, {t.tm_hour:02}:{t.tm_min:02}"


def plain(text: object) -> str:
    """*text* on one line, without control characters and terminal escapes, and without passwords in URLs.

    Names from servers and images are hostile until shown to be harmless: this is done to all of them.
    """
    return " ".join(bare(text).split())


def bare(text: object) -> str:
    """As `plain`, but with every space kept; for a line of a machine's own output."""
    shown = "".join(_shown(letter) for letter in _ESCAPES.sub("", redact_urls(str(text))))
    return redact_urls(shown)  # again: an invisible letter may have hidden a URL from the first look


def parse_rate(text: str) -> int:
    """Bytes a second from `2M`, `500k`, `1.5MB/s` or, with `bit`, `4Mbit`; 0 is no limit; raises `Usage`."""
    found = _RATE.fullmatch(text.strip())
    if not found:
        raise Usage(f"“{plain(text)}” is not a speed.", "Write it like 2M (bytes a second), 500k or 4Mbit.")
    count = float(found[1]) * _STEPS[found[2].lower()]
    return round(count / 8 if (found[3] or "").startswith("bit") else count)


def _noon(at: float) -> float:
    return time.mktime((*time.localtime(at)[:3], 12, 0, 0, 0, 0, -1))


def _shown(letter: str) -> str:
    category = unicodedata.category(letter)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return "" if category in ("Cf", "Cs") else letter  # Cf: marks that turn the direction of writing, invisible ones
