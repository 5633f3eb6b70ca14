"""The last box: a mistake of the program that nothing else has caught."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from app.errors import Trouble
from app.secrets import Answers
from ui.widgets.text import add, button, row
from ui.widgets.troublebox import TroubleBox


class LastBox(QDialog):
    """The five parts with secrets hidden; the program goes on behind it."""

    def __init__(self, what: Trouble, answers: Answers, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Sandhopper")
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 70)
        self.trouble = TroubleBox()
        self.trouble.tell(replace(what, what=answers.redact(what.what), details=answers.redact(what.details)))
        inside = QVBoxLayout(self)
        add(inside, self.trouble, row(None, button(self.tr("&Go on"), self.accept, "primary")))
