"""The window: a locked side bar of steps, the pages, Back and Next. Holds the one draft; pages get and give values."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMainWindow, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.job import Job
from app.secrets import Answers
from ui.closing import Closing
from ui.draft import Draft
from ui.look import window_icon
from ui.page import Page
from ui.pages.clean import CleanPage
from ui.pages.done import DonePage
from ui.pages.home import HomePage
from ui.pages.include import IncludePage
from ui.pages.line import LinePage
from ui.pages.review import ReviewPage
from ui.pages.run import RunPage
from ui.pages.sandbox import SandboxPage
from ui.pages.source import SourcePage
from ui.pages.target import TargetPage
from ui.walk import Walk
from ui.widgets.guide import Guide
from ui.widgets.steplist import StepList
from ui.widgets.text import button, label, row

NARROW = 110  # letters across: a window with less has a side bar of numbers


class Wizard(QMainWindow):
    """One export at a time; `closed` comes when the window is really gone."""

    closed = Signal()

    def __init__(self, answers: Answers | None = None) -> None:
        super().__init__()
        self.answers = answers or Answers()
        self.draft = Draft()
        self.reached = 0
        self.setWindowTitle("Sandhopper")
        self.setWindowIcon(window_icon())
        self.resize(1024, 720)
        self.closing = Closing(self)
        self.home, self.review = HomePage(self.answers), ReviewPage(self.answers)
        self.run, self.done = RunPage(self.answers), DonePage(self.answers)
        middle = (SourcePage, SandboxPage, IncludePage, CleanPage, TargetPage, LinePage)
        made: list[Page] = [self.home, *(kind(self.answers) for kind in middle), self.review, self.run, self.done]
        self.pages = {page.key: page for page in made}
        self.side, self.stack, self.foot = StepList(), QStackedWidget(), QFrame()
        self.guide, self.walk = Guide(), Walk(self)
        self.back, self.next = button(self.tr("&Back"), self.go_back), button(self.tr("&Next"), self.go_next, "primary")
        self.leave = button(
            self.tr("All &exports"), self.go_home, about=self.tr("To the list of exports; nothing is lost")
        )
        self.problem = label("", "quiet")
        self._lay()
        self._connect()
        self.go_home()

    def _lay(self) -> None:
        for page in self.pages.values():
            self.stack.addWidget(page)
        self.foot.setObjectName("foot")
        self._own = {page.key: _together(page.always) for page in self.pages.values() if page.always}
        buttons = row(self.leave, self.problem, *self._own.values(), self.back, self.next)
        buttons.setStretch(1, 1)
        buttons.setContentsMargins(14, 10, 14, 10)
        self.problem.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.foot.setLayout(buttons)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self.guide)
        right.addWidget(self.stack, 1)
        right.addWidget(self.foot)
        centre = QWidget()
        across = QHBoxLayout(centre)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(self.side)
        across.addLayout(right, 1)
        self.setCentralWidget(centre)

    def _connect(self) -> None:
        for page in self.pages.values():
            page.changed.connect(self.refresh)
        self.side.chosen.connect(self.go)
        self.home.new.connect(self.begin_new)
        self.home.rehearse.connect(self.open_job)
        self.guide.on.connect(self.walk.resume)
        self.home.going_on.connect(self.go_on)
        self.home.looking.connect(self.look_at)
        self.run.finished.connect(self._finished)
        self.run.undone.connect(self.refresh)

    @property
    def page(self) -> Page:
        """The page that is shown."""
        shown = self.stack.currentWidget()
        assert isinstance(shown, Page)  # noqa: S101 - the stack holds nothing else
        return shown

    @property
    def locked(self) -> bool:
        """Whether the answers are settled: from Start on they can only be looked at."""
        return self.run.running or (self.run.job is not None and bool(self.run.story.state.steps))

    @Slot(str)
    def go(self, key: str) -> None:
        """Show a page; what the one that is left says is kept where it makes sense."""
        before = self.page
        if before.key != key:
            if not self.locked and before.key in self.draft.steps and not before.problem():
                self._keep(before.read(self.draft))
            before.left()
        page = self.pages[key]
        self.stack.setCurrentWidget(page)
        if not (self.locked and key not in ("run", "home")):
            page.fill(self.draft)
        self.refresh()
        page.arrive()

    def _keep(self, draft: Draft) -> None:
        """Take a draft; a changed answer closes the pages behind it."""
        if draft != self.draft:
            at = draft.steps.index(self.page.key)
            self.reached = min(self.reached, at) if draft.steps[: at + 1] == self.draft.steps[: at + 1] else at
            self.draft = draft

    @Slot()
    def go_next(self) -> None:
        """On to the next page; from Review it starts the export."""
        page = self.page
        if page.problem() or page.key not in self.draft.steps[:-1]:
            return
        if not self.locked:
            self._keep(page.read(self.draft))
        at = self.draft.steps.index(page.key) + 1
        self.reached = max(self.reached, at)
        self.go(self.draft.steps[at])
        if page is self.review and not self.locked:
            self.run.begin()
            self.refresh()

    @Slot()
    def go_back(self) -> None:
        """To the page before; free until the export has started, to look only afterwards."""
        steps = self.draft.steps
        if self.page.key in steps and (at := steps.index(self.page.key)):
            self.go(steps[at - 1])

    @Slot()
    def go_home(self) -> None:
        """To the list of exports; a running one goes on meanwhile."""
        self.page.left()
        self.stack.setCurrentWidget(self.home)
        self.home.refresh()
        self.refresh()
        self.home.arrive()

    @Slot()
    def begin_new(self) -> None:
        """A new export, unless one is under way: then to that one."""
        if self.run.running:
            self.go("run")
            return
        self._start_over(Draft())
        self.go("source")

    def _start_over(self, draft: Draft) -> None:
        self.run.job = self.review.job = None
        self.run.story.state.steps.clear()
        self.draft, self.reached = draft, 0

    @Slot(object)
    def open_job(self, job: Job) -> None:
        """Review a job that is settled but not started; a rehearsal is gone through from its first page."""
        if not self.run.running:
            self._start_over(Draft.rehearsing(job) if job.practice else Draft(job=job))
            self.go("source" if job.practice else "review")

    @Slot(object)
    def go_on(self, one: Any) -> None:
        """Go on with an export of the shelf."""
        if self._is_running(one):
            self.go("run")
        elif not one.started:
            self.open_job(one.job)
        elif self.look_at(one):
            self.run.begin()
            self.refresh()

    @Slot(object)
    def look_at(self, one: Any) -> bool:
        """Show an export of the shelf as it stands; False while another one runs."""
        if self.run.running:
            self.go("run")
            return False
        self._start_over(Draft(job=one.job))
        self.run.open(one.job, one.state)
        if one.finished:
            self._show_end(one.state)
        else:
            self.reached = 1
            self.go("run")
        return True

    def _is_running(self, one: Any) -> bool:
        return self.run.running and self.run.job is not None and self.run.job.id == one.job.id

    @Slot(object)
    def _finished(self, state: Any) -> None:
        if self.page is self.home:
            self.home.refresh()
        else:
            self._show_end(state)

    def _show_end(self, state: Any) -> None:
        if self.run.job:
            self.done.show_end(self.run.job, state)
            self.reached = len(self.draft.steps) - 1
            self.go("done")

    @Slot()
    def refresh(self) -> None:
        """Make side bar, buttons and the reason beside them fit the page."""
        page, steps = self.page, self.draft.steps
        at_home = page is self.home
        self.tell_rehearsal()
        for key, own in self._own.items():
            own.setVisible(key == page.key)
        self.side.setVisible(not at_home)
        self.foot.setVisible(not at_home)
        if at_home or page.key not in steps:
            return
        at = steps.index(page.key)
        started = self.locked
        open_to = {key for number, key in enumerate(steps) if number <= max(self.reached, at)} - self._shut(started)
        self.side.show_steps(
            steps, page.key, open_to, set(steps[:at]) | (set(steps[: self.reached]) if started else set())
        )
        page.lock(started and page.key not in ("run", "done"))
        problem = "" if started else page.problem()
        self.problem.setText(problem)
        self.back.setVisible(at > 0 and page.key not in ("run", "done"))
        self.next.setVisible(page.key != "done" and (page.key != "run" or self.reached > at))
        self.next.setEnabled(not problem)
        verb = self.tr("&Start the export") if page is self.review and not started else self.tr("&Next")
        self.next.setText(verb)
        self.next.setAccessibleName(verb.replace("&", ""))
        self.next.setAccessibleDescription(problem)

    def tell_rehearsal(self) -> None:
        """Say over the page whether this is a rehearsal, and who presses the buttons."""
        begun = not self.draft.practice or self.locked
        self.guide.tell("" if begun else self.page.key, self.walk.walking)

    def _shut(self, started: bool) -> set[str]:
        """The steps that may not be gone to by the side bar: Start is a decision, not a place."""
        finished = self.reached >= len(self.draft.steps) - 1
        return set() if started and finished else ({"done"} if started else {"run", "done"})

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Make room for what counts in a small window."""
        super().resizeEvent(event)
        small = self.width() < self.fontMetrics().averageCharWidth() * NARROW
        self.side.compact(small)
        for page in self.pages.values():
            page.tighten(small)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Ask with verbs while an export runs; never abort a thread."""
        if self.closing.may_close():
            event.accept()
            self.closed.emit()
        else:
            event.ignore()


def _together(buttons: tuple[QPushButton, ...]) -> QWidget:
    made = QWidget()
    made.setLayout(row(*buttons))
    made.layout().setContentsMargins(0, 0, 0, 0)  # type: ignore[union-attr]
    return made
