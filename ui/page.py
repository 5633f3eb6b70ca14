"""What every page of the wizard is: a title, one sentence what to do, one what will happen, and a body that scrolls."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.secrets import Answers
from ui.draft import Draft
from ui.widgets.text import label

WIDE, TIGHT = (28, 22, 28, 22), (14, 12, 14, 12)  # pixels around the body; the second in a small window


class Page(QWidget):
    """A page has three verbs: `fill` it from a draft, ask for its `problem`, `read` it into a new draft.

    `changed` comes when the problem may be another one; `onward` when the page itself wants to go on.
    """

    key = ""
    title = ""
    lead = ""  # what to do now
    after = ""  # what will happen
    changed = Signal()
    onward = Signal()

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self.answers = answers
        self.draft = Draft()
        self.heading = label(self.tr(self.title), "title")
        self.heading.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # read out on arrival; no stop for Tab
        self.heading.setAccessibleDescription(self.tr(self.lead))
        self.what = label(self.tr(self.lead), "lead")
        self.then = label(self.tr(self.after), "quiet")
        body = self.inner = QWidget()
        body.setObjectName("body")
        self.body = QVBoxLayout(body)
        self.body.setContentsMargins(*WIDE)
        self.body.setSpacing(12)
        for part in (self.heading, self.what, self.then):
            if part.text():
                self.body.addWidget(part)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(body)
        outside = QVBoxLayout(self)
        outside.setContentsMargins(0, 0, 0, 0)
        outside.addWidget(self.area)

    def fill(self, draft: Draft) -> None:
        """Show what *draft* says."""
        self.draft = draft

    def problem(self) -> str:
        """Why one cannot go on yet, in a sentence; empty when one can."""
        return ""

    def read(self, draft: Draft) -> Draft:
        """*draft* with what the person said here."""
        return draft

    def left(self) -> None:
        """The person went to another page: stop what was only for this one."""

    def lock(self, locked: bool) -> None:
        """Make the page read-only, for looking back while an export runs."""
        for child in self.inner.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if child not in (self.heading, self.what, self.then):
                child.setEnabled(not locked)

    def tighten(self, on: bool) -> None:
        """Leave less room around the body, where the window is small."""
        self.body.setContentsMargins(*(TIGHT if on else WIDE))

    @property
    def always(self) -> tuple[QPushButton, ...]:
        """Buttons that must always be in sight: the window has them beside Back and Next."""
        return ()

    def arrive(self) -> None:
        """The page was just shown: its title takes the focus, so that a screen reader reads it."""
        self.area.verticalScrollBar().setValue(0)
        self.heading.setFocus(Qt.FocusReason.OtherFocusReason)
