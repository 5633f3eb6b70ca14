"""The secrets of a machine as a tree for a view: kinds, below them the files; a tick means: it travels along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from app import choices, words
from app.job import Decision

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
KEEP, REMOVE = "keep", "remove"
NOWHERE = QModelIndex()


class SecretModel(QAbstractItemModel):
    """Two levels: groups have the internal id 0, files the number of their group plus one. `decided` after a tick."""

    decided = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.usual = KEEP
        self.settled = False  # ticks are shown, and cannot be changed
        self.groups: list[tuple[Any, list[Any]]] = []
        self._other: set[str] = set()  # the paths that are not treated as usual

    def take(self, secrets: Sequence[Any], usual: str, decisions: Sequence[Decision]) -> None:
        """Show *secrets*, of which each is treated as *usual* but for *decisions*."""
        self.beginResetModel()
        grouped: dict[str, list[Any]] = {}
        for secret in secrets:
            grouped.setdefault(secret.kind, []).append(secret)
        found = [(choices.kind(name), files) for name, files in grouped.items()]
        self.groups = sorted(found, key=lambda group: (-len(group[1]), group[0].name))
        self.usual = usual
        self._other = {decision.path for decision in decisions if decision.what != usual}
        self.endResetModel()

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What differs from the usual."""
        other = REMOVE if self.usual == KEEP else KEEP
        return tuple(Decision(path, other) for path in sorted(self._other))

    def counts(self) -> tuple[int, int]:
        """How many travel along, and how many there are."""
        total = sum(len(files) for _, files in self.groups)
        shown = sum(secret.path in self._other for _, files in self.groups for secret in files)
        return (total - shown if self.usual == KEEP else shown), total

    def kind_at(self, index: Index) -> Any:
        """The kind of the row *index*, or of the file there."""
        if not index.isValid():
            return None
        return self.groups[index.row() if index.internalId() == 0 else index.internalId() - 1][0]

    def index(self, row: int, column: int, parent: Index = NOWHERE) -> QModelIndex:
        """As Qt asks for it."""
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else 0)

    def parent(self, index: Index = NOWHERE) -> QModelIndex:  # type: ignore[override]
        """The group of a file."""
        if not index.isValid() or index.internalId() == 0:
            return QModelIndex()
        return self.createIndex(index.internalId() - 1, 0, 0)

    def rowCount(self, parent: Index = NOWHERE) -> int:  # noqa: N802 - Qt's name
        """Groups, or the files of one."""
        if not parent.isValid():
            return len(self.groups)
        return len(self.groups[parent.row()][1]) if parent.internalId() == 0 and parent.column() == 0 else 0

    def columnCount(self, parent: Index = NOWHERE) -> int:  # noqa: N802 - Qt's name
        """Name, what happens, owner."""
        return 3

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:  # noqa: N802
        """The columns' names."""
        if orientation == Qt.Orientation.Horizontal and role == Role.DisplayRole:
            return (self.tr("Tick: it travels along"), self.tr("In the copy"), self.tr("Belongs to"))[section]
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Everything can be ticked, unless it is settled."""
        made = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        decides = index.column() == 0 and not self.settled
        return made | Qt.ItemFlag.ItemIsUserCheckable if decides else made

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """What a cell shows; a screen reader gets the whole row from the first one."""
        if not index.isValid() or role not in (
            Role.DisplayRole, Role.CheckStateRole, Role.ToolTipRole, Role.AccessibleTextRole,
        ):  # fmt: skip
            return None
        if index.internalId() == 0:
            return self._group(index, role)
        return self._file(self.groups[index.internalId() - 1][1][index.row()], index.column(), role)

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:  # noqa: N802 - Qt's name
        """A tick set or taken: of one file, or of a whole kind."""
        if role != Role.CheckStateRole or not index.isValid():
            return False
        wanted = KEEP if Qt.CheckState(value) != Qt.CheckState.Unchecked else REMOVE
        group = index.row() if index.internalId() == 0 else index.internalId() - 1
        files = self.groups[group][1]
        self._decide(files if index.internalId() == 0 else [files[index.row()]], wanted)
        self._changed(group)
        return True

    def _decide(self, files: Sequence[Any], what: str) -> None:
        paths = {secret.path for secret in files}
        self._other = self._other - paths if what == self.usual else self._other | paths

    def _changed(self, group: int) -> None:
        top, last = self.index(group, 0), self.columnCount() - 1
        self.dataChanged.emit(top, self.index(group, last))
        end = self.rowCount(top) - 1
        self.dataChanged.emit(self.index(0, 0, top), self.index(end, last, top))
        self.decided.emit()

    def _kept(self, secret: Any) -> bool:
        return (secret.path in self._other) != (self.usual == KEEP)

    def _group(self, index: Index, role: int) -> Any:
        kind, files = self.groups[index.row()]
        kept = sum(self._kept(secret) for secret in files)
        if role == Role.CheckStateRole and index.column() == 0:
            whole = Qt.CheckState.Checked if kept == len(files) else Qt.CheckState.PartiallyChecked
            return whole if kept else Qt.CheckState.Unchecked
        name = f"{kind.name[:1].upper()}{kind.name[1:]} ({len(files):,})"
        said = self.tr("{kept} of {all} travel along").format(kept=f"{kept:,}", all=f"{len(files):,}")
        if kept in (0, len(files)):
            said = self.tr("travels along") if kept else self.tr("taken out")
        if role == Role.ToolTipRole:
            return kind.opens
        if role == Role.AccessibleTextRole:
            return f"{name}, {said}" if index.column() == 0 else None
        return (name, said, "")[index.column()] if role == Role.DisplayRole else None

    def _file(self, secret: Any, column: int, role: int) -> Any:
        kept = self._kept(secret)
        if role == Role.CheckStateRole:
            return (Qt.CheckState.Checked if kept else Qt.CheckState.Unchecked) if column == 0 else None
        path, said = words.plain(secret.path), self.tr("travels along") if kept else self.tr("taken out")
        if role == Role.ToolTipRole:
            return path
        owner = words.plain(secret.owner.partition(":")[2] or secret.owner)
        if role == Role.AccessibleTextRole:
            return f"{path}, {said}" if column == 0 else None
        return (path, said, owner)[column]
