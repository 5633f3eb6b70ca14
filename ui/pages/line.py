"""How long the upload will take: measured with the real account, before anything is changed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import Slot

from app import acts, words
from app.secrets import Answers
from ui.draft import Draft
from ui.page import Page
from ui.widgets.bytebar import ByteBar
from ui.widgets.findings import Findings
from ui.widgets.text import add, button, card, label, row
from ui.widgets.troublebox import TroubleBox
from ui.work import Work

PRETENDED = 10 << 30  # bytes: what the time is said for while the size is not known


class LinePage(Page):
    """Measures by itself when it is first shown; may be left at any time."""

    key = "line"
    title = "Will it get through in time?"
    lead = "Sandhopper logs in to the target now and sends test data for some seconds."
    after = "The test file is removed again. You may go on without waiting; the upload measures once more by itself."

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.line: Any = None
        self.work = Work(answers, self, self.tr("Nothing of yours was changed. You may go on without measuring."))
        self.bar = ByteBar()
        self.state = label("", "quiet")
        self.again = button(self.tr("&Measure again"), self.measure)
        self.stop = button(self.tr("&Stop"), self.work.cancel)
        self.trouble = TroubleBox()
        self.box, inside = card()
        self.clock, self.spread, self.speed = label("", "big"), label(), label("", "quiet")
        self.found = Findings()
        add(inside, self.clock, self.spread, self.speed, self.found)
        add(self.body, self.bar, self.state, self.trouble, self.box, row(self.again, self.stop, None))
        self.body.addStretch(1)
        self.work.done.connect(self._measured)
        self.work.failed.connect(self.trouble.tell)
        self.work.stopped.connect(self._stopped)
        self.work.busy.connect(self._busy)
        self.work.told.connect(self._told)
        self._hopeless = False

    def fill(self, draft: Draft) -> None:
        """Show the draft's line, or measure it."""
        super().fill(draft)
        self.trouble.hide()
        self._show(draft.line)
        self._busy(False)
        if draft.line is None:
            self.measure()

    def problem(self) -> str:
        """A line that can never do it stops here; otherwise the person decides."""
        return self.tr("The line cannot do it; choose another target or another network.") if self._hopeless else ""

    def read(self, draft: Draft) -> Draft:
        """The draft with the line as measured."""
        return replace(draft, line=self.line)

    def left(self) -> None:
        """Stop measuring."""
        self.work.cancel()

    @Slot()
    def measure(self) -> None:
        """Measure now."""
        self.work.start(partial(acts.probe_line, self.draft.target_folder()))

    @Slot(object)
    def _told(self, event: Any) -> None:
        if event.kind in ("phase", "tick"):
            self.bar.show_bytes(event.done, event.total, str(event.facts.get("unit", "")))
            self.state.setText(words.phase(event.text))
        elif event.kind == "note":
            self.state.setText(words.say(event))

    @Slot(object)
    def _measured(self, line: Any) -> None:
        self._show(line)
        self.changed.emit()

    def _show(self, line: Any) -> None:
        self.line, self._hopeless = line, False
        self.box.setVisible(line is not None)
        if line is None:
            return
        size = self.draft.size or PRETENDED
        verdict, (fast, slow) = acts.verdict(size, line)
        self._hopeless = verdict.grade == "stop"
        ready = self.tr("{size} can be there {clock}").format(size=words.size(size), clock=words.clock(slow))
        self.clock.setText(ready)
        spread = self.tr("if you start now: it takes between {fast} and {slow}.")
        if not self.draft.size:
            spread += " " + self.tr("(How big your disk is will only be known later; this is for 10 GiB.)")
        self.spread.setText(spread.format(fast=words.duration(fast), slow=words.duration(slow)))
        speed = self.tr("Measured: {rate}, in the worst seconds {low}.")
        self.speed.setText(speed.format(rate=words.rate(line.median), low=words.rate(line.low)))
        self.found.show_findings([verdict])

    @Slot(bool)
    def _busy(self, on: bool) -> None:
        self.bar.setVisible(on)
        self.stop.setVisible(on)
        self.again.setVisible(not on)
        self.state.setText(self.tr("Logging in …") if on else "")
        if on:
            self.bar.show_bytes(0, 0)
            self.trouble.hide()
            self.box.hide()
        self.changed.emit()

    @Slot()
    def _stopped(self) -> None:
        self.state.setText(self.tr("Not measured. You may go on, or measure again."))
