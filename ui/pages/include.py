"""Which data disks of the machine come along."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QGridLayout

from app import acts, words
from app.job import Include
from app.secrets import Answers
from ui.draft import Draft
from ui.page import Page
from ui.widgets.findings import Findings
from ui.widgets.text import add, card, empty, label


class IncludePage(Page):
    """One row a data disk: merge it into the root disk, or leave it out."""

    key = "include"
    title = "What comes along?"
    lead = "A snapshot holds only the main disk. Choose for each data disk whether its files are to be copied into it."
    after = "Nothing that runs is touched: the copies lie hidden under the data disk, and are removed again afterwards."

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.choices: dict[str, QComboBox] = {}
        self.box, inside = card()
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(18)
        self.grid.setVerticalSpacing(8)
        self.grid.setColumnStretch(0, 1)
        self.none = label(
            self.tr("This machine has no separate data disks: everything lies on its main disk and comes along.")
        )
        add(inside, self.grid, self.none)
        self.result, below = card()
        self.found = Findings()
        add(below, label(self.tr("What this means"), "head"), self.found)
        add(self.body, self.box, self.result)
        self.body.addStretch(1)
        self._stops = False

    def fill(self, draft: Draft) -> None:
        """Show the mounts that were seen, and what the draft says about them."""
        super().fill(draft)
        empty(self.grid)
        self.choices = {}
        mounts = draft.look.mounts if draft.look else ()
        said = {include.mount: include.how for include in draft.include}
        for number, mount in enumerate(mounts):
            self._row(number, mount, said.get(mount.path, "merge" if mount.mergeable else "leave"))
        self.none.setVisible(not mounts)
        self._weigh()

    def _row(self, number: int, mount: Any, how: str) -> None:
        choice = QComboBox()
        choice.addItem(self.tr("Copy into the main disk"), "merge")
        choice.addItem(self.tr("Leave out: it will be missing"), "leave")
        choice.setCurrentIndex(choice.findData(how))
        choice.setAccessibleName(self.tr("What to do with {mount}").format(mount=words.plain(mount.path)))
        choice.currentIndexChanged.connect(self._changed)
        if not mount.mergeable:
            choice.setEnabled(False)
            choice.setAccessibleDescription(words.plain(mount.why_not))
            choice.setToolTip(words.plain(mount.why_not))
        text = self.tr("{used} used, {files} files") if mount.files else self.tr("{used} used")
        about = label(text.format(used=words.size(mount.used), files=f"{mount.files:,}"), "quiet")
        about.setWordWrap(False)
        self.grid.addWidget(label(words.plain(mount.path), "head"), number, 0)
        self.grid.addWidget(about, number, 1)
        self.grid.addWidget(choice, number, 2)
        self.choices[mount.path] = choice

    def include(self) -> tuple[Include, ...]:
        """What is chosen now."""
        return tuple(Include(mount, choice.currentData()) for mount, choice in self.choices.items())

    def problem(self) -> str:
        """Whether it fits."""
        return self.tr("This does not fit; see below.") if self._stops else ""

    def read(self, draft: Draft) -> Draft:
        """The draft with these choices."""
        return replace(draft, include=self.include())

    @Slot(int)
    def _changed(self, _: int) -> None:
        self._weigh()
        self.changed.emit()

    def _weigh(self) -> None:
        found = acts.include_findings(self.draft.look, self.include()) if self.draft.look else []
        self._stops = any(finding.grade == "stop" for finding in found)
        self.found.show_findings(found)
        self.result.setVisible(bool(found))
