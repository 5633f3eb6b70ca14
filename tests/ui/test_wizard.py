"""Back and Next, the side bar, Esc and closing."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from app.errors import Cancelled
from tests.ui import samples
from ui import runner
from ui.draft import STEPS, Draft


def until_cancelled(report, cancel, answers) -> None:
    cancel.wait(20)
    raise Cancelled


def at(window, key: str, **said: object) -> None:
    draft = Draft(source=samples.CLOUD, called="gauss", sandbox="ssh://debian@203.0.113.7", look=samples.look(), **said)
    window.begin_new()
    window.draft, window.reached = draft, draft.steps.index(key)
    window.go(key)


def test_back_is_free_and_keeps_the_answers(window) -> None:
    at(window, "include")
    window.pages["include"].rows["/home"].choose("leave")
    window.go_back()
    assert window.page.key == "sandbox"
    window.go_next()
    assert window.page.key == "include"
    assert window.pages["include"].rows["/home"].how == "leave"


def test_next_waits_for_an_answer_and_says_which(window) -> None:
    window.begin_new()
    assert window.page.key == "source"
    assert not window.next.isEnabled()
    assert window.problem.text() == "Choose one of the three."
    window.go_next()
    assert window.page.key == "source"


def test_a_changed_answer_closes_the_pages_behind_it(window) -> None:
    at(window, "target", include=())
    assert window.side.buttons["include"].isEnabled()
    window.go("source")
    source = window.pages["source"]
    source.choices[2].setChecked(True)
    source.origins[2].address.setText("ada@old.example.org")
    window.go_next()
    assert window.page.key == "sandbox"
    assert window.draft.look is None
    assert not window.side.buttons["include"].isEnabled()
    assert not window.side.buttons["target"].isEnabled()


def test_the_side_bar_never_leads_ahead(window) -> None:
    at(window, "sandbox")
    for key in STEPS[2:]:
        assert not window.side.buttons[key].isEnabled(), key


def test_start_is_a_decision_not_a_place(window, shown) -> None:
    at(window, "review", target="sftp://ada@127.0.0.1:1/")
    assert not window.side.buttons["run"].isEnabled()
    shown(lambda: not window.review.work.running)
    window.go_next()
    assert window.page.key == "review"


@pytest.mark.parametrize("key", ["home", *STEPS])
def test_esc_closes_nothing(window, qtbot, shown, key: str) -> None:
    at(window, "target")
    window.stack.setCurrentWidget(window.pages[key])
    for widget in (window, window.page, window.page.heading, window.focusWidget() or window):
        qtbot.keyClick(widget, Qt.Key.Key_Escape)
    assert window.isVisible()
    assert window.page.key == key


def test_esc_and_closing_in_mid_job_lose_nothing(window, qtbot, shown) -> None:
    at(window, "run")
    window.run.job = samples.job()
    window.run.mode = "run"
    window.run.work.start(until_cancelled)
    shown(lambda: window.run.running)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert window.run.running
    window.close()
    assert window.isVisible()
    box = window.closing.box
    assert box.defaultButton().text() == "&Stay"
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert window.isVisible()
    assert window.run.running
    assert not window.closing.going
    window.close()
    window.closing.box.buttons()[0].click()
    shown(lambda: not window.isVisible())
    assert not runner.alive()


def test_closing_with_nothing_running_asks_nothing(window) -> None:
    window.close()
    assert not window.isVisible()
    assert window.closing.box is None


def test_closing_stops_a_look_without_asking(window, shown) -> None:
    at(window, "sandbox")
    window.pages["sandbox"].work.start(until_cancelled)
    window.close()
    assert window.closing.box is None
    shown(lambda: not window.isVisible())


def test_pages_before_the_start_are_read_only_afterwards(window, shown) -> None:
    at(window, "review", target="sftp://ada@127.0.0.1:1/")
    shown(lambda: not window.review.work.running)
    window.run.job = samples.job()
    window.run.work.start(until_cancelled)
    before = window.draft
    window.reached = STEPS.index("run")
    for key in ("source", "sandbox", "include", "clean", "target", "line"):
        window.go(key)
        assert window.page.key == key
        inputs = [w for w in window.page.inner.children() if w.isWidgetType() and w.isEnabledTo(window.page.inner)]
        assert all(w in (window.page.heading, window.page.what, window.page.then) for w in inputs), key
        assert not window.pages["line"].work.running, "looking back measures nothing"
    assert window.draft is before
    window.go("run")
    assert window.page.key == "run"
    window.run.work.cancel()
    shown(lambda: not window.run.running)


def test_a_new_export_while_one_runs_leads_to_the_running_one(window, shown) -> None:
    window.run.job = samples.job()
    window.run.work.start(until_cancelled)
    window.begin_new()
    assert window.page.key == "run"
    window.run.work.cancel()
    shown(lambda: not window.run.running)


def test_the_title_takes_the_focus_on_every_page(window, shown) -> None:
    at(window, "include")
    window.activateWindow()
    shown(lambda: window.focusWidget() is window.page.heading)
    window.go_next()
    assert window.focusWidget() is window.page.heading


def test_the_job_keeps_its_id_when_the_answers_change(window) -> None:
    one = Draft(source="file:///a.raw", called="a", target="file:///b/")
    first = one.as_job()
    from dataclasses import replace

    second = replace(one, job=first, target="file:///c/").as_job()
    assert (second.id, second.created) == (first.id, first.created)
    assert second.target == "file:///c/"
