"""A part of a page that is folded away until somebody wants to see it."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.widgets.text import button, card, row


class Fold(QWidget):
    """A button with what is in it, and `inside` below it when it is open."""

    def __init__(self) -> None:
        super().__init__()
        self._title = ""
        self.button = button("", self._toggle, "link")
        self.box, self.inside = card()
        outside = QVBoxLayout(self)
        outside.setContentsMargins(0, 0, 0, 0)
        outside.setSpacing(6)
        outside.addLayout(row(self.button, None))
        outside.addWidget(self.box)
        self.fold("")

    def fold(self, title: str) -> None:
        """Close it under a new title."""
        self._title = title
        self.box.hide()
        self._tell()

    @Slot()
    def _toggle(self) -> None:
        self.box.setHidden(not self.box.isHidden())
        self._tell()

    def _tell(self) -> None:
        folded = self.box.isHidden()
        self.button.setText(f"{'▸' if folded else '▾'}  {self._title}")
        self.button.setAccessibleName(self._title)
        self.button.setAccessibleDescription(self.tr("folded; press to read") if folded else self.tr("open"))
