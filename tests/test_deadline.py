"""Deadlines: what people write, and whether an upload fits."""

from __future__ import annotations

import math
import time

import pytest

from app.deadline import fit, parse, when
from app.errors import Usage


def at(text: str) -> float:
    return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M"))


NOW = at("2026-11-21 13:00")
EVENING = at("2026-11-21 18:00")


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("2026-11-22 18:00", at("2026-11-22 18:00")),
        ("2026-11-22T18:00", at("2026-11-22 18:00")),
        ("18:00", EVENING),
        ("9:30", at("2026-11-22 09:30")),
        ("6 h", NOW + 6 * 3600),
        ("90min", NOW + 5400),
        ("1.5 days", NOW + 1.5 * 86400),
        ("", 0.0),
    ],
)
def test_moments_are_read(text: str, then: float) -> None:
    assert parse(text, NOW) == then


@pytest.mark.parametrize(
    "text", ["tomorrow", "2026-02-30 10:00", "25:00", "18", "-3 h", "2026-11-22", "0000-01-01 00:00"]
)
def test_what_is_no_moment_is_told(text: str) -> None:
    with pytest.raises(Usage):
        parse(text, NOW)


def test_a_moment_is_said_as_short_as_can_be() -> None:
    assert when(EVENING, NOW) == "18:00"
    assert when(at("2026-11-23 18:00"), NOW) == "Mon 18:00"
    assert when(at("2026-12-24 18:00"), NOW) == "24 Dec, 18:00"


@pytest.mark.parametrize(
    ("quick", "slow", "quickest", "grade", "said"),
    [
        (4000, 4200, 3000, "ok", "It will be done about 14:10, well before 18:00."),
        (16000, 17000, 12000, "ok", "just in time for 18:00."),
        (16000, 25000, 12000, "care", "It may be late"),
        (20000, 25000, 17000, "care", "It will most likely be late"),
        (40000, 50000, 30000, "stop", "It does not fit: it would be done Sun 00:10, but it has to be there by 18:00."),
        (math.inf, math.inf, math.inf, "stop", "It does not fit, but"),
    ],
)
def test_whether_it_fits(quick: float, slow: float, quickest: float, grade: str, said: str) -> None:
    found = fit(EVENING, NOW, quick, slow, quickest)
    assert found.grade == grade
    assert said in found.text


def test_a_deadline_that_has_passed_is_no_reason_to_stop() -> None:
    assert fit(NOW - 60, NOW, 10, 10, 10).grade == "care"
