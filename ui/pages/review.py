"""Everything once more before anything is changed: the plan in sentences, and what the checks found."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QGridLayout

from app import acts, words
from app.errors import Usage, trouble
from app.job import Job
from app.secrets import Answers
from ui.draft import Draft
from ui.page import Page
from ui.widgets.findings import Findings
from ui.widgets.text import add, button, card, empty, label, row
from ui.widgets.troublebox import TroubleBox
from ui.work import Work

TOP = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight


class ReviewPage(Page):
    """Checks by itself; asks for every password now, so that nothing has to ask later."""

    key = "review"
    title = "Review"
    lead = "Read what will happen. When the checks are through, press “Start the export”."
    after = "Until then nothing is changed anywhere. You can pause at any time afterwards, and undo it."

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.job: Job | None = None
        self.passed = False
        self.work = Work(answers, self, self.tr("Nothing was changed: the export has not started."))
        plan, inside = card()
        self.plan = QGridLayout()  # numbers beside the sentences, so that a long one is not broken below its number
        self.plan.setColumnStretch(1, 1)
        self.practice = label(self.tr(words.REHEARSAL), "care")
        add(inside, label(self.tr("What will happen"), "head"), self.practice, self.plan)
        self.checks, below = card()
        self.state = label("", "head")
        self.found = Findings()
        self.again = button(self.tr("Check &again"), self.check)
        self.trouble = TroubleBox()
        add(below, self.state, self.found, row(self.again, None))
        add(self.body, plan, self.trouble, self.checks)
        self.body.addStretch(1)
        self.work.done.connect(self._checked)
        self.work.failed.connect(self._failed)
        self.work.stopped.connect(self._stopped)
        self.work.busy.connect(self._busy)
        self.work.told.connect(self._told)

    def fill(self, draft: Draft) -> None:
        """Make the job, show its plan, check it."""
        super().fill(draft)
        self.trouble.hide()
        self.found.show_findings([])
        empty(self.plan)
        self.practice.setVisible(
            bool(draft.job and draft.job.practice and not draft.practice)
        )  # else it is told above the page
        try:
            job = draft.as_job()
        except Usage as exc:
            self.job = None
            self._failed(trouble(exc, means=self.tr("Nothing was changed: the export has not started.")))
            return
        for number, sentence in enumerate(words.plan(job)):
            self.plan.addWidget(label(f"{number + 1}."), number, 0, TOP)
            self.plan.addWidget(label(sentence, selectable=True), number, 1)
        if job != self.job or not self.passed:
            self.job, self.passed = job, False
            self.check()

    def problem(self) -> str:
        """Whether the checks are through."""
        if self.work.running:
            return self.tr("The checks are running.")
        return "" if self.passed else self.tr("Something stands in the way; see below.")

    def read(self, draft: Draft) -> Draft:
        """The draft with its job."""
        return replace(draft, job=self.job) if self.job else draft

    def left(self) -> None:
        """Stop checking."""
        self.work.cancel()

    @Slot()
    def check(self) -> None:
        """Run every step's check."""
        if self.job and not self.work.running:
            self.work.start(partial(acts.check, self.job, self.job.folder))

    @Slot(object)
    def _told(self, event: Any) -> None:
        if event.step and event.kind in ("phase", "finding"):
            self.state.setText(self.tr("Checking: {step} …").format(step=words.step_title(event.step)))

    @Slot(object)
    def _checked(self, found: Any) -> None:
        stops = sum(finding.grade == "stop" for finding in found)
        cares = sum(finding.grade == "care" for finding in found)
        self.passed = not stops
        self.found.show_findings(found)
        if stops:
            said = self.tr("The checks found something that stands in the way.")
        elif cares:
            said = self.tr("The checks are through. Read what to take care of, then start.")
        else:
            said = self.tr("The checks are through; everything is ready.")
        self.state.setText(said)
        self.changed.emit()

    @Slot(object)
    def _failed(self, why: Any) -> None:
        self.state.setText(self.tr("The checks could not be finished."))
        self.trouble.tell(why)
        self.changed.emit()

    @Slot()
    def _stopped(self) -> None:
        self.state.setText(self.tr("The checks were stopped."))
        self.changed.emit()

    @Slot(bool)
    def _busy(self, on: bool) -> None:
        self.again.setVisible(not on)
        if on:
            self.passed = False
            self.trouble.hide()
            self.found.show_findings([])
            self.state.setText(self.tr("Checking everything: logins, space, tools, rules of the target …"))
        self.changed.emit()
