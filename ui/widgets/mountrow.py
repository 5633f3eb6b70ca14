"""One data disk of the machine: what it is, and what happens to it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QGridLayout, QWidget

from app import words
from ui.widgets.text import breakable, label, restyle

MERGE, GROW, DISK, LEAVE = "merge", "grow", "disk", "leave"


class MountRow(QWidget):
    """A mount with its choice; *barred* says for each way why it cannot be had."""

    changed = Signal()

    def __init__(self, mount: Any, how: str, barred: dict[str, str]) -> None:
        super().__init__()
        self.mount, self.barred = mount, {key: why for key, why in barred.items() if why}
        name = words.plain(mount.path)
        self.choice = QComboBox()
        for way, text in (
            (MERGE, self.tr("Copy into the main disk")),
            (GROW, self.tr("Put into the copy, with a bigger main disk")),
            (DISK, self.tr("Take along as its own disk")),
            (LEAVE, self.tr("Leave out")),
        ):
            self.choice.addItem(text, way)
            if way in self.barred:
                self._bar(self.choice.count() - 1, self.barred[way])
        self.choice.setCurrentIndex(self.choice.findData(LEAVE if how in self.barred else how))
        self.choice.setAccessibleName(self.tr("What to do with {mount}").format(mount=name))
        self.choice.currentIndexChanged.connect(self._chosen)
        self.said = label("")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 4, 0, 4)
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        grid.addWidget(label(breakable(name), "head"), 0, 0)
        grid.addWidget(self.choice, 0, 1)
        grid.addWidget(label(breakable(self._about()), "quiet"), 1, 0, 1, 2)
        grid.addWidget(self.said, 2, 0, 1, 2)
        self._tell()

    @property
    def how(self) -> str:
        """What is chosen."""
        return str(self.choice.currentData())

    def choose(self, how: str) -> None:
        """Choose for the person; a way that is barred is not taken."""
        if how not in self.barred:
            self.choice.setCurrentIndex(self.choice.findData(how))

    def _bar(self, number: int, why: str) -> None:
        model = self.choice.model()
        if isinstance(model, QStandardItemModel):
            item = model.item(number)
            item.setEnabled(False)
            item.setToolTip(words.plain(why))

    def _about(self) -> str:
        mount = self.mount
        parts = [self.tr("{used} of {size} used").format(used=words.size(mount.used), size=words.size(mount.size))]
        if not mount.size:
            parts = [self.tr("{used} used").format(used=words.size(mount.used))]
        if mount.files:
            parts.append(self.tr("{n} files").format(n=f"{mount.files:,}"))
        if mount.owner:
            parts.append(self.tr("belongs to {owner}").format(owner=mount.owner.partition(":")[2] or mount.owner))
        parts.append(mount.fstype)
        if mount.read_only:
            parts.append(self.tr("read-only"))
        return words.plain(", ".join(parts))

    def _tell(self) -> None:
        """What the choice means, at the row itself."""
        why = self.barred.get(MERGE) or ""
        if self.how == LEAVE:
            said = self.tr("It will be missing in the copy.")
            if why:
                said += self.tr(" It cannot be copied into the main disk: {why}.").format(why=words.plain(why))
        elif self.how == GROW:
            said = self.tr("Your machine is not touched: the copy's main disk is made bigger, and takes the files.")
        elif self.how == DISK:
            said = self.tr("It becomes a second file; whoever starts the copy attaches both disks.")
        else:
            said = self.tr("Its files will lie in the same place, on the main disk.")
        self.said.setText(breakable(said))
        restyle(self.said, role="care" if self.how == LEAVE else "quiet")
        self.choice.setAccessibleDescription(said)
        self.choice.setToolTip(said)

    @Slot(int)
    def _chosen(self, _: int) -> None:
        self._tell()
        self.changed.emit()
