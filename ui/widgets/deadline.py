"""A moment by which the image has to be at the target."""

from __future__ import annotations

import time

from PySide6.QtCore import QDateTime, Signal
from PySide6.QtWidgets import QCheckBox, QDateTimeEdit, QVBoxLayout, QWidget

from ui.widgets.text import add, label, row

DAY = 86_400
HOUR = 3_600


class Deadline(QWidget):
    """Off by default; then tomorrow at this time."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.on = QCheckBox(self.tr("It has to be there by a certain &time"))
        self.moment = QDateTimeEdit()
        self.moment.setDisplayFormat("ddd d MMM yyyy, HH:mm")
        self.moment.setCalendarPopup(True)
        self.moment.setAccessibleName(self.tr("When it has to be there"))
        self.why = label(self.tr("For example when an upload link, a one-time folder or a token ends then."), "quiet")
        inside, self.below = QVBoxLayout(self), QWidget()
        inside.setContentsMargins(0, 0, 0, 0)
        lines = QVBoxLayout(self.below)
        lines.setContentsMargins(24, 0, 0, 0)
        add(lines, self.why, row(self.moment, None))
        add(inside, self.on, self.below)
        self.below.hide()
        self.fill(0.0)
        self.on.toggled.connect(self.below.setVisible)
        self.on.toggled.connect(self.changed)
        self.moment.dateTimeChanged.connect(self.changed)

    def fill(self, until: float) -> None:
        """Show *until* (seconds since 1970), 0 for no such moment."""
        then = until or (time.time() + DAY) // HOUR * HOUR
        self.moment.setDateTime(QDateTime.fromSecsSinceEpoch(round(then)))
        self.on.setChecked(bool(until))

    def value(self) -> float:
        """Seconds since 1970; 0 for no such moment."""
        return float(self.moment.dateTime().toSecsSinceEpoch()) if self.on.isChecked() else 0.0
