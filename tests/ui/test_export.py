"""A whole export through the window with the real engine, and what happens when it is stopped on the way."""

from __future__ import annotations

import hashlib
import statistics
import time
from pathlib import Path

import pytest

from app import shelf
from ui.draft import Draft
from ui.wizard import Wizard

STRETCH = 30  # times as long as painting a page (5 ms): more at a stretch would be felt


def to_review(window: Wizard, shown, disk: Path, there: Path, limit: float = 0) -> None:
    window.begin_new()
    source = window.pages["source"]
    source.choices[0].setChecked(True)
    source.origins[0].choose(str(disk))
    shown(lambda: not source.problem())
    window.go_next()
    assert window.page.key == "target"
    target = window.pages["target"]
    target.profile.setCurrentIndex(target.profile.findData("local"))
    target.address.lines["path"].setText(str(there))
    target.prove.setChecked(False)
    target.limit.setValue(limit)
    assert not target.problem()
    window.go_next()
    assert window.page.key == "review"
    shown(lambda: not window.review.work.running)
    assert not window.review.problem(), window.review.trouble.what.text()


def painting(window) -> float:
    """Seconds of processor time in which this machine, as loaded as it is, paints the page."""
    took = []
    for _ in range(5):
        begun = time.thread_time()
        window.grab()
        took.append(time.thread_time() - begun)
    return statistics.median(took)


def test_a_file_goes_into_a_folder_and_nothing_freezes(window, shown, disk, tmp_path, watchdog) -> None:
    there = tmp_path / "usb"
    there.mkdir()
    to_review(window, shown, disk, there)
    assert window.next.text() == "&Start the export"
    window.go_next()
    assert window.page.key == "run"
    shown(lambda: window.page.key == "done", 60)
    images = sorted(there.glob("*.qcow2"))
    assert [image.name for image in images] == ["machine.qcow2"]
    digest = hashlib.sha256(images[0].read_bytes()).hexdigest()
    assert window.done.fields["sha256"].text() == digest
    assert window.done.report
    assert window.done.report.is_file()
    assert len(watchdog.cpu) > 10, "it did not look"
    assert watchdog.worst < STRETCH * painting(window), f"computed {watchdog.worst * 1000:.0f} ms at a stretch"
    shown(lambda: not window.done.work.running)
    window.go_home()
    shown(lambda: len(window.home.rows) == 1)
    assert next(iter(window.home.rows.values())).one.finished


def test_pause_close_and_go_on_at_the_next_start(window, kept, shown, disk, tmp_path, answers) -> None:
    there = tmp_path / "usb"
    there.mkdir()
    to_review(window, shown, disk, there, limit=1.0)
    window.go_next()
    shown(lambda: window.run.story.state.steps.get("upload") == "started" and window.run.story.done > 0, 60)
    window.close()
    assert window.isVisible()
    box = window.closing.box
    assert [b.text() for b in box.buttons()] == ["&Pause and close", "&Stay"]
    box.buttons()[0].click()
    shown(lambda: not window.isVisible())
    assert not list(there.glob("*.qcow2")), "nothing half-done looks done"
    left = shelf.exports()
    assert len(left) == 1
    assert not left[0].finished

    second = kept(Wizard(answers))
    second.show()
    shown(lambda: len(second.home.rows) == 1)
    job = left[0].job
    second.home.rows[job.id].go_on.emit(second.home.rows[job.id].one)
    assert second.page.key == "run"
    shown(lambda: second.page.key == "done", 90)
    assert (there / "machine.qcow2").is_file()


def test_stay_keeps_it_running(window, shown, disk, tmp_path) -> None:
    there = tmp_path / "usb"
    there.mkdir()
    to_review(window, shown, disk, there, limit=1.0)
    window.go_next()
    shown(lambda: window.run.story.state.steps.get("upload") == "started", 60)
    window.close()
    window.closing.box.buttons()[1].click()
    assert window.run.running
    assert window.isVisible()
    window.run.hold()
    shown(lambda: not window.run.running)
    assert window.run.go.isVisible()
    assert window.run.now.sentence.text().startswith("Paused")


def test_cancel_and_undo_takes_everything_back(window, shown, disk, tmp_path) -> None:
    there = tmp_path / "usb"
    there.mkdir()
    to_review(window, shown, disk, there, limit=1.0)
    window.go_next()
    shown(lambda: window.run.story.state.steps.get("upload") == "started" and window.run.story.done > 0, 60)
    window.run.take_back()
    shown(lambda: not window.run.running and not window.run.story.state.touched("convert"), 30)
    assert not list(there.iterdir())
    assert window.run.now.sentence.text().startswith("Undone")
    assert disk.stat().st_size == 32 << 20


@pytest.mark.parametrize("words", ["/nowhere/at/all.qcow2"])
def test_a_source_that_is_gone_is_told_on_its_page(window, shown, words: str) -> None:
    window.begin_new()
    source = window.pages["source"]
    source.choices[0].setChecked(True)
    source.origins[0].choose(words)
    shown(lambda: source.origins[0].trouble.isVisible())
    assert source.problem()
    assert not window.next.isEnabled()
    assert window.draft == Draft()
