"""The strip over the pages of a rehearsal: what is made up, what is only shown, and who presses the buttons."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout

from ui.widgets.text import add, button, label, row

NOTES = {
    "source": "Everything here is made up, and inside this computer.",
    "sandbox": "What the copy would need is only shown; a rehearsal repairs nothing.",
    "include": "What comes along is settled here: one data disk is copied, the other stays behind.",
    "clean": "The secrets are made up, and all of them travel along; in an export of your own you decide here.",
    "review": "Cloud, machine and upload server are made up; the conversion, the test start and the upload are real.",
}


class Guide(QFrame):
    """Hidden but in a rehearsal; `on` comes when it is to walk by itself."""

    on = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("guide")
        self.note, self.who = label("", "head"), label("")
        self.walk = button(self.tr("Let it go on by i&tself"), self.on.emit)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        add(texts, self.note, self.who)
        across = row()
        across.setContentsMargins(28, 8, 14, 8)
        across.addLayout(texts, 1)
        across.addWidget(self.walk)
        self.setLayout(across)
        self.hide()

    def tell(self, page: str, walking: bool) -> None:
        """Show what is to be known at *page*; nothing at pages that tell it themselves."""
        self.setVisible(page in NOTES)
        self.note.setText(self.tr("Rehearsal. {note}").format(note=self.tr(NOTES.get(page, ""))))
        by_itself = self.tr("It goes from page to page by itself. Click anywhere or press a key, and you take over.")
        self.who.setText(by_itself if walking else self.tr("You have taken over: go on at your own pace."))
        self.walk.setVisible(not walking)
        self.setAccessibleName(f"{self.note.text()} {self.who.text()}")
