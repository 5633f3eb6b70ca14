"""A small window, somebody's turn, and an end with everything in it."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel

from app.context import Finding
from app.errors import Trouble
from app.journal import read
from tests.ui import samples
from tests.ui.scenes import scenes
from ui.draft import Draft
from ui.widgets.findings import Findings
from ui.wizard import Wizard

WAITS = Trouble("waiting", "Now make the snapshot.", "Nothing is lost.", "", "sandhopper resume x", details="Trace …")


def opened(window: Wizard, *events: tuple[str, str], number: int = 1, **more: object) -> None:
    job = samples.job(number, source="ssh://debian@203.0.113.7", **more)
    samples.keep(job, *events, kind="waiting")
    window._start_over(Draft(job=job))
    window.run.open(job, read(job.folder / "journal.jsonl"))
    window.reached = 1
    window.go("run")


def test_the_side_bar_has_numbers_where_the_window_is_narrow(window: Wizard, shown) -> None:
    window.begin_new()
    window.resize(1024, 700)
    wide = window.side.width()
    assert window.side.buttons["sandbox"].text() == "Check-up"
    window.resize(640, 360)
    shown(lambda: window.side.buttons["sandbox"].text() == "2")
    assert window.side.buttons["sandbox"].toolTip() == "Check-up"
    assert "Check-up" in window.side.buttons["sandbox"].accessibleName()
    assert window.side.width() < wide / 2
    window.resize(1024, 700)
    shown(lambda: window.side.buttons["sandbox"].text() == "Check-up")
    assert window.side.width() == wide


def test_nothing_to_press_lies_below_the_edge_of_a_small_window(qtbot, styled, kept) -> None:
    """What goes on, back, pauses and takes back is in the foot: never scrolled away, and whole."""
    seen = set()
    for number, (name, widget) in enumerate(scenes((640, 360))):
        if number == 0:
            kept(widget)
        if isinstance(widget, Wizard) and widget.foot.isVisible():
            run = widget.run
            for one in (widget.next, widget.back, widget.leave, run.pause, run.undo, run.go):
                if one.isVisible():
                    corner = one.mapTo(widget, one.rect().bottomRight())
                    assert widget.rect().contains(corner), f"{name}: {one.text()}"
                    seen.add(one.text())
    assert {"&Next", "&Back", "&Pause", "&Cancel and undo …", "&Undo …"} <= seen


def test_waiting_for_the_person_is_no_trouble(window: Wizard) -> None:
    opened(window, ("checkup", "done"), ("snapshot", "failed"))
    window.run._failed(WAITS)
    assert window.run.now.sentence.text() == "It waits for you."
    assert "your turn" in window.run.what.text()
    assert window.run.states._rows["snapshot"][2].text() == "waits for you"
    assert window.run.file.isVisible()
    assert not window.run.trouble.more.isVisible(), "nothing has failed: there are no details to send to anybody"
    assert "sandhopper resume" not in window.run.trouble.remedy.text()


def test_the_window_says_nothing_that_only_a_terminal_takes(kept, styled) -> None:
    remedy = "Put it into the copy (MOUNT=grow), export it as a disk of its own (/data=disk), or leave it."
    made = kept(Findings())
    made.show_findings([Finding("stop", "It does not fit.", remedy=remedy)])
    said = " ".join(shown.text() for shown in made.findChildren(QLabel))
    assert "MOUNT" not in said
    assert "=disk" not in said
    assert "Put it into the copy, export it" in said


def test_a_trouble_is_scrolled_into_a_small_window(window: Wizard, shown) -> None:
    window.resize(640, 360)
    opened(window, ("checkup", "done"), ("snapshot", "failed"))
    window.run._failed(WAITS)
    shown(lambda: not window.run.trouble.visibleRegion().isEmpty())


def test_the_end_tells_the_snapshots_moment_the_disks_and_what_is_missing(window: Wizard, shown) -> None:
    job = samples.job(2, include=samples.MUCH)
    window.done.show_end(job, read(samples.finished_with_much(job) / "journal.jsonl"))
    told = {name: field.text().replace("\u200b", "") for name, field in window.done.fields.items()}
    assert told["moment"] == "Of one moment: the system disk stood still for 1.7 s."
    assert told["left"].splitlines() == [
        "/scratch, 900.0 MB",
        "/application/log/run.log may be torn: it never held still",
    ]
    assert "61.0 GB; it was read back whole" in told["disks"]
    assert "Not done: The start-up image has no virtio driver." in told["changes"]
    assert told["sha256"] == "3f0a9c1be4" * 6 + "3f0a"
    shown(lambda: not window.done.work.running)
