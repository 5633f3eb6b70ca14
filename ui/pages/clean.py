"""What the copy is for, and which secrets travel along in it."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QButtonGroup

from app import choices
from app.job import Decision
from app.secrets import Answers
from ui.draft import Draft
from ui.page import Page
from ui.widgets.bigchoice import BigChoice
from ui.widgets.findings import Findings
from ui.widgets.fold import Fold
from ui.widgets.secretlist import SecretList
from ui.widgets.text import add, breakable, card, empty, label

USUAL = {"move": "keep", "share": "remove"}


class CleanPage(Page):
    """Two big choices; below them every secret that was found, with a tick."""

    key = "clean"
    title = "Who is the copy for?"
    lead = "Say what the copy is for, and look through the secrets that lie on the machine."
    after = "Only names were looked at; no content of a secret leaves the machine by this. Your machine keeps them all."

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.profiles = {
            "move": BigChoice(
                self.tr("&Move my machine: keep everything"),
                self.tr("For yourself. Your keys, passwords and settings work in the copy as they do today."),
            ),
            "share": BigChoice(
                self.tr("Share as a &template: take my traces out"),
                self.tr("For others. Your work and the accounts stay; keys, passwords, histories and logs go."),
            ),
        }
        group = QButtonGroup(self)
        for choice in self.profiles.values():
            group.addButton(choice.radio)
        self.profiles["move"].radio.setChecked(True)
        for choice in self.profiles.values():
            choice.radio.toggled.connect(self._switched)
        self.decided: dict[str, tuple[Decision, ...]] = {}  # of each profile: going there and back loses nothing
        box, inside = card()
        self.count, self.none = label("", "big"), label(self.tr(NONE))
        self.secrets = SecretList()
        self.secrets.changed.connect(self._decided)
        add(inside, self.count, self.none, self.secrets)
        self.result, below = card()
        self.found = Findings()
        add(below, label(self.tr("What this means"), "head"), self.found)
        self.more = Fold()
        add(self.body, *self.profiles.values(), box, self.result, self.more)
        self.body.addStretch(1)
        self._filling = self._stops = False

    @property
    def profile(self) -> str:
        """What the copy is for."""
        return next(name for name, choice in self.profiles.items() if choice.radio.isChecked())

    def fill(self, draft: Draft) -> None:
        """Show what was found on the machine, and what the draft says about it."""
        super().fill(draft)
        self._filling = True
        self.decided = {draft.clean: draft.secrets}
        self.profiles[draft.clean].radio.setChecked(True)
        for choice in self.profiles.values():
            choice.radio.setEnabled(not draft.practice)
        self.secrets.model.settled = draft.practice
        self._filling = False
        self._list()

    def problem(self) -> str:
        """Whether it can be done."""
        return self.tr("This cannot be done here; see below.") if self._stops else ""

    def read(self, draft: Draft) -> Draft:
        """The draft with these decisions."""
        return replace(draft, clean=self.profile, secrets=self.secrets.model.decisions)

    def _list(self) -> None:
        look, profile = self.draft.look, self.profile
        found = choices.travelling(look, self.draft.include) if look else []
        self.secrets.take(found, USUAL[profile], self.decided.get(profile, ()))
        self.secrets.setVisible(bool(found))
        self.none.setVisible(not found)
        self._list_items(profile)
        self._weigh()

    def _list_items(self, profile: str) -> None:
        items = choices.items(profile)
        empty(self.more.inside)
        for item in items:
            add(self.more.inside, label(item.title, "head"), label(breakable(item.sentence), "quiet"))
        self.more.fold(self.tr("What is also taken out of the copy: {n} things").format(n=len(items)))

    def _weigh(self) -> None:
        kept, total = self.secrets.model.counts()
        self.count.setText(self._counted(kept, total))
        self.count.setVisible(bool(total))
        look = self.draft.look
        sandbox = self.draft.sandbox or (self.draft.source if urlsplit(self.draft.source).scheme == "ssh" else "")
        decisions = self.secrets.model.decisions
        found = choices.clean_findings(look, self.draft.include, self.profile, decisions, sandbox) if look else []
        self._stops = any(finding.grade == "stop" for finding in found)
        self.found.show_findings(found)
        self.result.setVisible(bool(found))

    def _counted(self, kept: int, total: int) -> str:
        """The count line."""
        if kept == total:
            one, many = self.tr("1 secret travels along."), self.tr("{n} secrets travel along.")
            return one if total == 1 else many.format(n=f"{total:,}")
        if not kept:
            return self.tr("No secret travels along; {n} are taken out of the copy.").format(n=f"{total:,}")
        said = self.tr("{kept} of {n} secrets travel along; {out} are taken out of the copy.")
        return said.format(kept=f"{kept:,}", n=f"{total:,}", out=f"{total - kept:,}")

    @Slot(bool)
    def _switched(self, on: bool) -> None:
        if on and not self._filling:
            before = "share" if self.profile == "move" else "move"
            self.decided[before] = self.secrets.model.decisions
            self._list()
            self.changed.emit()

    @Slot()
    def _decided(self) -> None:
        self.decided[self.profile] = self.secrets.model.decisions
        self._weigh()
        self.changed.emit()


NONE = (
    "No secrets were found on the disks that come along. Looked for were known places of keys, passwords and tokens; "
    "what has an unusual name is not found."
)
