"""The window at every page and in every state worth a picture."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from app.context import Event, Finding
from app.errors import Cancelled, Question, Waiting, trouble
from app.job import Include
from app.journal import State, read
from app.progress import Progress
from app.secrets import Answers
from tests.ui import samples
from ui.draft import Draft
from ui.widgets.ask import ask
from ui.widgets.helpbox import HelpBox
from ui.wizard import Wizard

GB = 1_000_000_000


def dark() -> QPalette:
    """A dark palette as desktops have it."""
    made = QPalette()
    role = QPalette.ColorRole
    shades = {
        role.Window: "#26292e", role.WindowText: "#eceff3", role.Base: "#1c1f23", role.AlternateBase: "#23262b",
        role.Text: "#eceff3", role.Button: "#30343a", role.ButtonText: "#eceff3", role.Highlight: "#3d8fd1",
        role.HighlightedText: "#ffffff", role.ToolTipBase: "#30343a", role.ToolTipText: "#eceff3",
        role.PlaceholderText: "#9aa3ad", role.Light: "#3a3f46", role.Midlight: "#34383f", role.Mid: "#1a1c20",
        role.Dark: "#15171a", role.Shadow: "#000000", role.Link: "#7cc0ec", role.BrightText: "#ff8080",
    }  # fmt: skip
    for one, name in shades.items():
        made.setColor(one, QColor(name))
    return made


def wait(true) -> None:
    until = time.monotonic() + 20
    while not true() and time.monotonic() < until:
        QApplication.processEvents()
        time.sleep(0.01)


def scenes(size: tuple[int, int]) -> Iterator[tuple[str, QWidget]]:
    """Each scene's name and the widget to draw."""
    window = Wizard(Answers(use_keyring=False))
    window.resize(*size)
    window.show()
    wait(lambda: not window.home.shelf.running)
    yield "01-home-empty", window
    yield from _home(window)
    draft = Draft(source=samples.CLOUD, called="gauss", size=20 << 30, sandbox="ssh://debian@203.0.113.7")
    yield from _source(window)
    yield from _middle(window, draft)
    yield from _end(window, draft)


def _home(window: Wizard) -> Iterator[tuple[str, QWidget]]:
    samples.keep(samples.job(1), ("checkup", "done"), ("prepare", "started"))
    samples.keep(samples.job(2), ("checkup", "done"), ("restore", "done"), ("fetch", "done"), ("upload", "cancelled"))
    samples.keep(
        samples.job(3, name="a machine with a very long name that somebody gave it years ago and never changed")
    )
    for number in range(4, 8):
        samples.finished(samples.job(number))
    window.home.refresh()
    wait(lambda: len(window.home.rows) == 7)
    yield "02-home", window


def _source(window: Wizard) -> Iterator[tuple[str, QWidget]]:
    window.begin_new()
    yield "03-source", window
    source = window.pages["source"]
    source.choices[1].setChecked(True)
    wait(lambda: not source.origins[1].known.running)
    source.origins[1].cloud.setCurrentText("catalyst")
    source.origins[1]._shown = "catalyst"
    source.origins[1]._listed(samples.machines(14))
    source.origins[1].machines.tree.setCurrentItem(source.origins[1].machines.tree.topLevelItem(1))
    yield "04-source-cloud", window
    source.choices[0].setChecked(True)
    source.origins[0].choose("/nowhere/gauss.qcow2")
    wait(lambda: source.origins[0].trouble.isVisible())
    yield "05-source-trouble", window


def _middle(window: Wizard, draft: Draft) -> Iterator[tuple[str, QWidget]]:
    def at(key: str, said: Draft) -> None:
        window.draft, window.reached = said, said.steps.index(key)
        window.stack.setCurrentWidget(window.home)
        window.go(key)

    at("sandbox", draft)
    yield "06-sandbox", window
    seen = replace(draft, look=samples.look())
    at("sandbox", seen)
    yield "07-sandbox-seen", window
    yield from _checkups(window, seen, at)
    at("include", seen)
    yield "08-include", window
    at("include", replace(draft, look=samples.look(free=6 * GB)))
    yield "09-include-short", window
    window.page.area.verticalScrollBar().setValue(99_999)
    yield "09-include-short-below", window
    at("include", replace(seen, look=replace(samples.look(), mounts=())))
    yield "09-include-none", window
    yield from _cleaning(window, seen, at)
    at("target", replace(seen, target="sftp://ada@upload.example.org/incoming/"))
    yield "10-target", window
    target = window.pages["target"]
    target.profile.setCurrentIndex(target.profile.findData("interoute"))
    target.more.click()
    yield "11-target-more", window
    target.profile.setCurrentIndex(target.profile.findData("openstack"))
    yield "11-target-cloud", window
    target.profile.setCurrentIndex(target.profile.findData("interoute"))
    target.more.click()
    at("line", replace(seen, target="sftp://ada@upload.example.org/incoming/", line=samples.line()))
    yield "12-line", window
    until = (time.time() + 86_400) // 3600 * 3600
    full = replace(window.draft, packed=5_900_000_000, quiet=("08:00-18:00=1000000",), until=until)
    at("line", full)
    yield "12-line-more", window
    window.page.area.verticalScrollBar().setValue(99_999)
    yield "12-line-more-below", window
    at("line", replace(full, until=time.time() + 1800, quiet=(), line=samples.line(digest=False)))
    yield "12-line-late", window


def _checkups(window: Wizard, seen: Draft, at) -> Iterator[tuple[str, QWidget]]:
    bare = replace(samples.look(), findings=())
    at("sandbox", replace(seen, look=bare))
    yield "07-sandbox-nothing", window
    at("sandbox", replace(seen, look=replace(bare, findings=samples.many_findings())))
    yield "07-sandbox-forty", window
    window.page.found.good.button.click()
    QApplication.processEvents()
    window.page.area.verticalScrollBar().setValue(99_999)
    yield "07-sandbox-forty-below", window
    box = HelpBox("device-names", window)
    box.open()
    yield "07-sandbox-help", box
    box.close()


def _cleaning(window: Wizard, seen: Draft, at) -> Iterator[tuple[str, QWidget]]:
    seen = replace(seen, include=tuple(Include(path, "merge") for path in ("/application", "/home")))
    at("clean", seen)
    yield "09-secrets", window
    at("clean", replace(seen, clean="share", look=replace(samples.look(), secrets=samples.secrets(500))))
    yield "09-secrets-share-500", window
    window.page.area.verticalScrollBar().setValue(99_999)
    yield "09-secrets-share-below", window
    at("clean", replace(seen, look=replace(samples.look(), secrets=())))
    yield "09-secrets-none", window


def _end(window: Wizard, draft: Draft) -> Iterator[tuple[str, QWidget]]:
    job = samples.job(9)
    window.draft, window.reached = replace(draft, target=job.target, include=job.include, look=samples.look()), 5
    window.draft = replace(window.draft, job=job)
    window.review.job, window.review.passed = window.draft.as_job(), True
    window.review.check = lambda: None
    window.go("review")
    window.review.trouble.hide()
    window.review._checked(
        [
            Finding("ok", "You are logged in at upload.example.org.", "Host key SHA256:9xK…"),
            Finding(
                "care", "/mnt/share will be missing (900.0 GB).", remedy="Copy its data in another way if it is needed."
            ),
            Finding("ok", "41.2 GB are free here; 22.0 GB are needed."),
        ]
    )
    window.refresh()
    yield "13-review", window
    yield from _run(window, job)
    yield from _waiting(window)
    yield from _ends(window)
    yield from _dialogs(window)


def _run(window: Wizard, job) -> Iterator[tuple[str, QWidget]]:
    run, total = window.run, 9_876_543_210
    window.draft, window.reached = Draft(job=job), 1
    run.open(job, State())
    window.go("run")
    run.work.start(until_cancelled)
    run.mode = "run"
    clock = Fake()
    run.story.pace = Progress(clock)
    yield from _early(run, job, window)
    done = dict.fromkeys(samples.STEPS[:8], "done")
    run._told(Event(job.id, "", "planned", facts={"steps": list(samples.STEPS), "state": done}))
    run._told(Event(job.id, "upload", "started"))
    run._told(Event(job.id, "upload", "phase", 0, total, "Sending the image"))
    dice, sent = random.Random(4), 0
    for _ in range(240):
        clock.now += 1
        sent += round(2_400_000 * dice.uniform(0.55, 1.2))
        told = {"rate": 2_100_000.0, "left": (total - sent) / 2_100_000, "limited_by": "line"}
        run._told(Event(job.id, "upload", "tick", sent, total, "Sending the image", told))
    yield "14-run", window
    run.pacing.fold.button.click()
    run.pacing.quiet.on.setChecked(True)
    QApplication.processEvents()
    window.page.area.verticalScrollBar().setValue(99_999)
    yield "14-run-pacing", window
    run.pacing.fold.button.click()
    window.page.area.verticalScrollBar().setValue(0)
    clock.now += 40
    silent = {"rate": 2_100_000.0, "left": 3000.0, "stalled": 40.0, "cause": "no-network", "again_in": 80.0}
    run._told(Event(job.id, "upload", "tick", sent, total, "Sending the image", silent))
    yield "14-run-stalled", window
    rests = {"rests_until": time.time() + 7200, "left": 10_800.0}
    run._told(Event(job.id, "upload", "phase", sent, total, "resting"))
    run._told(Event(job.id, "upload", "tick", sent, total, "resting", rests))
    yield "14-run-resting", window
    run._told(Event(job.id, "upload", "phase", sent, total, "Sending the image"))
    text = "The connection to upload.example.org was lost."
    run._told(Event(job.id, "upload", "retry", sent, total, text, {"wait": 7.5}))
    window.close()
    yield "15-run-retry", window
    if window.closing.box:
        yield "16-closing", window.closing.box
        window.closing.box.reject()
    run.work.cancel()
    wait(lambda: not run.work.running)
    run.story.state.steps.update(done)
    run._told(Event(job.id, "upload", "failed", facts={"what": samples.trouble().what}))
    run._failed(samples.trouble())
    window.go("run")
    yield "17-run-trouble", window


EARLY = (  # step, its phase, what of how much of it, and in which unit
    ("checkup", "", 0, 0, {}),
    ("prepare", "copying", 5 * GB, 12 * GB, {}),
    ("snapshot", "Holding the writing to the system disk", 0, 0, {}),
    ("snapshot", "snapshot", 0, 0, {}),
    ("restore", "", 0, 0, {}),
    ("adapt", "device-names", 0, 0, {}),
    ("prove", "boot", 42, 300, {"unit": "s"}),
)


def _early(run, job, window: Wizard) -> Iterator[tuple[str, QWidget]]:
    for number, (step, phase, so_far, total, facts) in enumerate(EARLY):
        before = samples.STEPS[: samples.STEPS.index(step)]
        facts_of_all = {"steps": list(samples.STEPS), "state": dict.fromkeys(before, "done")}
        run.story.state.steps.clear()
        run._told(Event(job.id, "", "planned", facts=facts_of_all))
        run._told(Event(job.id, step, "started"))
        if phase:
            run._told(Event(job.id, step, "phase", so_far, total, phase, facts))
            run._told(Event(job.id, step, "tick", so_far, total, phase, facts))
        yield f"14-run-{number}-{step}", window


def _waiting(window: Wizard) -> Iterator[tuple[str, QWidget]]:
    disks = (Include("/application", "merge"), Include("/data", "disk"), Include("/home", "disk"))
    for number, include in ((11, ()), (12, disks)):
        job = samples.job(number, source="ssh://debian@203.0.113.7", include=include)
        samples.keep(job, ("checkup", "done"), ("prepare", "done"), ("snapshot", "failed"), kind="waiting")
        window._start_over(Draft(job=job))
        window.run.open(job, read(job.folder / "journal.jsonl"))
        window.reached = 1
        window.go("run")
        window.run._failed(trouble(Waiting(*samples.waiting(include))))
        yield f"17-run-waiting-{number}", window
        window.page.area.verticalScrollBar().setValue(99_999)
        yield f"17-run-waiting-{number}-below", window


def _ends(window: Wizard) -> Iterator[tuple[str, QWidget]]:
    for number, keep in ((10, samples.finished), (13, samples.finished_with_much)):
        job = samples.job(number, include=samples.MUCH if keep is samples.finished_with_much else ())
        folder = keep(job)
        window._start_over(Draft(job=job))
        window.run.job, window.reached = job, 2
        window.done.show_end(job, read(folder / "journal.jsonl"))
        window.go("done")
        wait(lambda: not window.done.work.running)
        yield f"18-done-{number}", window
        window.page.area.verticalScrollBar().setValue(99_999)
        yield f"18-done-{number}-below", window


def _dialogs(window: Wizard) -> Iterator[tuple[str, QWidget]]:
    print_ = "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGeLQyV6Pn2kH1mOqXw"
    asked = (
        ("password", "sftp://ada@upload.example.org", "What is the password of ada at upload.example.org?"),
        ("host-key", "host-key ssh://upload.example.org:22", "Sandhopper sees upload.example.org for the first time."),
        ("host-key-changed", "host-key ssh://upload.example.org:22", "upload.example.org is not what it was."),
        ("code", "sftp://ada@upload.example.org Code", "upload.example.org asks: Open your app. Code:"),
        ("old-server", "old-ssh ssh://upload.example.org:22", samples.OLD_SERVER),
    )
    for number, (kind, about, text) in enumerate(asked, 19):
        dialog = ask(Question(kind, about, text, print_), samples.trouble(), window)
        dialog.open()
        yield f"{number}-{kind}", dialog
        dialog.close()


def until_cancelled(report, cancel, answers) -> None:
    cancel.wait(60)
    raise Cancelled


class Fake:
    """A clock that the scenes move."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now
