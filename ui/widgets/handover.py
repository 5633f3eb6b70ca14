"""The disks that a person fetches from the cloud's web page: which ones are wanted, and the file of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QFrame, QGridLayout, QLabel, QVBoxLayout

from app import parts, words
from ui.widgets.text import add, breakable, button, empty, label, row


class Handover(QFrame):
    """One row a disk; `given` brings {mount: path} when every disk has its file and the person goes on."""

    given = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.files: dict[str, str] = {}
        self.states: dict[str, QLabel] = {}
        self.grid = QGridLayout()
        self.grid.setColumnStretch(1, 1)
        self.grid.setHorizontalSpacing(14)
        self.go = button(self.tr("Hand the &files over and go on"), self._give, "primary")
        inside = QVBoxLayout(self)
        inside.setContentsMargins(16, 12, 16, 12)
        advice = label(
            self.tr(
                "Make the snapshots of all disks at one moment, or while nothing writes to them; "
                "else their files may not fit together."
            ),
            "quiet",
        )
        add(inside, label(self.tr("The files that are wanted"), "head"), advice, self.grid, row(self.go, None))
        self.hide()

    def ask(self, mounts: Sequence[str], given: Mapping[str, str]) -> None:
        """Ask for the disk of each of *mounts*; *given* (mount → `file:` URL) are here already."""
        empty(self.grid)
        self.files = {m: url2pathname(urlsplit(url).path) for m, url in given.items() if m in mounts}
        self.states = {}
        for number, mount in enumerate(mounts):
            name = parts.words(mount)
            choose = button(self.tr("Choose its file …"), partial(self._choose, mount))
            choose.setAccessibleName(self.tr("Choose the file of {disk}").format(disk=words.plain(name)))
            self.states[mount] = label("", "quiet", selectable=True)
            title = label(words.plain(name[:1].upper() + name[1:]))
            title.setWordWrap(False)
            for column, part in enumerate((title, self.states[mount], choose)):
                self.grid.addWidget(part, number, column)
        self._tell()
        self.show()

    def take(self, mount: str, path: str) -> None:
        """The file of a disk was chosen."""
        self.files[mount] = path
        self._tell()

    def _tell(self) -> None:
        for mount, state in self.states.items():
            path = self.files.get(mount, "")
            state.setText(breakable(words.plain(Path(path).name)) if path else self.tr("still missing"))
            state.setToolTip(words.plain(path))
        self.go.setEnabled(set(self.files) >= set(self.states))

    def _choose(self, mount: str) -> None:
        title = self.tr("Choose the file of {disk}").format(disk=words.plain(parts.words(mount)))
        dialog = QFileDialog(self, title)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(partial(self.take, mount))
        dialog.open()

    def _give(self) -> None:
        self.hide()
        self.given.emit(dict(self.files))
