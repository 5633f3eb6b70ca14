"""How long the upload will take: measured with the real account, before anything is changed."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox

from app import acts, bandwidth, outlook, place, targets, words
from app.outlook import Plan
from app.secrets import Answers
from app.throttle import Throttle
from ui.draft import Draft
from ui.page import Page
from ui.widgets.bytebar import ByteBar
from ui.widgets.deadline import Deadline
from ui.widgets.findings import Findings
from ui.widgets.fold import Fold
from ui.widgets.quiet import QuietHours
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
        self._packed = 0
        self.work = Work(answers, self, self.tr("Nothing of yours was changed. You may go on without measuring."))
        self.bar = ByteBar()
        self.state = label("", "quiet")
        self.again = button(self.tr("&Measure again"), self.measure)
        self.stop = button(self.tr("&Stop"), self.work.cancel)
        self.trouble = TroubleBox()
        self.box, inside = card()
        self.clock, self.spread, self.speed = label("", "big"), label(), label("", "quiet")
        self.found = Findings()
        self.back = label("", "quiet")
        self.sampled = QCheckBox(self.tr("Read &samples back only (quicker; one wrong byte may stay unfound)"))
        add(inside, self.clock, self.spread, self.speed, self.back, self.sampled, self.found)
        self.more, self.deadline, self.quiet = Fold(), Deadline(), QuietHours()
        add(self.more.inside, self.deadline, self.quiet)
        add(self.body, self.bar, self.state, self.trouble, self.box, row(self.again, self.stop, None), self.more)
        self.body.addStretch(1)
        self.deadline.changed.connect(self._weigh)
        self.quiet.changed.connect(self._weigh)
        self.sampled.toggled.connect(self._weigh)
        self.work.done.connect(self._measured)
        self.work.failed.connect(self.trouble.tell)
        self.work.stopped.connect(self._stopped)
        self.work.busy.connect(self._busy)
        self.work.told.connect(self._told)
        self._hopeless = ""

    def fill(self, draft: Draft) -> None:
        """Show the draft's line, or measure it."""
        super().fill(draft)
        self._packed = draft.packed
        self.deadline.fill(draft.until)
        self.quiet.fill(draft.quiet)
        self.sampled.setChecked(draft.sampled)
        self.more.fold(self.tr("More: a time by which it has to be there, quiet hours"))
        if draft.until or draft.quiet:
            self.more.button.click()
        self.trouble.hide()
        self._show(draft.line)
        self._busy(False)
        if draft.line is None:
            self.measure()

    def problem(self) -> str:
        """What can never work stops here; otherwise the person decides."""
        return self._hopeless

    def read(self, draft: Draft) -> Draft:
        """The draft with the line as measured, and the person's hours."""
        return replace(
            draft, line=self.line, packed=self._packed, until=self.deadline.value(), quiet=self.quiet.value(),
            sampled=self.sampled.isChecked(),
        )  # fmt: skip

    def left(self) -> None:
        """Stop measuring."""
        self.work.cancel()

    @Slot()
    def measure(self) -> None:
        """Measure now."""
        self.work.start(partial(_measured, self.draft))

    @Slot(object)
    def _told(self, event: Any) -> None:
        if event.kind in ("phase", "tick"):
            self.bar.show_bytes(event.done, event.total, str(event.facts.get("unit", "")))
            self.state.setText(words.phase(event.text))
        elif event.kind == "note":
            self.state.setText(words.say(event))

    @Slot(object)
    def _measured(self, found: Any) -> None:
        line, self._packed = found
        self._show(line)
        self.changed.emit()

    @Slot()
    def _weigh(self) -> None:
        self._show(self.line)
        self.changed.emit()

    def _plan(self) -> Plan:
        draft, raw = self.draft, self.draft.size or PRETENDED
        target = targets.load(draft.profile)
        compress = self._packed and draft.compress and target.compress
        until = target.due(self.deadline.value(), time.time())
        return Plan(
            self._packed if compress else raw, raw=raw if self._packed else 0, packed=self._packed,
            until=until, throttle=Throttle.read(draft.limit, self.quiet.value()),
        )  # fmt: skip

    def _show(self, line: Any) -> None:
        self.line, self._hopeless = line, ""
        self.box.setVisible(line is not None and not self.work.running)
        if line is None:
            return
        plan = self._plan()
        found, (fast, slow) = acts.verdict(line, plan)
        if found[0].grade == "stop":
            self._hopeless = self.tr("The line cannot do it; choose another target or another network.")
        elif any(one.grade == "stop" for one in found):
            self._hopeless = self.tr("It cannot be there in time.")
        self._tell_times(plan, fast, slow)
        self._tell_proof(plan, line)
        speed = self.tr("Measured: {rate}, in the worst seconds {low}.")
        self.speed.setText(speed.format(rate=words.rate(line.median), low=words.rate(line.low)))
        self.found.show_findings(found)

    def _tell_times(self, plan: Plan, fast: float, slow: float) -> None:
        never = slow == math.inf
        ready = self.tr("{size} can be there {clock}")
        self.clock.setText("" if never else ready.format(size=words.size(plan.size), clock=words.clock(slow)))
        self.clock.setVisible(not never)
        spread = self.tr("if you start now: it takes {span}.").format(span=bandwidth.span(fast, slow))
        if not self.draft.size:
            spread += " " + self.tr("(How big your disk is will only be known later; this is for 10 GiB.)")
        self.spread.setText("" if never else spread)

    def _tell_proof(self, plan: Plan, line: Any) -> None:
        read_back = line.abilities.only_read_back and plan.size > place.BIG
        whole = self.tr("Then it is read back, because the server computes no checksum. {how_long}")
        samples = self.tr("Then samples of it are read back, because the server computes no checksum.")
        text = samples if self.sampled.isChecked() else whole.format(how_long=place.back_again(plan.size, line))
        self.back.setText(text)
        self.back.setVisible(read_back)
        self.sampled.setVisible(read_back)

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


def _measured(draft: Draft, report: Any, cancel: Any, answers: Answers) -> tuple[Any, int]:
    """The line to the draft's target, and about the bytes that its source has compressed."""
    packed = outlook.packed_size(draft.source, _in_use(draft))
    return acts.probe_line(draft.target_folder(), report, cancel, answers), packed


def _in_use(draft: Draft) -> int:
    """Bytes in use on what will be in the copy; 0 where the machine was not looked at."""
    if not draft.look:
        return 0
    merged = {part.mount for part in draft.include if part.how in ("merge", "grow")}
    return draft.look.root_used + sum(mount.used for mount in draft.look.mounts if mount.path in merged)
