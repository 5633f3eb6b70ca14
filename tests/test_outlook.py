"""What a measured line means for one upload: the smaller file, the deadline, the quiet hours."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from app.bandwidth import Line
from app.disk.packed import CLUSTER, estimate
from app.outlook import Plan, findings, packed_size, planned, unmeasured
from app.stores import Abilities
from app.throttle import Throttle

GB = 10**9
NOW = time.mktime((2026, 11, 21, 13, 0, 0, 0, 0, -1))
EVENING = time.mktime((2026, 11, 21, 18, 0, 0, 0, 0, -1))
LINE = Line(2_400_000.0, 2_300_000.0, 0.03, 30_000_000, 12.0, Abilities(), 0.0)  # 19 Mbit/s


def said(plan: Plan) -> dict[str, str]:
    return {f"{found.grade}: {found.title}": f"{found.text} {found.remedy}" for found in findings(LINE, plan, NOW)}


def test_the_levers_are_told_with_both_times() -> None:
    told = said(Plan(4_100_000_000, raw=20 * GB, packed=4_100_000_000))
    text = told["ok: It is sent compressed, which is much less."]
    assert text.startswith("Compressed about 4.1 GB, about 38 min; raw 20.0 GB, about 3 h 5 min.")
    told = said(Plan(20 * GB, raw=20 * GB, packed=4_100_000_000))
    assert "care: Compressed it would be through much sooner." in told
    assert len(said(Plan(20 * GB, raw=20 * GB, packed=19 * GB))) == 1


def test_a_deadline_that_fits_well() -> None:
    told = said(Plan(4 * GB, until=EVENING))
    assert "ok: It will be done about 13:38, well before 18:00." in told or any("well before 18:00" in t for t in told)


def test_a_deadline_that_does_not_fit_says_what_would_help() -> None:
    told = said(Plan(80 * GB, raw=80 * GB, packed=20 * GB, until=EVENING))
    ((title, text),) = [(t, x) for t, x in told.items() if "It does not fit" in t]
    assert title.startswith("stop: ")
    assert "It needs 35.6 Mbit/s (4.4 MB/s); this line carries 19.2 Mbit/s (2.4 MB/s)." in text
    assert "Compress it (about 20.0 GB would fit)" in text
    assert "ask the people there for more time" in text
    assert "ok: The line is good enough." not in told


def test_quiet_hours_may_be_what_does_not_fit() -> None:
    told = said(Plan(4 * GB, until=EVENING, throttle=Throttle.read(0, ["12:00-18:00=pause"])))
    (text,) = [x for t, x in told.items() if "It does not fit" in t]
    assert "Lift the limit and the quiet hours (then it fits)" in text


def test_what_is_there_already_is_not_counted() -> None:
    assert any("well before" in t for t in said(Plan(80 * GB, sent=78 * GB, until=EVENING)))


def test_what_is_over_is_no_reason_to_stop() -> None:
    assert [f.grade for f in findings(LINE, Plan(GB, until=NOW - 60), NOW)] == ["ok", "care"]


def test_without_a_measurement_the_speed_that_is_needed_is_told() -> None:
    (found,) = unmeasured(Plan(18 * GB, until=EVENING), NOW)
    assert found.text == "18.0 GB in 5 h need 8.0 Mbit/s (1.0 MB/s) without a pause."
    assert unmeasured(Plan(18 * GB), NOW) == []


def test_the_compressed_size_is_tried_out(tmp_path: Path) -> None:
    image = tmp_path / "disk.raw"
    with image.open("wb") as file:
        file.write(os.urandom(40 * CLUSTER))
        file.write(b"the same again and again " * (40 * CLUSTER // 25))
        file.truncate(400 * CLUSTER)
    assert estimate(image) == pytest.approx(40 * CLUSTER, rel=0.15)
    assert packed_size(image.as_uri(), 0) == estimate(image)
    assert packed_size("openstack://x/server/y", 10 * GB) == 5 * GB
    assert packed_size((tmp_path / "gone").as_uri(), 0) == 0
    (tmp_path / "empty").write_bytes(b"")
    assert estimate(tmp_path / "empty") == 0


def test_a_plan_knows_what_will_be_sent(tmp_path: Path) -> None:
    image = tmp_path / "disk.raw"
    image.write_bytes(bytes(20 * CLUSTER) + os.urandom(20 * CLUSTER))
    whole, half = 40 * CLUSTER, pytest.approx(20 * CLUSTER, rel=0.01)
    ready = planned([image], None, Plan(), ready=True, compress=True)
    assert (ready.size, ready.raw, ready.packed) == (whole, whole, half)
    assert planned([image], None, Plan(), ready=False, compress=True).size == half
    assert planned([image], None, Plan(), ready=False, compress=False).size == whole
    assert planned([image], LINE, Plan(), ready=True, compress=True).packed == 0, "a small one is not worth the reading"
    assert planned([tmp_path / "gone"], LINE, Plan(), ready=False, compress=True) == Plan()
