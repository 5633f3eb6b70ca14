"""What can be asked for when the window is started."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app import shelf
from tests.ui import samples
from ui import wishes
from ui.wishes import Opening, Rehearsing, understood
from ui.wizard import Wizard


def test_the_words_of_the_command_line() -> None:
    said, for_qt = understood(["--rehearse", "-style", "fusion"])
    assert said.rehearse
    assert "-style" in for_qt
    assert understood(["20261121"])[0].export == "20261121"


def test_a_rehearsal_starts_and_ends_by_itself_and_leaves_nothing_when_deleted(
    window: Wizard, shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wishes, "READ", 200)
    Rehearsing(window)
    shown(lambda: window.page is window.review, 30)
    shown(lambda: window.page.key == "run", 60)
    shown(lambda: window.page.key == "done" or window.run.trouble.isVisible(), 120)
    assert window.page.key == "done", window.run.trouble.what.text()
    assert "as it was before" in window.done.fields["sandbox"].text()
    assert window.done.practice.isVisible()
    shown(lambda: "practice server keeps its files" in window.done.leftovers.text())
    told = next(line for line in window.done.leftovers.text().splitlines() if "practice server" in line)
    uploaded = Path(told.partition(": ")[2])
    assert uploaded.is_file()
    window.go_home()
    shown(lambda: len(window.home.rows) == 1)
    row = next(iter(window.home.rows.values()))
    row.forget.emit(row.one)
    window.home.window().findChild(object, "confirm").buttons()[0].click()
    shown(lambda: not window.home.work.running and not window.home.shelf.running)
    assert not shelf.exports()
    assert not uploaded.exists(), "a rehearsal's upload lies on this computer, and goes with it"


def test_a_rehearsal_does_not_start_when_the_person_went_elsewhere(
    window: Wizard, shown, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wishes, "READ", 50)
    Rehearsing(window)
    shown(lambda: window.page is window.review, 30)
    window.go_home()
    shown(lambda: not window.review.work.running, 60)
    qtbot.wait(200)
    assert window.page is window.home
    assert not window.run.running


def test_an_unfinished_rehearsal_goes_on_instead_of_a_second_one(window: Wizard, shown) -> None:
    window.home.practice.click()
    shown(lambda: window.page is window.review, 30)
    shown(lambda: not window.review.work.running, 60)
    first = window.review.job
    window.go_home()
    window.home.practice.click()
    shown(lambda: window.page is window.review, 30)
    assert window.review.job == first
    window.go_home()
    shown(lambda: not window.review.work.running, 60)


def test_an_export_is_opened_by_its_id(window: Wizard, shown) -> None:
    folder = samples.finished(samples.job(1))
    Opening(window, folder.name)
    shown(lambda: window.page.key == "done")
    shown(lambda: not window.done.work.running)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_export_that_cannot_be_opened_is_told(window: Wizard, shown, tmp_path: Path, elsewhere: bool) -> None:
    which = "nothing-of-this-name"
    if elsewhere:
        which = str(shutil.copytree(samples.finished(samples.job(1)), tmp_path / "moved"))
    Opening(window, which)
    shown(window.home.trouble.isVisible)
    said = window.home.trouble.what.text()
    assert ("outside" if elsewhere else which) in said
