"""Home tells how every export stands, and offers what can be done next."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QPushButton

from app import shelf
from tests.ui import samples
from tests.ui.watchdog import Watchdog
from ui.widgets.exportrow import Banner


def labels(row) -> list[str]:
    from PySide6.QtWidgets import QPushButton

    return [b.text() for b in row.findChildren(QPushButton)]


def test_forty_jobs_are_there_and_nothing_froze(window, shown, qtbot) -> None:
    for number in range(40):
        (samples.finished if number % 4 else samples.keep)(samples.job(number))
    watchdog = Watchdog()
    window.home.refresh()
    shown(lambda: len(window.home.rows) == 40)
    qtbot.wait(50)
    watchdog.stop()
    assert watchdog.worst < 0.05 * 2, f"{watchdog.worst * 1000:.0f} ms"
    assert window.home.open.count() == 10
    assert window.home.past.count() == 30


@pytest.mark.parametrize("name", ["x" * 200, " ".join(["a very long name"] * 11)])
def test_a_very_long_name_pushes_nothing_out_of_the_window(window, shown, qtbot, name: str) -> None:
    samples.finished(samples.job(1, name=name))
    samples.keep(samples.job(2, name=name), ("checkup", "done"), ("prepare", "started"))
    window.home.refresh()
    shown(lambda: len(window.home.rows) == 2)
    qtbot.wait(50)
    for found in window.home.findChildren(QPushButton):
        if found.isVisible():
            assert found.mapTo(window, found.rect().topRight()).x() < window.width(), found.text()
    row = next(row for row in window.home.rows.values() if row.one.finished)
    row.look.emit(row.one)
    shown(lambda: not window.done.work.running)
    qtbot.wait(50)
    assert window.done.inner.width() <= window.done.area.viewport().width()
    window.go("run")
    qtbot.wait(50)
    assert window.run.inner.width() <= window.run.area.viewport().width()


def test_each_state_offers_what_fits(window, shown) -> None:
    fresh = samples.keep(samples.job(1))
    stopped = samples.keep(
        samples.job(2), ("checkup", "done"), ("prepare", "done"), ("restore", "done"), ("fetch", "failed")
    )
    done = samples.finished(samples.job(3))
    undone = samples.keep(samples.job(4), ("checkup", "done"), ("checkup", "undone"))
    window.home.refresh()
    shown(lambda: len(window.home.rows) == 4)
    offered = {key: labels(row) for key, row in window.home.rows.items()}
    assert offered[fresh.name] == ["Go on", "Delete …"]
    assert offered[stopped.name] == ["Go on", "Look"]
    assert offered[done.name] == ["Report", "Look", "Delete …"]
    assert offered[undone.name] == ["Go on", "Delete …"]
    assert not window.home.banners.count()


def test_a_changed_sandbox_has_a_banner_and_cannot_be_deleted_away(window, shown) -> None:
    folder = samples.keep(samples.job(1), ("checkup", "done"), ("prepare", "started"))
    window.home.refresh()
    shown(lambda: len(window.home.rows) == 1)
    assert "Delete …" not in labels(window.home.rows[folder.name])
    banner = window.home.banners.itemAt(0).widget()
    assert isinstance(banner, Banner)
    assert labels(banner) == ["&Put the sandbox back"]
    assert "203.0.113.7" in banner.accessibleName()


def test_deleting_asks_first_and_forgets(window, shown) -> None:
    from PySide6.QtWidgets import QMessageBox

    folder = samples.finished(samples.job(1))
    window.home.refresh()
    shown(lambda: len(window.home.rows) == 1)
    row = window.home.rows[folder.name]
    for answer, left in ((1, 1), (0, 0)):
        row.forget.emit(row.one)
        box = window.home.findChild(QMessageBox, "confirm")
        box.buttons()[answer].click()
        shown(lambda: not window.home.work.running and not window.home.shelf.running)
        assert len(shelf.exports()) == left
        shown(lambda: window.home.findChild(QMessageBox, "confirm") is None)


def test_going_on_with_one_that_never_began_leads_to_review(window, shown) -> None:
    folder = samples.keep(
        samples.job(1, source="file:///nowhere.raw", target="file:///nowhere/", sandbox="", include=())
    )
    window.home.refresh()
    shown(lambda: len(window.home.rows) == 1)
    row = window.home.rows[folder.name]
    row.go_on.emit(row.one)
    assert window.page.key == "review"
    shown(lambda: not window.review.work.running)
    assert window.problem.text()


def test_looking_at_a_finished_one_shows_its_end(window, shown) -> None:
    folder = samples.finished(samples.job(1))
    window.home.refresh()
    shown(lambda: len(window.home.rows) == 1)
    row = window.home.rows[folder.name]
    row.look.emit(row.one)
    assert window.page.key == "done"
    assert window.done.fields["sha256"].text().startswith("3f0a9c1be4")
    assert "same SHA-256" in window.done.fields["proof"].text()
    shown(lambda: not window.done.work.running)
    assert str(folder) in window.done.leftovers.text()


def test_a_finished_one_is_never_run_again_by_looking(window, shown) -> None:
    folder = samples.finished(samples.job(1))
    before = (folder / "journal.jsonl").read_bytes()
    window.home.refresh()
    shown(lambda: len(window.home.rows) == 1)
    row = window.home.rows[folder.name]
    row.look.emit(row.one)
    window.go("run")
    shown(lambda: not window.done.work.running)
    assert window.run.now.sentence.text() == "Everything is done."
    assert (folder / "journal.jsonl").read_bytes() == before


def test_broken_folders_do_not_hide_the_others(window, shown) -> None:
    from app import host

    samples.finished(samples.job(1))
    (host.jobs_home() / "junk").mkdir()
    (host.jobs_home() / "junk" / "job.json").write_text("{")
    window.home.refresh()
    shown(lambda: len(window.home.rows) == 1)
