"""Limits and quiet hours: what they say of a moment, what they make of a forecast, and how they are changed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import Usage
from app.job import Job, dumps, loads
from app.throttle import Changing, Hours, Throttle, change, wanted

HOUR = 3600.0


@pytest.fixture(params=["UTC", "Europe/Rome", "Pacific/Auckland"], autouse=True)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(text: str) -> float:
    return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M"))


@pytest.mark.parametrize(
    ("text", "hours", "kept"),
    [
        ("08:00-18:00=1MB/s", Hours(480, 1080, 10**6), "08:00-18:00=1000000"),
        ("22:00-6:30=pause", Hours(1320, 390, 0), "22:00-06:30=pause"),
        (" 0:00 - 24:00 = 4Mbit ", Hours(0, 0, 500_000), ""),
        ("18:00-24:00=500k", Hours(1080, 0, 500_000), "18:00-00:00=500000"),
    ],
)
def test_quiet_hours_are_read(text: str, hours: Hours, kept: str) -> None:
    if not kept:
        with pytest.raises(Usage):
            Hours.parse(text)  # all day is no quiet hour, it is a limit
        return
    assert Hours.parse(text) == hours
    assert str(hours) == kept
    assert Hours.parse(kept) == hours
    job = Job("file:///a", "file:///b/", id="x", quiet=(kept,))
    assert loads(dumps(job)) == job


NONSENSE = ("", "8-18=1M", "08:00-18:00", "08:00-18:00=0", "25:00-26:00=1M", "08:61-09:00=1M", "08:00-18:00=fast")


@pytest.mark.parametrize("text", NONSENSE)
def test_what_are_no_quiet_hours_is_told(text: str) -> None:
    with pytest.raises(Usage):
        Hours.parse(text)


def test_the_lower_limit_holds_also_over_midnight() -> None:
    throttle = Throttle.read(3_000_000, ["08:00-18:00=1MB/s", "22:00-06:00=pause"])
    allowed = {
        hour: throttle.allowed(at(f"2026-11-21 {hour}:00")) for hour in ("05", "07", "08", "17", "18", "22", "23")
    }
    assert allowed == {"05": 0, "07": 3e6, "08": 1e6, "17": 1e6, "18": 3e6, "22": 0, "23": 0}
    assert throttle.until(at("2026-11-21 23:00")) == at("2026-11-22 06:00")
    assert throttle.until(at("2026-11-21 09:00")) == at("2026-11-21 18:00")
    assert Throttle().until(0) == math.inf
    assert Throttle().allowed(0) == math.inf


def test_hours_that_follow_each_other_are_one_pause() -> None:
    throttle = Throttle.read(0, ["22:00-00:00=pause", "00:00-06:00=pause"])
    assert throttle.until(at("2026-11-21 22:30")) == at("2026-11-22 06:00")


def test_the_forecast_counts_with_the_quiet_hours() -> None:
    day = Throttle.read(0, ["08:00-18:00=1MB/s"])
    noon = at("2026-11-21 17:00")
    assert day.seconds(1e6 * HOUR + 10e6 * HOUR, 10e6, noon) == pytest.approx(2 * HOUR)
    night = Throttle.read(0, ["22:00-06:00=pause"])
    assert night.seconds(1e6 * 3 * HOUR, 1e6, at("2026-11-21 21:00")) == pytest.approx(11 * HOUR)
    assert night.seconds(1e6 * HOUR, 1e6, at("2026-11-21 23:00")) == pytest.approx(8 * HOUR)
    assert Throttle(500).seconds(1000, math.inf, 0) == pytest.approx(2)
    assert Throttle().seconds(1000, 0, 0) == math.inf
    assert Throttle.read(0, ["00:00-23:59=pause"]).seconds(1e12, 1e3, noon) == math.inf


def test_summer_time_is_no_quiet_hour_longer() -> None:
    throttle = Throttle.read(0, ["22:00-06:00=pause"])
    for day in ("2026-03-28", "2026-10-24", "2026-09-26", "2026-04-04"):  # before the nights on which clocks change
        end = throttle.until(at(f"{day} 23:00"))
        assert time.strftime("%H:%M", time.localtime(end)) == "06:00"


def test_a_running_job_sees_the_change_and_a_new_wish_of_its_own_beats_it(tmp_path: Path) -> None:
    now = [0.0]
    job = Job("file:///a", "file:///b/", id="x", limit=5)
    watched = Changing(job, tmp_path, lambda: now[0])
    assert watched.now == Throttle(5)
    change(job, tmp_path, Throttle.read(7, ["08:00-18:00=pause"]))
    assert watched.now == Throttle(5)
    now[0] = 2.0
    assert watched.now == Throttle(7, (Hours(480, 1080, 0),))
    assert wanted(job, tmp_path).limit == 7
    other = Job("file:///a", "file:///b/", id="x", limit=9)
    assert wanted(other, tmp_path) == Throttle(9)
    (tmp_path / "limit.json").write_text('{"limit": "x"')
    now[0] = 4.0
    assert watched.now == Throttle(5)
    (tmp_path / "limit.json").unlink()
    now[0] = 6.0
    assert watched.now == Throttle(5)
