"""Where the machine is: an image file here, a machine in a cloud, or a machine without a cloud that can be asked."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QButtonGroup, QFrame, QRadioButton, QVBoxLayout, QWidget

from app.errors import Usage
from app.job import new
from app.secrets import Answers
from ui.draft import Draft
from ui.look import Drawing
from ui.page import Page
from ui.widgets.origin import Origin
from ui.widgets.originaddress import AddressOrigin
from ui.widgets.origincloud import CloudOrigin
from ui.widgets.originfile import FileOrigin
from ui.widgets.text import card, label, restyle, row


class SourcePage(Page):
    """Three choices; the chosen one opens and asks what it needs."""

    key = "source"
    title = "Where is your machine?"
    lead = "Choose where the machine is that you want to export."
    after = "Nothing is changed: until you press Start on the Review page, Sandhopper only looks."

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.group = QButtonGroup(self)
        self.origins: tuple[Origin, ...] = (FileOrigin(answers), CloudOrigin(answers), AddressOrigin(answers))
        self.choices: list[QRadioButton] = []
        self._cards: list[QFrame] = []
        for number, origin in enumerate(self.origins):
            self.body.addWidget(self._choice(number, origin))
            origin.changed.connect(self.changed)
        self.body.addStretch(1)
        self.group.idToggled.connect(self._chosen)

    def _choice(self, number: int, origin: Origin) -> QWidget:
        frame, inside = card()
        choice = QRadioButton(self.tr(origin.title))
        choice.setAccessibleDescription(self.tr(origin.about))
        self.group.addButton(choice, number)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(choice)
        words.addWidget(label(self.tr(origin.about), "quiet"))
        across = row(Drawing(origin.drawing, "accent_text", 2.2))
        across.addLayout(words, 1)
        inside.addLayout(across)
        inside.addWidget(origin)
        origin.hide()
        self.choices.append(choice)
        self._cards.append(frame)
        return frame

    @Slot(int, bool)
    def _chosen(self, number: int, on: bool) -> None:
        self.origins[number].setVisible(on)
        restyle(self._cards[number], chosen="true" if on else "false")
        if on:
            self.origins[number].opened()
            self.changed.emit()

    @property
    def origin(self) -> Origin | None:
        """The chosen one."""
        number = self.group.checkedId()
        return self.origins[number] if number >= 0 else None

    def fill(self, draft: Draft) -> None:
        """Choose what the draft says."""
        super().fill(draft)
        for choice, origin in zip(self.choices, self.origins, strict=True):
            choice.setEnabled(not draft.practice or origin.fits(draft.source))
            origin.practise(draft.practice)
        for number, origin in enumerate(self.origins):
            if draft.source and origin.fits(draft.source):
                self.choices[number].setChecked(True)
                origin.fill(draft)

    def problem(self) -> str:
        """What is still to be said."""
        if not self.origin:
            return self.tr("Choose one of the three.")
        return self.origin.problem() or _impossible(self.origin.url())

    def read(self, draft: Draft) -> Draft:
        """The draft with the chosen source."""
        if not self.origin:
            return draft
        return draft.from_source(self.origin.url(), self.origin.called(), self.origin.weight(), self.origin.sandbox())

    def left(self) -> None:
        """Stop looking at what is not needed any more."""
        for origin in self.origins:
            origin.work.cancel()


def _impossible(source: str) -> str:
    try:
        new(source, "file:///tmp/")
    except Usage as exc:
        return exc.message
    return ""
