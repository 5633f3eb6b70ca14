"""Speed and forecast from bytes that got through."""

from __future__ import annotations

import pytest

from app.meter import Meter


def fed(*points: tuple[float, int], total: int = 1000) -> Meter:
    meter = Meter(0.0)
    for now, done in points:
        meter.at(done, total, now)
    return meter


def test_bytes_that_were_there_before_are_no_speed() -> None:
    meter = fed((0, 500), (10, 600))
    assert meter.rate == pytest.approx(10)
    assert meter.remaining(10) == pytest.approx(40)


def test_no_forecast_is_made_from_a_moment() -> None:
    assert fed((0, 0), (1, 900)).remaining(1) is None


def test_a_stall_is_told_and_leaves_the_speed() -> None:
    meter = fed((0, 0), (10, 100), (15, 100))
    assert meter.stalled(15) == 0
    assert meter.stalled(25) == pytest.approx(15)
    assert meter.rate == pytest.approx(10)
    assert fed((0, 0), (10, 1000)).stalled(99) == 0


def test_a_new_speed_is_learnt_within_a_minute_or_two() -> None:
    slow = [(n, 10 * n) for n in range(60)]
    fast = [(60 + n, 600 + 100 * n) for n in range(90)]
    assert fed(*slow, *fast, total=10**6).rate == pytest.approx(100, rel=0.1)


def test_a_long_stall_does_not_make_the_forecast_jump_to_days() -> None:
    steady = [(n, 100 * n) for n in range(61)]
    after = fed(*steady, (660, 6100), total=10**6)
    assert after.rate > 70
    young = fed((0, 0), (12, 1200), (612, 1300), total=10**6)
    assert young.rate > 50


def test_what_is_skipped_leaves_no_trace_in_the_forecast() -> None:
    meter = fed(*((n, 100 * n) for n in range(61)), total=10**6)
    before = meter.rate
    meter.skip(6000, 40_000.0)
    assert meter.stalled(40_001.0) == 0
    meter.at(6100, 10**6, 40_001.0)
    assert meter.rate == pytest.approx(before, rel=0.01)
    assert meter.remaining(40_001.0) == pytest.approx((10**6 - 6100) / 100, rel=0.02)


def test_each_second_is_a_point_of_the_drawing() -> None:
    meter = fed(*((n / 2, 50 * n) for n in range(9)))
    assert list(meter.points) == pytest.approx([100] * 4)


def test_a_place_that_goes_back_does_not_go_below_zero() -> None:
    assert fed((0, 0), (10, 100), (20, 40)).rate >= 0


def test_the_first_second_tells_of_buffers_and_is_not_shown() -> None:
    assert fed((0, 0), (0.001, 900)).rate == 0
    assert fed((0, 0), (0.001, 100), (2, 200)).rate == pytest.approx(100)
