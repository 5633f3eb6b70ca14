"""The file by which a cloud's web page tells how to log in: chosen or dropped, kept without its password."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from app import acts, words
from app.secrets import Answers
from ui.widgets.text import add, breakable, button, label, row
from ui.work import Work


class LoginFile(QWidget):
    """`taken` brings the name under which the login is known now; `work` tells of troubles."""

    taken = Signal(str)

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self.work = Work(answers, self, self.tr("Nothing was changed."))
        self.browse = button(self.tr("Take a login &file …"), self._browse)
        hint = label(self.tr("The clouds.yaml or openrc file of the cloud's web page. Or drop it here."), "quiet")
        self.said = label(selectable=True)
        self.said.hide()
        across = row(self.browse, hint)
        across.setStretch(1, 1)
        inside = QVBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        add(inside, across, self.said)
        self.work.done.connect(self._kept)
        self.work.busy.connect(self._busy)

    def take(self, path: str) -> None:
        """Read the file and keep its logins."""
        self.work.start(partial(acts.add_clouds, Path(path), "", "", ""))

    @Slot()
    def _browse(self) -> None:
        kinds = self.tr("Login files (*.sh *.yaml *.yml *.rc *openrc*);;All files (*)")
        dialog = QFileDialog(self, self.tr("Choose the login file of a cloud"), "", kinds)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.take)
        dialog.open()

    @Slot(object)
    def _kept(self, added: Any) -> None:
        told = []
        for one in added:
            text = self.tr("“{name}” is known here now.") if one.new else self.tr("“{name}” is known here already.")
            kept = self.tr("Its password or secret was not written down: it is used until you close the window.")
            told.append(
                " ".join((text.format(name=one.name), *map(words.plain, one.notes), kept if one.secret else ""))
            )
        self.said.setText(breakable("\n".join(told)))
        self.said.show()
        self.taken.emit(added[0].name)

    @Slot(bool)
    def _busy(self, on: bool) -> None:
        self.browse.setEnabled(not on)
        if on:
            self.said.hide()


def dropped(event: QDropEvent) -> str:
    """The path of the one file of this computer that *event* brings, or nothing."""
    urls = event.mimeData().urls()
    return urls[0].toLocalFile() if len(urls) == 1 and urls[0].isLocalFile() else ""
