"""An image file as the origin of an export."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from PySide6.QtCore import Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QLineEdit

from app import acts, words
from app.secrets import Answers
from ui.draft import Draft
from ui.widgets.origin import Origin
from ui.widgets.text import add, button, row


class FileOrigin(Origin):
    """A disk image on this computer; it is looked into at once."""

    title = "A disk &image file on this computer"
    about = "A file that ends in .qcow2, .raw, .img, .vmdk, .vdi or .vhd. It is only read."
    drawing = "disk"
    schemes = ("file",)

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.info: Any = None
        self.setAcceptDrops(True)
        self.path = QLineEdit()
        self.path.setPlaceholderText(self.tr("Choose a file, or drop one here"))
        self.path.setAccessibleName(self.tr("Disk image file"))
        self.path.textEdited.connect(self._typed)
        self.path.editingFinished.connect(self._look)
        browse = button(self.tr("&Browse …"), self._browse)
        add(self.inside, row(self.path, browse), self.state, self.trouble)
        self.work.done.connect(self._seen)
        self._looked = ""

    def choose(self, path: str) -> None:
        """Take *path* and look into it."""
        self.path.setText(path)
        self._look()

    def fill(self, draft: Draft) -> None:
        """Show the draft's file."""
        path = unquote(urlsplit(draft.source).path)
        if path != self.path.text():
            self.choose(path)

    def problem(self) -> str:
        """Whether the file has been looked into."""
        if not self.path.text():
            return self.tr("Choose the file.")
        if self.work.running:
            return self.tr("The file is being looked into.")
        return "" if self.info and self._looked == self.path.text() else self.tr("This file cannot be used.")

    def url(self) -> str:
        """The file's address."""
        text = self.path.text()
        return Path(text).expanduser().absolute().as_uri() if text else ""

    def called(self) -> str:
        """The file's name."""
        return Path(self.path.text()).name

    def weight(self) -> int:
        """The file's length."""
        return int(self.info.size) if self.info else 0

    @Slot()
    def _browse(self) -> None:
        kinds = self.tr("Disk images (*.qcow2 *.qcow *.raw *.img *.vmdk *.vdi *.vhd *.vpc *.vhdx);;All files (*)")
        dialog = QFileDialog(self, self.tr("Choose a disk image"), self.path.text(), kinds)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.choose)
        dialog.open()

    @Slot(str)
    def _typed(self, _: str) -> None:
        self.info, self._looked = None, ""
        self.state.setText("")
        self.changed.emit()

    @Slot()
    def _look(self) -> None:
        text = self.path.text()
        if text and text != self._looked and not self.work.running:
            self.info, self._looked = None, text
            self.work.start(partial(acts.disk_info, Path(text).expanduser().absolute()))

    @Slot(object)
    def _seen(self, info: Any) -> None:
        if self._looked != self.path.text():
            self._look()
            return
        self.info = info
        said = self.tr("{format}, {size} in the file, a disk of {disk} inside.")
        shown = {
            "format": str(info.format).upper(),
            "size": words.size(info.size),
            "disk": words.size(info.virtual_size),
        }
        self.state.setText(said.format(**shown))
        self.changed.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Take one file."""
        urls = event.mimeData().urls()
        if len(urls) == 1 and urls[0].isLocalFile():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Use the file that was dropped."""
        self.choose(event.mimeData().urls()[0].toLocalFile())
