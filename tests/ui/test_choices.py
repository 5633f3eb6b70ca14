"""The pages where a person decides what travels: check-up, what comes along, secrets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QLabel, QPushButton

from app import choices
from app.context import Finding
from app.job import Decision, Include
from tests.ui import samples
from ui.draft import Draft
from ui.pages.clean import CleanPage
from ui.pages.include import IncludePage
from ui.pages.sandbox import SandboxPage
from ui.widgets.findings import MOST, Findings
from ui.widgets.handover import Handover
from ui.widgets.helpbox import HelpBox

MERGES = (Include("/application", "merge"), Include("/home", "merge"), Include("/mnt/share", "leave"))
SSH = Draft(source="ssh://ada@gauss", sandbox="ssh://ada@gauss", look=samples.look(), include=MERGES)
CHECK = Qt.ItemDataRole.CheckStateRole


@pytest.fixture
def page(kept, styled, answers):
    def make(kind, draft: Draft):
        made = kept(kind(answers))
        made.show()
        made.fill(draft)
        return made

    return make


def texts(widget) -> str:
    return "\n".join(shown.text() for shown in widget.findChildren(QLabel))


def tick(made: CleanPage, row: int, state: Qt.CheckState, below: int | None = None) -> None:
    model = made.secrets.model
    index = model.index(row, 0) if below is None else model.index(below, 0, model.index(row, 0))
    assert model.setData(index, state, CHECK)


def test_the_check_up_says_in_one_sentence_whether_it_can_travel(page) -> None:
    made = page(SandboxPage, SSH)
    assert made.found.verdict.text() == "This machine can travel; one thing to know, 2 repairs in the copy."
    made.fill(replace(SSH, look=replace(samples.look(), findings=())))
    assert made.found.verdict.text() == "This machine can travel."
    stop = Finding("stop", "There is no rsync and no tar.")
    made.fill(replace(SSH, look=replace(samples.look(), findings=(stop,))))
    assert made.found.verdict.text() == "One thing stands in the way."
    assert made.problem()


def test_a_declined_repair_goes_into_the_job_and_comes_back(page) -> None:
    made = page(SandboxPage, SSH)
    assert made.read(SSH).unfixed == ()
    made.found.repairs["network"].click()
    draft = made.read(replace(SSH, target="sftp://ada@h.org/"))
    assert draft.unfixed == ("network",)
    assert draft.as_job().unfixed == ("network",)
    assert draft.include == MERGES, "the same machine was looked at: what was said about it stays"
    again = page(SandboxPage, draft)
    assert not again.found.repairs["network"].isChecked()
    assert again.found.repairs["device-names"].isChecked()
    assert again.read(draft) == draft


def test_a_look_that_fails_leaves_no_older_one_in_its_place(page, shown) -> None:
    made = page(SandboxPage, replace(SSH, source="openstack://c/server/x"))
    made.address.setText("ada@127.0.0.1:1")
    made.go.click()
    shown(lambda: made.trouble.isVisible())
    assert "Look" in made.problem()
    assert made.read(SSH).look is None


def test_the_check_up_can_be_taken_along(page, tmp_path: Path, qapp) -> None:
    keeping = page(SandboxPage, SSH).found.keeping
    keeping.write(str(tmp_path / "a.json"))
    assert json.loads((tmp_path / "a.json").read_text())["look"]["hostname"] == "gauss"
    keeping.write(str(tmp_path / "a.txt"))
    assert "Take care: 12 days of updates" in (tmp_path / "a.txt").read_text()
    keeping.write(str(tmp_path / "nowhere" / "a.txt"))
    assert "could not be saved" in keeping.said.text()
    keeping.copy.click()
    assert "gauss" in qapp.clipboard().text()


def test_a_hostile_list_has_an_end_and_no_markup(kept, styled) -> None:
    made = kept(Findings())
    made.show_findings([Finding("care", "<h1>x</h1>\x1b[2J" + "a" * 9000, "b" * 9000)] * 500)
    made.show()
    assert f"{500 - MOST} more" in texts(made)
    for shown in made.findChildren(QLabel):
        assert shown.textFormat() == Qt.TextFormat.PlainText
        assert len(shown.text()) < 1000
        assert "\x1b" not in shown.text()


def test_more_opens_the_help_about_a_finding(page, qapp) -> None:
    made = page(SandboxPage, SSH)
    qapp.processEvents()
    more = [b for b in made.found.findChildren(QPushButton) if b.text() == "More …" and b.isVisible()]
    assert len(more) == 3
    more[1].click()
    box = made.findChild(HelpBox)
    assert box is not None
    assert len(box.text.toPlainText()) > 100
    box.accept()


def test_the_forecast_follows_each_choice(page, qapp, monkeypatch) -> None:
    monkeypatch.setattr("app.disk.guest.why_not", lambda: ("", ""))
    made = page(IncludePage, replace(SSH, look=samples.look(free=6_000_000_000)))
    assert made.room.said.text().startswith("Does not fit: 11.9 GB short")
    qapp.processEvents()
    ways = [b.text() for b in made.room.findChildren(QPushButton) if not b.isHidden()]
    assert ways == [
        "Put /application into the copy, with a bigger main disk",
        "Give /application a disk of its own",
        "Leave /application out",
    ]
    next(b for b in made.room.findChildren(QPushButton) if b.text() == ways[1]).click()
    assert made.rows["/application"].how == "disk"
    assert made.room.said.text() == "Fits: 3.9 GB of 6.0 GB free."
    assert not made.problem()
    made.rows["/home"].choose("leave")
    assert "stays as it is" in made.room.said.text()
    assert "missing" in made.rows["/home"].said.text()
    assert page(IncludePage, made.read(SSH)).rows["/application"].how == "disk"


def test_a_bigger_copy_is_a_way_out_where_it_can_be_made(page, qapp, monkeypatch) -> None:
    monkeypatch.setattr("app.disk.guest.why_not", lambda: ("", ""))
    made = page(IncludePage, replace(SSH, look=samples.look(free=6_000_000_000)))
    made.room.findChildren(QPushButton)[0].click()
    assert made.rows["/application"].how == "grow"
    assert not made.problem()
    assert "made bigger" in texts(made.found)
    assert page(IncludePage, made.read(SSH)).rows["/application"].how == "grow"
    monkeypatch.setattr("app.disk.guest.why_not", lambda: ("This computer has no libguestfs.", "Install it."))
    without = page(IncludePage, made.read(SSH)).rows["/application"]
    assert without.how == "leave"
    assert without.barred["grow"] == "this computer has no libguestfs"


def test_files_that_do_not_fit_are_told_as_files(page) -> None:
    made = page(IncludePage, replace(SSH, look=replace(samples.look(), root_free_inodes=1000)))
    assert "room for" in made.room.said.text()
    assert made.problem()


@pytest.mark.parametrize("free", [0, 3_000_000_000, 5_000_000_000, 17_900_000_000, 18_000_000_000, 40_000_000_000])
@pytest.mark.parametrize("inodes", [0, 100_000, 300_000, 301_100])
def test_the_bar_and_the_findings_never_disagree(free: int, inodes: int) -> None:
    from app import acts

    look = replace(samples.look(free=free), root_free_inodes=inodes)
    for include in (MERGES, MERGES[1:], MERGES[2:]):
        stopped = [f for f in acts.include_findings(look, include) if f.grade == "stop"]
        assert bool(stopped) == (not choices.room(look, include).fits)


def test_a_cloud_from_which_only_the_main_disk_comes_offers_no_own_disk(page) -> None:
    made = page(IncludePage, replace(SSH, source=samples.CLOUD))
    model = made.rows["/application"].choice.model()
    assert [model.item(n).isEnabled() for n in range(4)] == [True, False, False, True]
    assert "so far" in model.item(1).toolTip()


def test_secrets_travel_unless_they_are_taken_out(page) -> None:
    made = page(CleanPage, SSH)
    assert made.count.text() == "6 secrets travel along.", "the seventh is on a disk that stays behind"
    tick(made, 0, Qt.CheckState.Unchecked)
    assert made.count.text() == "4 of 6 secrets travel along; 2 are taken out of the copy."
    draft = made.read(replace(SSH, target="sftp://ada@h.org/"))
    assert {d.what for d in draft.secrets} == {"remove"}
    assert draft.as_job().secrets == draft.secrets
    again = page(CleanPage, draft)
    assert again.read(draft) == draft
    tick(again, 0, Qt.CheckState.Checked, below=0)
    assert len(again.read(draft).secrets) == 1


def test_a_template_takes_all_out_and_going_back_forgets_nothing(page) -> None:
    made = page(CleanPage, SSH)
    tick(made, 1, Qt.CheckState.Unchecked, below=0)
    before = made.read(SSH).secrets
    made.profiles["share"].radio.click()
    assert made.count.text() == "No secret travels along; 6 are taken out of the copy."
    assert "Histories" in texts(made.more)
    tick(made, 0, Qt.CheckState.Checked)
    assert {d.what for d in made.read(SSH).secrets} == {"keep"}
    assert made.read(SSH).clean == "share"
    made.profiles["move"].radio.click()
    assert made.read(SSH).secrets == before


def test_cleaning_that_cannot_be_done_here_stands_in_the_way(page, monkeypatch) -> None:
    monkeypatch.setattr("app.disk.guest.why_not", lambda: ("This computer has no libguestfs.", "Install it."))
    made = page(CleanPage, SSH)
    assert not made.problem()
    made.profiles["share"].radio.click()
    assert made.problem()
    assert "Install it." in texts(made.found)
    monkeypatch.setattr("app.disk.guest.why_not", lambda: ("", ""))
    made.fill(made.read(SSH))
    assert not made.problem()
    assert "on the copy" in texts(made.found)


def test_no_secrets_are_told_as_none_known(page) -> None:
    made = page(CleanPage, replace(SSH, look=replace(samples.look(), secrets=())))
    assert made.none.isVisible()
    assert not made.secrets.isVisible()


def test_thousands_of_secrets_do_not_hold_up_the_window(page, watchdog, qtbot) -> None:
    draft = replace(SSH, look=replace(samples.look(), secrets=samples.secrets(5000)))
    made = page(CleanPage, draft)
    qtbot.wait(50)
    tick(made, 0, Qt.CheckState.Unchecked)
    made.secrets.search.setText(".aws/credentials-6")
    qtbot.wait(50)
    assert made.count.text().startswith("3,000 of 4,000")
    assert watchdog.worst < 1.0
    assert made.secrets.filter.rowCount(QModelIndex()) == 1


def test_decisions_about_what_is_gone_are_dropped_by_a_new_look() -> None:
    draft = replace(SSH, secrets=(Decision("/root/.bash_history", "remove"), Decision("/gone", "remove")))
    assert [d.path for d in draft.looked(SSH.sandbox, samples.look(), ()).secrets] == ["/root/.bash_history"]
    assert not draft.looked("ssh://ada@other", samples.look(), ()).secrets


def test_the_files_of_several_disks_are_asked_for_together(kept, styled, qtbot) -> None:
    made = kept(Handover())
    made.ask(["/", "/data"], {"/": "file:///tmp/a%20b.raw"})
    assert made.files == {"/": "/tmp/a b.raw"}
    assert not made.go.isEnabled()
    assert "still missing" in texts(made)
    made.take("/data", "/tmp/c.raw")
    with qtbot.waitSignal(made.given) as got:
        made.go.click()
    assert got.args[0] == {"/": "/tmp/a b.raw", "/data": "/tmp/c.raw"}
