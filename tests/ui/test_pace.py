"""Deadline, quiet hours and limits in the window."""

from __future__ import annotations

import time

import pytest

from app.job import Job
from app.journal import State
from app.throttle import Throttle, wanted
from tests.ui import samples
from tests.ui.test_pages import event, play
from ui.draft import Draft
from ui.pages.line import LinePage
from ui.pages.run import RunPage

GB = 10**9


def drafted(*, digest: bool = True, **said: object) -> Draft:
    target, line = "sftp://ada@h.org/incoming/", samples.line(digest=digest)
    return Draft(source=samples.CLOUD, called="gauss", size=20 * GB, target=target, line=line, **said)


def titles(made: LinePage) -> str:
    from PySide6.QtWidgets import QLabel

    return " ".join(shown.text() for shown in made.found.findChildren(QLabel))


def test_the_rare_options_are_folded_away_and_change_nothing(page) -> None:
    made = page(LinePage, drafted())
    assert made.more.box.isHidden()
    got = made.read(drafted())
    assert (got.until, got.quiet) == (0.0, ())
    assert got.as_job().until == 0


def test_a_deadline_is_weighed_at_once_and_goes_into_the_job(page) -> None:
    made = page(LinePage, drafted())
    made.more.button.click()
    made.deadline.on.setChecked(True)
    assert "well before" in titles(made)
    assert not made.problem()
    until = time.time() + 600
    made.deadline.fill(until)
    assert "It does not fit" in titles(made)
    assert made.problem() == "It cannot be there in time."
    made.deadline.on.setChecked(False)
    assert not made.problem()
    made.deadline.fill(until + 10**6)
    job = made.read(drafted()).as_job()
    assert job.until == pytest.approx(until + 10**6, abs=1)
    again = page(LinePage, made.read(drafted()))
    assert again.deadline.value() == job.until
    assert not again.more.box.isHidden(), "what is set is seen"


def test_where_all_has_to_be_read_back_the_person_is_told_and_may_choose_samples(page) -> None:
    made = page(LinePage, drafted())
    assert made.sampled.isHidden()
    assert made.back.isHidden()
    made = page(LinePage, drafted(digest=False))
    assert not made.sampled.isHidden()
    assert "read back" in made.back.text()
    assert "more." in made.back.text()
    assert made.read(made.draft).as_job().verify == "auto"
    made.sampled.setChecked(True)
    assert "samples" in made.back.text()
    assert made.read(made.draft).as_job().verify == "sampled"
    assert page(LinePage, made.read(made.draft)).sampled.isChecked()


def test_quiet_hours_go_into_forecast_and_job(page) -> None:
    made = page(LinePage, drafted())
    before = made.spread.text()
    made.quiet.fill(("00:00-23:00=100000", "23:00-00:00=pause"))
    assert made.spread.text() != before
    got = made.read(drafted())
    assert got.quiet == ("00:00-23:00=100000", "23:00-00:00=pause")
    assert got.as_job().quiet == got.quiet
    made.quiet.limit.setValue(0)
    assert made.quiet.value()[0] == "00:00-23:00=pause"
    assert made.clock.isHidden(), "it would never be there"


def test_the_compressed_size_is_what_is_said(page) -> None:
    made = page(LinePage, drafted(packed=4 * GB))
    assert made.clock.text().startswith("4.0 GB can be there")
    assert "raw 20.0 GB" in titles(made)
    assert made.read(drafted()).packed == 4 * GB
    whole = page(LinePage, drafted(packed=4 * GB, compress=False))
    assert whole.clock.text().startswith("20.0 GB can be there")
    assert "much sooner" in titles(whole)


@pytest.fixture
def running(page) -> RunPage:
    job: Job = samples.job(5, limit=3_000_000)
    samples.keep(job, ("checkup", "done"))
    made = page(RunPage)
    made.open(job, State())
    return made


def test_the_limit_is_changed_for_the_running_upload(running: RunPage) -> None:
    pacing, job = running.pacing, running.job
    assert pacing.fold.box.isHidden()
    pacing.fold.button.click()
    assert pacing.limit.value() == 3.0
    pacing.limit.setValue(1.5)
    pacing.quiet.on.setChecked(True)
    assert wanted(job, job.folder) == Throttle(3_000_000), "only the button changes it"
    pacing.go.click()
    assert wanted(job, job.folder) == Throttle.read(1_500_000, ["08:00-18:00=1MB/s"])
    assert pacing.said.text() == "From now on: at most 1.5 MB/s; from 08:00 to 18:00 1.0 MB/s at most."
    running.fill(Draft(job=job))
    assert pacing.limit.value() == 1.5


def test_what_sets_the_speed_and_why_nothing_moves_is_one_sentence(running: RunPage) -> None:
    total = 40 * GB
    play(running, event("upload", "phase", 0, total, "Sending the image"))
    running.now.show_story(running.story, "run")
    assert running.now.remark.isHidden()
    play(running, event("upload", "tick", GB, total, "Sending the image", rate=2e6, left=9000.0, limited_by="disk"))
    running.story.running = True
    running.now.show_story(running.story, "run")
    assert running.now.remark.text().startswith("This computer's disk sets the speed")
    assert "2 %, 2.0 MB/s, ready " in running.now.bar.text.text()
    play(running, event("upload", "phase", GB, total, "resting"))
    play(running, event("upload", "tick", GB, total, "resting", rests_until=time.time() + 60, left=100.0))
    running.story.running = True
    running.now.show_story(running.story, "run")
    assert running.now.remark.text().startswith("Quiet hours: nothing is sent until")
    assert running.now.graph.isHidden()
