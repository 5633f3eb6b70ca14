"""A big choice: a radio button with a sentence below it, in a frame that shows which one is taken."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QRadioButton, QVBoxLayout

from ui.widgets.text import label, restyle


class BigChoice(QFrame):
    """The whole card can be clicked; the radio button has the keyboard."""

    def __init__(self, title: str, about: str) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.radio = QRadioButton(title)
        self.radio.setAccessibleDescription(about)
        font = self.radio.font()
        font.setBold(True)
        self.radio.setFont(font)
        self.radio.toggled.connect(self._toggled)
        inside = QVBoxLayout(self)
        inside.setContentsMargins(14, 10, 14, 10)
        inside.addWidget(self.radio)
        said = label(about, "quiet")
        said.setContentsMargins(28, 0, 0, 0)
        inside.addWidget(said)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """A click anywhere takes the choice."""
        if self.radio.isEnabled():
            self.radio.setChecked(True)
            self.radio.setFocus(Qt.FocusReason.MouseFocusReason)
        super().mouseReleaseEvent(event)

    @Slot(bool)
    def _toggled(self, on: bool) -> None:
        restyle(self, chosen="true" if on else "false")
