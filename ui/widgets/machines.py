"""The machines of a cloud as a list to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from app import words
from ui.widgets.text import label

MANY = 12  # from so many machines on, a field to search in is shown


class MachineList(QWidget):
    """`chosen` is the machine of the selected row, or None."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._machines: Sequence[Any] = ()
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search by name or address"))
        self.search.setAccessibleName(self.tr("Search the machines"))
        self.search.textChanged.connect(self._filter)
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels([self.tr("Name"), self.tr("State"), self.tr("Disk"), self.tr("Addresses")])
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setAccessibleName(self.tr("Machines"))
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.setMinimumHeight(self.fontMetrics().height() * 8)
        self.tree.itemSelectionChanged.connect(self._selected)
        self.note = label("", "quiet")
        inside = QVBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        for part in (self.search, self.tree, self.note):
            inside.addWidget(part)

    @property
    def chosen(self) -> Any:
        """The selected machine."""
        rows = self.tree.selectedItems()
        return self._machines[rows[0].data(0, Qt.ItemDataRole.UserRole)] if rows else None

    def show_machines(self, machines: Sequence[Any]) -> None:
        """List *machines* (`app.providers.Machine`); names are shown as harmless text."""
        self._machines = machines
        self.tree.clear()
        rows = []
        for number, machine in enumerate(machines):
            size = f"{machine.disk} GiB" if machine.disk else ""
            cells = [words.plain(machine.name), words.plain(machine.status), size, ", ".join(machine.addresses)]
            made = QTreeWidgetItem(cells)
            made.setData(0, Qt.ItemDataRole.UserRole, number)
            made.setToolTip(0, cells[0])
            rows.append(made)
        self.tree.addTopLevelItems(rows)
        self.search.setVisible(len(machines) >= MANY)
        self.note.setText("")

    def choose(self, url: str) -> None:
        """Select the machine with this address, if it is there."""
        for number in range(self.tree.topLevelItemCount()):
            row = self.tree.topLevelItem(number)
            if row and self._machines[row.data(0, Qt.ItemDataRole.UserRole)].url == url:
                self.tree.setCurrentItem(row)

    @Slot(str)
    def _filter(self, text: str) -> None:
        for number in range(self.tree.topLevelItemCount()):
            if row := self.tree.topLevelItem(number):
                row.setHidden(text.lower() not in f"{row.text(0)} {row.text(3)}".lower())

    @Slot()
    def _selected(self) -> None:
        machine = self.chosen
        self.note.setText(words.plain(machine.note) if machine else "")
        self.changed.emit()
