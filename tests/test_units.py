"""Sizes, times and names as people read them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Usage
from app.units import clock, duration, parse_rate, plain, rate, size

NOON = time.mktime((2026, 11, 21, 12, 0, 0, 0, 0, -1))  # a Saturday


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 Bytes"), (999, "999 Bytes"), (1000, "1.0 kB"), (4_123_456_789, "4.1 GB"), (2e13, "20.0 TB")],
)
def test_sizes_are_decimal(count: float, said: str) -> None:
    assert size(count) == said
    assert rate(count) == f"{said}/s"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3599, "1 h"),
        (4800, "1 h 20 min"),
        (86400, "1 day"),
        (190000, "2 days 4 h"),
    ],
)
def test_lengths_of_time_have_two_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (0, "about 12:00"),
        (100, "about 12:02"),
        (3700, "about 13:05"),
        (11 * 3600, "about 23:00"),
        (13 * 3600, "Sun 01:00"),
        (6 * 86400, "Fri 12:00"),
        (7 * 86400, "28 Nov"),
        (60 * 86400, "20 Jan"),
    ],
)
def test_a_time_of_day_is_as_exact_as_it_can_be(ahead: float, said: str) -> None:
    assert clock(ahead, NOON) == said


@pytest.mark.parametrize(
    ("text", "count"),
    [("2M", 2_000_000), ("500k", 500_000), ("4Mbit", 500_000), ("1.5MB/s", 1_500_000), ("0", 0), ("80kbit/s", 10_000)],
)
def test_speeds_are_read(text: str, count: int) -> None:
    assert parse_rate(text) == count


@pytest.mark.parametrize("text", ["", "fast", "-1M", "1T", "1e9", "٣M", "2M 3M", "nan"])
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="not a speed"):
        parse_rate(text)


def test_names_from_elsewhere_cannot_write_to_the_terminal() -> None:
    hostile = "a\x1b[31m\x1b]0;owned\x07b\nerror: c\r\x08\u202egnp.exe\u2028\x9b2J\udcff sftp:\u200b//me:secret@h/"
    assert plain(hostile) == "ab error: c gnp.exe 2J sftp://me:•••@h/"


@given(st.text())
def test_plain_text_is_one_harmless_line(text: str) -> None:
    said = plain(text)
    assert said == plain(said)
    assert not set(said) & {chr(n) for n in (*range(32), *range(127, 160), 0x202E, 0x2028)}
