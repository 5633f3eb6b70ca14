"""What the three kinds of origins of an export have in common."""

from __future__ import annotations

from urllib.parse import urlsplit

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app import words
from app.secrets import Answers
from ui.draft import Draft
from ui.widgets.text import label
from ui.widgets.troublebox import TroubleBox
from ui.work import Work


class Origin(QWidget):
    """One kind of place. `url()` is what the person said, when there is no `problem()`."""

    title = about = drawing = ""
    schemes: tuple[str, ...] = ()
    changed = Signal()

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self.work = Work(answers, self, self.tr("Nothing was changed: it was only looked at."))
        self.trouble = TroubleBox()
        self.state = label("", "quiet")
        self.inside = QVBoxLayout(self)
        self.inside.setContentsMargins(4, 8, 4, 4)
        self.work.failed.connect(self.trouble.tell)
        self.work.busy.connect(self._busy)
        self.work.stopped.connect(self._stopped)

    def fits(self, source: str) -> bool:
        """Whether *source* is of this kind."""
        return urlsplit(source).scheme in self.schemes

    def opened(self) -> None:
        """The person chose this kind."""

    def practise(self, on: bool) -> None:
        """A rehearsal begins or is over."""

    def rehearse(self, draft: Draft) -> None:
        """Do what a person would do next to say what *draft* says already."""

    def fill(self, draft: Draft) -> None:
        """Show what the draft says."""

    def problem(self) -> str:
        """What is still to be said."""
        return ""

    def url(self) -> str:
        """The source's address."""
        return ""

    def called(self) -> str:
        """What people call it."""
        return words.place(self.url())

    def weight(self) -> int:
        """About how many bytes will travel; 0 when that is not known."""
        return 0

    def sandbox(self) -> str:
        """The address of the running machine, as far as it is known."""
        return ""

    @Slot(bool)
    def _busy(self, on: bool) -> None:
        self.state.setText(self.tr("Looking …") if on else "")
        if on:
            self.trouble.hide()
        self.changed.emit()

    @Slot()
    def _stopped(self) -> None:
        self.state.setText("")
