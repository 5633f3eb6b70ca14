"""How fast the person lets an upload be: a limit, and quiet hours of the day; it may be changed while it runs.

A running upload looks at the file `limit.json` in its job's folder once a second (`Changing`), so that another
terminal or the window can change it. Times of day are this computer's own (its time zone, its summer time).
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app import host
from app.errors import Usage
from app.job import Job
from app.units import parse_rate, plain, rate

FILE = "limit.json"
LOOK = 1.0  # seconds between two looks at the file
DAY = 24 * 60  # minutes
LONGEST = 400  # days that a forecast looks ahead
_HOURS = re.compile(r"(\d{1,2}):(\d\d)\s*[-–]\s*(\d{1,2}):(\d\d)\s*=\s*(\S.*)", re.ASCII)


@dataclass(frozen=True)
class Hours:
    """Quiet hours: from *begin* to *end* (minutes after midnight) at most *limit* bytes a second, 0 for a pause."""

    begin: int
    end: int
    limit: int

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Read `08:00-18:00=1MB/s` or `22:00-06:00=pause`; raises `Usage`."""
        found = _HOURS.fullmatch(text.strip())
        if not found:
            raise _unreadable(text)
        begin, end = (int(found[n]) * 60 + int(found[n + 1]) for n in (1, 3))
        if not (begin < DAY and end <= DAY and int(found[2]) < 60 and int(found[4]) < 60) or begin == end % DAY:
            raise _unreadable(text)
        limit = 0 if found[5].strip().lower() == "pause" else parse_rate(found[5])
        if not limit and found[5].strip().lower() != "pause":
            raise Usage(f"“{plain(text)}” sets no limit for the quiet hours.", "Write =pause to send nothing then.")
        return cls(begin, end % DAY, limit)

    def __str__(self) -> str:
        """As `parse` reads it, and as a job file keeps it."""
        return f"{_time(self.begin)}-{_time(self.end)}={self.limit or 'pause'}"

    @property
    def words(self) -> str:
        """For people: `from 08:00 to 18:00 1.0 MB/s at most`."""
        what = f"{rate(self.limit)} at most" if self.limit else "nothing is sent"
        return f"from {_time(self.begin)} to {_time(self.end)} {what}"

    def at(self, moment: float) -> bool:
        """Whether *moment* (seconds since 1970) lies in these hours."""
        there = time.localtime(moment)
        now = there.tm_hour * 60 + there.tm_min
        return self.begin <= now < self.end if self.begin < self.end else now >= self.begin or now < self.end


@dataclass(frozen=True)
class Throttle:
    """A *limit* in bytes a second (0: none), and *quiet* hours in which it is another; the lower one holds."""

    limit: int = 0
    quiet: tuple[Hours, ...] = ()

    @classmethod
    def of(cls, job: Job) -> Throttle:
        """What a job asks for."""
        return cls.read(job.limit, job.quiet)

    @classmethod
    def read(cls, limit: int, quiet: Sequence[str]) -> Throttle:
        """The throttle of a limit and of quiet hours as people write them; raises `Usage`."""
        return cls(limit, tuple(map(Hours.parse, quiet)))

    @property
    def pauses(self) -> bool:
        """Whether there are hours in which nothing is sent."""
        return any(not hours.limit for hours in self.quiet)

    def allowed(self, moment: float) -> float:
        """Bytes a second that may be sent at *moment* (seconds since 1970): infinite without a limit, 0 in a pause."""
        limits = [float(hours.limit) for hours in self.quiet if hours.at(moment)]
        return min([self.limit or math.inf, *limits])

    def changes(self, moment: float) -> float:
        """The next moment at which quiet hours begin or end; infinite without any."""
        year, month, day, *_ = time.localtime(moment)
        edges = {edge for hours in self.quiet for edge in (hours.begin, hours.end)}
        moments = (time.mktime((year, month, day + n, 0, edge, 0, 0, 0, -1)) for edge in edges for n in (0, 1, 2))
        return min((then for then in moments if then > moment), default=math.inf)

    def until(self, moment: float) -> float:
        """When the limit that holds at *moment* will be another one; infinite for never."""
        then = self.changes(moment)
        for _ in range(2 * len(self.quiet)):
            if self.allowed(then) != self.allowed(moment):
                return then
            then = self.changes(then)
        return math.inf

    def seconds(self, size: float, line: float, moment: float) -> float:
        """How long *size* bytes take from *moment* on, over a line that carries *line* bytes a second."""
        left, now = float(size), moment
        for _ in range(LONGEST * max(1, 2 * len(self.quiet))):
            speed, then = min(line, self.allowed(now)), self.changes(now)
            if speed > 0 and left <= speed * (then - now):
                return now - moment + left / speed
            if then == math.inf:
                break
            left -= speed * (then - now)
            now = then
        return math.inf


class Changing:
    """The throttle of a running job, which somebody may change meanwhile."""

    def __init__(self, job: Job, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._job, self._file, self._clock = job, folder / FILE, clock
        self._looked, self._stamp, self._known = -math.inf, -1, Throttle.of(job)

    @property
    def now(self) -> Throttle:
        """What holds now."""
        if self._clock() - self._looked >= LOOK:
            self._looked = self._clock()
            stamp = _stamp(self._file)
            if stamp != self._stamp:
                self._stamp, self._known = stamp, wanted(self._job, self._file.parent)
        return self._known


def wanted(job: Job, folder: Path) -> Throttle:
    """What was asked for last: by `change`, unless the job itself was given another limit since then."""
    own = Throttle.of(job)
    try:
        said = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if said["instead_of"] == _plain(own):
            return Throttle.read(int(said["limit"]), said["quiet"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, Usage):
        return own  # there is none, or somebody else's hands were in it
    return own


def change(job: Job, folder: Path, throttle: Throttle) -> None:
    """Let *throttle* hold from now on, also for the upload that is running."""
    said = {**_plain(throttle), "instead_of": _plain(Throttle.of(job))}
    host.write_whole(folder / FILE, json.dumps(said, indent=2).encode() + b"\n")


def _plain(throttle: Throttle) -> dict[str, object]:
    return {"limit": throttle.limit, "quiet": [str(hours) for hours in throttle.quiet]}


def _stamp(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _time(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _unreadable(text: str) -> Usage:
    return Usage(
        f"“{plain(text)}” are no quiet hours.",
        "Write them like 08:00-18:00=1MB/s, or 22:00-06:00=pause.",
        topic="quiet",
    )
