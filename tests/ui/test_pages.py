"""What each page asks for, what it refuses, and what it makes of the answers."""

from __future__ import annotations

import pytest

from app.context import Event
from app.job import Include
from app.journal import State
from tests.ui import samples
from ui.draft import Draft
from ui.pages.include import IncludePage
from ui.pages.line import LinePage
from ui.pages.run import RunPage
from ui.pages.sandbox import SandboxPage
from ui.pages.source import SourcePage
from ui.pages.target import TargetPage


def cloud(**said: object) -> Draft:
    return Draft(source=samples.CLOUD, called="gauss", size=20 << 30, sandbox="ssh://203.0.113.7", **said)


def test_source_wants_a_choice(page) -> None:
    made = page(SourcePage)
    assert made.problem() == "Choose one of the three."
    made.choices[2].setChecked(True)
    assert "user@host" in made.problem()
    made.origins[2].address.setText("ada@old.example.org")
    assert not made.problem()
    got = made.read(Draft())
    assert got.source == got.sandbox == "ssh://ada@old.example.org"


@pytest.mark.parametrize("text", ["ada@host:99999", "ada:secret@host", "@", "ada@", "a b@[::1"])
def test_source_refuses_what_is_no_address(page, text: str) -> None:
    made = page(SourcePage)
    made.choices[2].setChecked(True)
    made.origins[2].address.setText(text)
    assert made.problem()


def test_source_reads_the_disk_and_says_what_it_is(page, disk, shown) -> None:
    made = page(SourcePage)
    made.choices[0].setChecked(True)
    made.origins[0].choose(str(disk))
    shown(lambda: not made.problem())
    assert "RAW" in made.origins[0].state.text()
    got = made.read(Draft())
    assert (got.source, got.called, got.size) == (disk.as_uri(), "machine.raw", 32 << 20)
    assert got.steps == ("source", "target", "line", "review", "run", "done")


def test_source_lists_five_hundred_machines(page, shown) -> None:
    made = page(SourcePage)
    made.choices[1].setChecked(True)
    origin = made.origins[1]
    shown(lambda: not origin.known.running)
    origin.cloud.setCurrentText("catalyst")
    assert "Show my machines" in made.problem()
    origin._shown = "catalyst"
    origin._listed(samples.machines(500))
    assert "Choose a machine" in made.problem()
    origin.machines.search.setText("203.0.113.42")
    rows = [origin.machines.tree.topLevelItem(n) for n in range(500)]
    assert [r.text(0) for r in rows if not r.isHidden()] == [
        "climate-2019 (do not delete) 42",
        "climate-2019 (do not delete) 292",
    ]
    origin.machines.tree.setCurrentItem(rows[42])
    got = made.read(Draft())
    assert got.source == "openstack://catalyst/server/id-42"
    assert got.size == 62 << 30
    assert got.sandbox == "ssh://10.0.0.42"
    origin.cloud.setCurrentText("other")
    assert made.problem(), "the machines of another cloud are not chosen any more"


def test_clouds_of_this_computer_are_offered(page, shown, tmp_path) -> None:
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "clouds.yaml").write_text("clouds:\n  zebra: {}\n  alpaca: {}\n")
    made = page(SourcePage)
    made.choices[1].setChecked(True)
    box = made.origins[1].cloud
    shown(lambda: box.count() == 2)
    assert [box.itemText(n) for n in range(2)] == ["alpaca", "zebra"]


def test_another_source_drops_what_was_learned(page) -> None:
    learned = cloud(look=samples.look(), include=(Include("/home", "merge"),))
    moved = learned.from_source("ssh://ada@new", "new", 0, "ssh://ada@new")
    assert moved.look is None
    assert not moved.include
    assert learned.from_source(learned.source, "gauss", 1).look is learned.look


def test_sandbox_wants_a_look_or_a_skip(page) -> None:
    made = page(SandboxPage, cloud())
    assert "Look" in made.problem()
    made.skip.setChecked(True)
    assert not made.problem()
    got = made.read(cloud(look=samples.look(), include=(Include("/home", "merge"),)))
    assert got.skipped
    assert not got.include
    assert "include" not in got.steps
    assert got.as_job is not None


def test_sandbox_takes_what_was_seen_only_for_the_same_address(page) -> None:
    made = page(SandboxPage, cloud(look=samples.look()))
    assert not made.problem()
    made.address.setText("debian@elsewhere")
    assert "Look" in made.problem()
    made.address.setText("203.0.113.7")
    assert not made.problem()


def test_sandbox_with_a_stop_goes_no_further(page) -> None:
    from dataclasses import replace

    from app.context import Finding

    seen = replace(samples.look(), findings=(Finding("stop", "There is no rsync and no tar."),))
    made = page(SandboxPage, cloud(look=seen))
    assert "in the way" in made.problem()


def test_sandbox_that_does_not_answer_is_told(page, shown) -> None:
    made = page(SandboxPage, cloud())
    made.address.setText("ada@127.0.0.1:1")
    made.go.click()
    assert made.work.running
    shown(lambda: made.trouble.isVisible())
    assert made.trouble.what.text()
    assert made.problem()


def test_a_machine_without_a_cloud_cannot_skip_its_check_up(page) -> None:
    made = page(SandboxPage, Draft(source="ssh://ada@old", sandbox="ssh://ada@old"))
    assert not made.skip.isVisible()
    assert made.problem()


def test_include_offers_each_disk_and_warns(page) -> None:
    made = page(IncludePage, cloud(look=samples.look()))
    assert [i.how for i in made.include()] == ["merge", "merge", "leave"]
    share = made.rows["/mnt/share"].choice
    assert [share.model().item(n).isEnabled() for n in range(4)] == [False, False, False, True]
    assert not made.problem()
    made.rows["/home"].choose("leave")
    assert made.read(cloud()).include[1] == Include("/home", "leave")
    from PySide6.QtWidgets import QLabel

    said = [shown.text() for shown in made.found.findChildren(QLabel)]
    assert any("/home will be missing" in text for text in said)


def test_include_refuses_what_does_not_fit(page) -> None:
    made = page(IncludePage, cloud(look=samples.look(free=6_000_000_000)))
    assert "see below" in made.problem()
    assert "11.9 GB short" in made.room.said.text()
    made.rows["/application"].choose("leave")
    assert not made.problem()


@pytest.mark.parametrize(
    ("scheme", "said", "url"),
    [
        ("sftp", {"host": "h.org", "user": "ada", "folder": ""}, "sftp://ada@h.org/~/"),
        ("sftp", {"host": "h.org", "user": "ada", "folder": "in coming/x"}, "sftp://ada@h.org/~/in%20coming/x/"),
        ("sftp", {"host": "2001:db8::1", "user": "a@b", "folder": "/data"}, "sftp://a%40b@[2001:db8::1]/data/"),
        ("ftpes", {"host": "h.org", "user": "ada", "folder": "/up/"}, "ftpes://ada@h.org/up/"),
        ("ftps", {"host": "h.org", "user": "", "folder": ""}, "ftps://h.org/"),
        ("file", {"path": "/media/usb disk"}, "file:///media/usb%20disk/"),
        ("openstack", {"cloud": "catalyst"}, "openstack://catalyst/image/gauss"),
        ("swift", {"cloud": "catalyst", "container": "images"}, "swift://catalyst/images/gauss"),
    ],
)
def test_target_builds_the_address_and_reads_it_back(page, scheme: str, said: dict[str, str], url: str) -> None:
    made = page(TargetPage, cloud(skipped=True))
    made.address.take(scheme)
    for name, text in said.items():
        made.address.lines[name].setText(text)
    assert not made.problem()
    draft = made.read(cloud(skipped=True))
    assert draft.target == url
    assert draft.as_job().target == url
    again = page(TargetPage, draft)
    assert again.read(draft) == draft


def test_target_port_goes_into_the_address_when_it_is_not_the_usual_one(page) -> None:
    made = page(TargetPage, cloud(skipped=True))
    made.address.lines["host"].setText("h.org")
    made.address.lines["user"].setText("ada")
    made.address.port.setValue(2222)
    assert made.read(Draft()).target == "sftp://ada@h.org:2222/~/"
    made.address.take("ftps")
    assert made.address.port.value() == 990


def test_target_wants_a_host_and_refuses_bad_names(page) -> None:
    made = page(TargetPage, cloud(skipped=True))
    assert "server" in made.problem()
    made.address.lines["host"].setText("h.org")
    assert not made.problem()
    made.name.setText("../../etc/passwd")
    assert "slashes" in made.problem()


def test_target_profile_decides_formats(page) -> None:
    made = page(TargetPage, cloud(skipped=True))
    made.profile.setCurrentIndex(made.profile.findData("rackspace"))
    assert [made.format.itemData(n) for n in range(made.format.count())] == ["vhd"]
    assert not made.read(cloud()).format, "empty means the profile's first"
    made.profile.setCurrentIndex(made.profile.findData("generic"))
    made.format.setCurrentIndex(made.format.findData("vmdk"))
    assert made.read(cloud()).format == "vmdk"


def test_line_says_when_it_will_be_there_and_a_new_target_forgets_it(page) -> None:
    draft = cloud(target="sftp://ada@h.org/", line=samples.line())
    made = page(LinePage, draft)
    assert "can be there" in made.clock.text()
    assert "2.6 MB/s" in made.speed.text()
    assert not made.problem()
    assert draft.to_target("sftp://ada@other/").line is None


def test_line_that_cannot_be_reached_is_told_and_may_be_left(page, shown) -> None:
    made = page(LinePage, cloud(target="sftp://ada@127.0.0.1:1/"))
    assert made.work.running
    shown(lambda: made.trouble.isVisible())
    assert not made.problem()


def play(made: RunPage, *events: Event) -> None:
    made.story.running = True
    for event in events:
        made._told(event)


def event(step: str, kind: str, done: int = 0, total: int = 0, text: str = "", **facts: object) -> Event:
    return Event("j", step, kind, done, total, text, facts)


def test_run_page_takes_forty_gigabytes_and_counts_retries(page) -> None:
    made = page(RunPage)
    made.open(samples.job(), State())
    total = 40 << 30
    play(
        made,
        event("", "planned", steps=["upload", "report"], state={}),
        event("upload", "started"),
        event("upload", "phase", 0, total, "Uploading"),
        event("upload", "tick", 20 << 30, total, "Uploading"),
        event("upload", "retry", text="The line was cut.", wait=5),
    )
    assert made.now.bar.bar.maximum() <= 1000
    made.story.running = True
    made.now.show_story(made.story, "run")
    assert made.now.bar.bar.value() == 500
    assert "42.9 GB" in made.now.bar.text.text()
    assert made.story.retries == 1
    assert "cut" in made.now.trying.text()


def test_a_trouble_shows_its_five_parts_and_copies_them(page, qapp) -> None:
    made = page(RunPage)
    made.open(samples.job(), State())
    made._failed(samples.trouble())
    box = made.trouble
    assert box.isVisible()
    assert all(part.isVisible() for part in (box.head, box.what, box.means, box.did, box.remedy))
    assert not box.details.isVisible()
    box.more.click()
    assert box.details.isVisible()
    box.copy.click()
    copied = qapp.clipboard().text()
    assert "13.2 GB" in copied
    assert "Transient" in copied
    assert not made.file.isVisible()


def test_a_test_machine_is_offered_where_the_target_is_a_cloud(page) -> None:
    made = page(TargetPage, cloud(skipped=True))
    made.more.click()
    made.launch.setChecked(True)
    for key, offered in (("openstack", True), ("generic", False), ("catalyst", True), ("local", False)):
        made.profile.setCurrentIndex(made.profile.findData(key))
        assert made.launch.isHidden() is not offered
    made.profile.setCurrentIndex(made.profile.findData("openstack"))
    made.address.fill("openstack://catalyst/image/moved")
    assert made.read(made.draft).as_job().launch == "test"
    assert made.read(made.draft).as_job().target == "openstack://catalyst/image/gauss"
    made.address.fill("sftp://ada@h.org/incoming/")
    assert made.launch.isHidden()
    assert made.read(made.draft).as_job().launch == ""
