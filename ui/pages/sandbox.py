"""A look at the running machine: which data lies where, and whether it can travel."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlsplit

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QLineEdit

from app import acts, words
from app.secrets import Answers
from ui.draft import Draft
from ui.page import Page
from ui.widgets.checkup import Checkup
from ui.widgets.text import add, button, label, row
from ui.widgets.troublebox import TroubleBox
from ui.work import Work


class SandboxPage(Page):
    """Asks for `user@host`, looks, and shows what was found."""

    key = "sandbox"
    title = "Check-up of the running machine"
    lead = "Say how you log in to the machine, then press Look."
    after = "Sandhopper logs in, looks at disks, space and system, and changes nothing. It takes some seconds."

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.look: Any = None
        self._seen_at = ""
        self.declined: tuple[str, ...] = ()
        self.work = Work(answers, self, self.tr("Nothing was changed: it was only looked at."))
        self.address = QLineEdit()
        self.address.setPlaceholderText(self.tr("user@host, or user@host:port"))
        self.address.setAccessibleName(self.tr("How you log in to the machine, as user@host"))
        self.address.textChanged.connect(self._typed)
        self.address.returnPressed.connect(self._look)
        name = label(self.tr("&Login"))
        name.setBuddy(self.address)
        name.setWordWrap(False)
        self.go = button(self.tr("L&ook"), self._look, about=self.tr("Log in and look; nothing is changed"))
        self.stop = button(self.tr("&Stop"), self.work.cancel)
        self.skip = QCheckBox(self.tr("&Skip this: I do not need data disks merged, take the main disk as it is"))
        self.skip.toggled.connect(self._skipped)
        self.state = label("", "quiet")
        self.trouble = TroubleBox()
        self.found = Checkup(answers)
        self.found.changed.connect(self.changed)
        add(
            self.body,
            row(name, self.address, self.go, self.stop),
            self.skip,
            self.state,
            self.trouble,
            self.found,
        )
        self.body.addStretch(1)
        self.work.done.connect(self._seen)
        self.work.failed.connect(self.trouble.tell)
        self.work.busy.connect(self._busy)
        self.work.stopped.connect(self._stopped)
        self.work.told.connect(self._told)
        self._busy(False)

    def url(self) -> str:
        """The address as a URL."""
        text = self.address.text().strip().removeprefix("ssh://")
        return f"ssh://{text}" if text else ""

    def fill(self, draft: Draft) -> None:
        """Show the draft's address and what was seen there."""
        super().fill(draft)
        self.address.setText(draft.sandbox.removeprefix("ssh://"))
        self.skip.setVisible(urlsplit(draft.source).scheme != "ssh" and not draft.practice)
        self.address.setReadOnly(draft.practice)
        self.found.settle(draft.practice)
        self.skip.setChecked(draft.skipped)
        self.trouble.hide()
        self._show(draft.look, draft.sandbox, draft.unfixed)

    def problem(self) -> str:
        """Whether the machine was seen, and nothing found that stands in the way."""
        if self.skip.isChecked() and self.skip.isVisibleTo(self):
            return ""
        if self.work.running:
            return self.tr("The machine is being looked at.")
        if not self.url():
            return self.tr("Write how you log in, as user@host.")
        if self.look is None or self._seen_at != self.url():
            return self.tr("Press “Look”.")
        return self.tr("Something stands in the way; see below.") if _hopeless(self.look) else ""

    def read(self, draft: Draft) -> Draft:
        """The draft with what was seen."""
        if self.skip.isChecked() and self.skip.isVisibleTo(self):
            return draft.skipping()
        seen = self.look if self._seen_at == self.url() else None
        return draft.looked(self.url(), seen, self.found.unfixed if seen else ())

    def left(self) -> None:
        """Stop looking."""
        self.work.cancel()

    @Slot()
    def _look(self) -> None:
        if self.url() and not self.work.running:
            self.declined = self.found.unfixed if self._seen_at == self.url() else ()
            self.look, self._seen_at = None, self.url()  # if this look fails, the last one does not count for it
            act = partial(acts.look_at_sandbox, self.url())
            self.work.start(acts.at_practice(act) if self.draft.practice else act)

    @Slot(object)
    def _seen(self, look: Any) -> None:
        self._show(look, self._seen_at, self.declined)
        self.changed.emit()

    def _show(self, look: Any, at: str, unfixed: tuple[str, ...]) -> None:
        self.look, self._seen_at = look, at
        self.found.setVisible(look is not None)
        if look is not None:
            self.found.show_look(look, at, unfixed)

    @Slot(object)
    def _told(self, event: Any) -> None:
        if event.kind in ("phase", "note") and event.text:
            self.state.setText(words.say(event))

    @Slot(bool)
    def _busy(self, on: bool) -> None:
        self.go.setEnabled(not on)
        self.stop.setVisible(on)
        self.address.setEnabled(not on and not self.skip.isChecked())
        self.state.setText(self.tr("Logging in and looking …") if on else "")
        self.found.setVisible(not on and self.look is not None and self._seen_at == self.url())
        if on:
            self.trouble.hide()
        self.changed.emit()

    @Slot()
    def _stopped(self) -> None:
        self.state.setText(self.tr("Stopped; nothing was changed."))

    @Slot(str)
    def _typed(self, _: str) -> None:
        self.found.setVisible(self.look is not None and self.url() == self._seen_at)
        self.changed.emit()

    @Slot(bool)
    def _skipped(self, on: bool) -> None:
        self.address.setEnabled(not on)
        self.go.setEnabled(not on)
        self.changed.emit()


def _hopeless(look: Any) -> bool:
    return any(finding.grade == "stop" for finding in look.findings)
