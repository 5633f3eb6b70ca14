"""The list of secrets with a tick each and one a kind, a field to search in, and what a kind opens in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, QSortFilterProxyModel, Qt, Signal, Slot
from PySide6.QtWidgets import QHeaderView, QLineEdit, QTreeView, QVBoxLayout, QWidget

from app.job import Decision
from ui.widgets.secretmodel import SecretModel
from ui.widgets.text import add, label

MANY = 12  # from so many on there is a field to search in, and the kinds are folded


class SecretList(QWidget):
    """`changed` comes after each decision."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.model = SecretModel(self)
        self.model.decided.connect(self.changed)
        self.filter = QSortFilterProxyModel(self)
        self.filter.setSourceModel(self.model)
        self.filter.setRecursiveFilteringEnabled(True)
        self.filter.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search by place, e.g. .ssh"))
        self.search.setAccessibleName(self.tr("Search the secrets"))
        self.search.textChanged.connect(self._searched)
        self.tree = QTreeView()
        self.tree.setModel(self.filter)
        self.tree.setUniformRowHeights(True)
        self.tree.setAccessibleName(self.tr("Secrets; Space sets or takes a tick"))
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = self.tree.header()
        header.setStretchLastSection(False)
        letter = self.fontMetrics().averageCharWidth()
        for column, width in ((1, 24), (2, 16)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            header.resizeSection(column, letter * width)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.setMinimumHeight(self.fontMetrics().height() * 12)
        self.tree.selectionModel().currentChanged.connect(self._current)
        self.about = label("", "quiet")
        inside = QVBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        add(inside, self.search, self.tree, self.about)

    def take(self, secrets: Sequence[Any], usual: str, decisions: Sequence[Decision]) -> None:
        """Show *secrets*; each is treated as *usual* says but for *decisions*."""
        self.search.clear()
        self.model.take(secrets, usual, decisions)
        self.search.setVisible(len(secrets) >= MANY)
        if len(secrets) < MANY:
            self.tree.expandAll()
        self.about.setText(self.tr("Choose a line to read what it opens."))

    @Slot(str)
    def _searched(self, text: str) -> None:
        self.filter.setFilterFixedString(text)
        if text and self.filter.rowCount():
            self.tree.expandAll()

    @Slot(QModelIndex, QModelIndex)
    def _current(self, now: QModelIndex, _: QModelIndex) -> None:
        kind = self.model.kind_at(self.filter.mapToSource(now))
        if kind:
            self.about.setText(f"{kind.name[:1].upper()}{kind.name[1:]}: {kind.opens}")
