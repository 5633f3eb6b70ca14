"""A bar for any number of bytes."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QProgressBar, QVBoxLayout, QWidget

from app import words
from ui.widgets.text import label

FULL = 1000  # per mille: Qt's bar counts in 32 bits and refuses 40 GiB


class ByteBar(QWidget):
    """A bar with “4.1 GB of 40.0 GB, 10 %” under it; it swings while the end is not known."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, FULL)
        self.bar.setValue(0)
        self.bar.setAccessibleName(self.tr("Progress of this part"))
        self.text: QLabel = label("", "quiet")
        inside = QVBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.bar)
        inside.addWidget(self.text)

    def show_bytes(self, done: int, total: int, unit: str = "", pace: str = "", *, moving: bool = True) -> None:
        """Show *done* of *total*, and *pace* behind it; a total of 0 means unknown (the bar swings while *moving*)."""
        self.bar.setRange(0, FULL if total or not moving else 0)
        self.bar.setValue(min(FULL, max(0, done) * FULL // total) if total > 0 else 0)
        self.text.setText(", ".join(filter(None, (self._words(done, total, unit), pace))))
        self.bar.setAccessibleDescription(self.text.text())

    def _words(self, done: int, total: int, unit: str) -> str:
        def say(count: int) -> str:
            return f"{count} {unit}" if unit else words.size(count)

        if total > 0:
            return self.tr("{done} of {total}, {percent} %").format(
                done=say(done), total=say(total), percent=min(100, 100 * max(0, done) // total)
            )
        return say(done) if done else ""
