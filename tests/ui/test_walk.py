"""The rehearsal: the whole way from the first page, by itself or by hand, and nothing of it can be changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt

from app import shelf
from ui import walk
from ui.wizard import Wizard

WAY = ["source", "sandbox", "include", "clean", "review", "run", "done"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("READ", "LONGER", "BEFORE", "LOOK"):
        monkeypatch.setattr(walk, name, 50)


@pytest.fixture
def seen(window: Wizard) -> list[str]:
    """The pages that were shown, in order."""
    pages: list[str] = []
    window.stack.currentChanged.connect(lambda _: pages.append(window.page.key))
    return pages


def test_a_rehearsal_shows_the_whole_way_by_itself_and_leaves_nothing_when_deleted(
    window: Wizard, shown, quick, seen: list[str]
) -> None:
    window.walk.begin()
    shown(lambda: window.page.key == "source" and window.guide.isVisible(), 30)
    assert "Click anywhere or press a key" in window.guide.who.text()
    shown(lambda: window.page.key == "done" or window.run.trouble.isVisible(), 160)
    assert window.page.key == "done", window.run.trouble.what.text()
    assert seen == WAY
    assert not window.walk.walking
    assert window.guide.isHidden()
    assert "as it was before" in window.done.fields["sandbox"].text()
    assert window.done.practice.isVisible()
    assert window.pages["sandbox"].look.hostname == "practice-sandbox"
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


@pytest.mark.parametrize("act", ["click", "key"])
def test_whatever_the_person_does_ends_the_walk_until_they_want_it_again(
    window: Wizard, shown, qtbot, quick, act: str
) -> None:
    window.walk.begin()
    shown(lambda: window.page.key == "source", 30)
    if act == "click":
        qtbot.mouseClick(window.page.heading, Qt.MouseButton.LeftButton)
    else:
        qtbot.keyClick(window, Qt.Key.Key_Shift)
    assert not window.walk.walking
    assert window.guide.walk.isVisible()
    assert "taken over" in window.guide.who.text()
    shown(lambda: not window.pages["source"].origins[1].work.running, 30)
    here = window.page.key
    qtbot.wait(400)
    assert window.page.key == here
    qtbot.mouseClick(window.guide.walk, Qt.MouseButton.LeftButton)
    assert window.walk.walking
    shown(lambda: window.page.key == "include", 60)
    window.walk.end()
    window.go_home()


def test_a_rehearsal_by_hand_can_be_looked_at_and_not_changed(window: Wizard, shown, qtbot) -> None:
    window.home.practice.click()
    shown(lambda: window.page.key == "source", 30)
    job, source, sandbox = window.draft.job, window.pages["source"], window.pages["sandbox"]
    assert [choice.isEnabled() for choice in source.choices] == [False, True, False]
    assert not source.origins[1].cloud.isEnabled()
    shown(lambda: source.origins[1].machines.isVisible() or source.origins[1].ask.isEnabled(), 30)
    source.origins[1].ask.click()
    shown(lambda: source.origins[1].machines.isVisible(), 90)
    source.origins[1].machines.choose(job.source)
    window.next.click()
    assert sandbox.address.isReadOnly()
    sandbox.go.click()
    shown(lambda: not sandbox.problem(), 30)
    window.next.click()
    assert [row.how for row in window.page.rows.values()] == ["merge", "leave"]
    assert not any(row.choice.isEnabled() for row in window.page.rows.values())
    window.next.click()
    model = window.page.secrets.model
    assert not model.flags(model.index(0, 0, QModelIndex())) & Qt.ItemFlag.ItemIsUserCheckable
    qtbot.mouseClick(window.page.profiles["share"], Qt.MouseButton.LeftButton)
    assert window.page.profile == "move"
    window.next.click()
    shown(lambda: not window.review.problem(), 60)
    assert window.review.job == job
    assert window.page is window.review, "nobody started it"
    window.begin_new()
    assert all(choice.isEnabled() for choice in source.choices)
    assert source.origins[1].cloud.isEnabled()
    assert window.guide.isHidden()


def test_an_unfinished_rehearsal_goes_on_instead_of_a_second_one(window: Wizard, shown) -> None:
    window.home.practice.click()
    shown(lambda: window.page.key == "source", 30)
    first = window.draft.job
    first.save(first.folder / "job.json")
    window.go_home()
    window.home.practice.click()
    shown(lambda: window.page.key == "source", 30)
    assert window.draft.job == first
