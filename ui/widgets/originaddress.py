"""A machine without a cloud that can be asked, as the origin of an export."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit

from app.secrets import Answers
from ui.draft import Draft
from ui.widgets.origin import Origin
from ui.widgets.text import add, label, row


class AddressOrigin(Origin):
    """A machine whose cloud cannot be asked: reached by SSH, its snapshot made by hand."""

    title = "A machine whose cloud cannot be &asked by programs"
    about = "You log in to it over SSH. Sandhopper tells you when to make the snapshot in your cloud's web page."
    drawing = "machine"
    schemes = ("ssh",)

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.address = QLineEdit()
        self.address.setPlaceholderText("user@host")
        self.address.setAccessibleName(self.tr("Address of the machine"))
        self.address.textChanged.connect(self.changed)
        name = label(self.tr("A&ddress"))
        name.setBuddy(self.address)
        name.setWordWrap(False)
        add(self.inside, row(name, self.address), self.trouble)

    def fill(self, draft: Draft) -> None:
        """Show the draft's address."""
        self.address.setText(draft.source.removeprefix("ssh://"))

    def problem(self) -> str:
        """Whether there is an address."""
        return "" if self.address.text().strip() else self.tr("Write its address as user@host.")

    def url(self) -> str:
        """The machine's address."""
        return f"ssh://{self.address.text().strip().removeprefix('ssh://')}"

    def sandbox(self) -> str:
        """The machine itself."""
        return self.url()
