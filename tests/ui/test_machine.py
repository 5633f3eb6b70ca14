"""A machine that an export has changed: put back from Home, and an export whose snapshot is made by hand."""

from __future__ import annotations

import threading
from pathlib import Path

from PySide6.QtCore import Qt

from app import acts, engine, shelf
from app.job import Include, Job, new
from app.practice.site import Site
from app.practice.state import MOUNT
from app.secrets import Answers
from app.steps import steps_of
from tests.practice.trees import listing
from ui.wizard import Wizard


def leave_prepared(job: Job) -> tuple[Path, dict[str, tuple[object, ...]]]:
    """Do *job* until its machine is prepared, and end there as a power cut would; the machine as it was before."""
    answers = Answers(use_keyring=False)
    with Site() as site:
        for about, value in site.answers().items():
            answers.give(about, value)
        home, before = site.machine.home, listing(site.machine.home)
        with engine._opened(job, job.folder, lambda event: None, threading.Event(), answers) as ctx:
            for step in steps_of(job):
                engine._run_step(step, ctx, 60)
                if step.name == "prepare":
                    break
    assert listing(home) != before
    return home, before


def test_a_changed_machine_is_put_back_from_home(window: Wizard, shown, qtbot) -> None:
    job = acts.practice_job()
    home, before = leave_prepared(job)
    assert shelf.find(job.id).disturbed
    window.home.refresh()
    shown(lambda: window.home.banners.count() == 1)
    banner = window.home.banners.itemAt(0).widget()
    banner.put_back.emit(banner._one)
    shown(lambda: not window.home.work.running and not window.home.shelf.running, 60)
    assert window.home.trouble.isHidden(), window.home.trouble.what.text()
    assert listing(home) == before
    assert not shelf.find(job.id).disturbed
    shown(lambda: window.home.banners.count() == 0)


def test_a_snapshot_made_by_hand_is_waited_for_and_handed_over(
    window: Wizard, shown, qtbot, disk: Path, tmp_path: Path
) -> None:
    there = tmp_path / "usb"
    there.mkdir()
    with Site() as site:
        before = listing(site.machine.home)
        for about, value in site.answers().items():
            window.answers.give(about, value)
        machine = site.record.url("machine")
        job = new(machine, f"{there.as_uri()}/", include=(Include(MOUNT, "merge"),), prove=False, name="gauss")
        window.open_job(job)
        shown(lambda: not window.review.work.running, 60)
        assert not window.review.problem(), window.review.trouble.what.text()
        window.next.setFocus()
        qtbot.keyClick(window.next, Qt.Key.Key_Return)
        shown(lambda: window.run.trouble.isVisible(), 60)
        assert window.run.file.isVisible(), window.run.trouble.what.text()
        assert "sandhopper resume" not in window.run.trouble.remedy.text()
        assert listing(site.machine.home) != before, "it stays prepared until the snapshot is there"
        window.run.give(str(disk))
        shown(lambda: window.page.key == "done" or (window.run.trouble.isVisible() and not window.run.running), 60)
        assert window.page.key == "done", window.run.trouble.what.text()
        assert listing(site.machine.home) == before
    assert [file.name for file in there.glob("*.qcow2")] == ["gauss.qcow2"]
    shown(lambda: not window.done.work.running)
