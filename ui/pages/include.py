"""Which data disks of the machine come along, and whether they fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QVBoxLayout

from app import acts, choices
from app.job import Include
from app.secrets import Answers
from ui.draft import Draft
from ui.page import Page
from ui.widgets.findings import Findings
from ui.widgets.mountrow import DISK, GROW, LEAVE, MERGE, MountRow
from ui.widgets.roombar import RoomBar
from ui.widgets.text import add, card, empty, label


class IncludePage(Page):
    """One row a data disk, the forecast of the main disk below, and what the choices mean."""

    key = "include"
    title = "What comes along?"
    lead = "A snapshot holds only the main (root) disk. Choose for each data disk what becomes of its files."
    after = "Nothing that runs is touched: the copies lie hidden under the data disk, and are removed again afterwards."

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.rows: dict[str, MountRow] = {}
        box, inside = card()
        self.list = QVBoxLayout()
        self.list.setSpacing(10)
        self.none = label(
            self.tr("This machine has no separate data disks: everything lies on its main disk and comes along.")
        )
        add(inside, self.list, self.none)
        self.forecast, below = card()
        self.room = RoomBar()
        self.room.wanted.connect(self._take)
        add(below, label(self.tr("Room on the main disk"), "head"), self.room)
        self.result, last = card()
        self.found = Findings()
        add(last, label(self.tr("What this means"), "head"), self.found)
        add(self.body, box, self.forecast, self.result)
        self.body.addStretch(1)
        self._stops = False

    def fill(self, draft: Draft) -> None:
        """Show the mounts that were seen, and what the draft says about them."""
        super().fill(draft)
        empty(self.list)
        self.rows = {}
        mounts = draft.look.mounts if draft.look else ()
        said = {include.mount: include.how for include in draft.include}
        for mount in mounts:
            barred = {MERGE: mount.why_not, GROW: self._no_growth(mount.path), DISK: self._no_disk(mount.path)}
            row = MountRow(mount, said.get(mount.path, LEAVE if mount.why_not else MERGE), barred)
            row.changed.connect(self._changed)
            row.choice.setEnabled(not draft.practice)
            self.list.addWidget(row)
            self.rows[mount.path] = row
        self.none.setVisible(not mounts)
        self._weigh()

    def include(self) -> tuple[Include, ...]:
        """What is chosen now."""
        return tuple(Include(path, row.how) for path, row in self.rows.items())

    def problem(self) -> str:
        """Whether it fits."""
        return self.tr("This cannot be done so; see below.") if self._stops else ""

    def read(self, draft: Draft) -> Draft:
        """The draft with these choices."""
        return replace(draft, include=self.include())

    def _no_disk(self, path: str) -> str:
        """Why *path* cannot be a disk of its own, from this source."""
        if urlsplit(self.draft.source).scheme != "ssh":
            return self.tr("from this cloud only the main disk can be fetched so far")
        return choices.own_disk_why_not(self.draft.look, path) if self.draft.look else ""

    def _no_growth(self, path: str) -> str:
        """Why *path* cannot be put into a bigger copy: its disk must be fetched as well."""
        if urlsplit(self.draft.source).scheme != "ssh":
            return self._no_disk(path)
        return choices.grow_why_not(self.draft.look, path) if self.draft.look else ""

    @Slot(object)
    def _take(self, way: Any) -> None:
        self.rows[way.mount].choose(way.how)

    @Slot()
    def _changed(self) -> None:
        self._weigh()
        self.changed.emit()

    def _weigh(self) -> None:
        look, include = self.draft.look, self.include()
        found = acts.include_findings(look, include) if look else []
        self._stops = any(finding.grade == "stop" for finding in found)
        self.found.show_findings(found)
        self.result.setVisible(bool(found))
        self.forecast.setVisible(bool(self.rows))
        if look:
            ways = [way for way in choices.ways_out(look, include) if way.how not in self.rows[way.mount].barred]
            self.room.show_room(choices.room(look, include), ways)
