"""Quiet hours: from when to when, each day, and what may be sent meanwhile."""

from __future__ import annotations

from PySide6.QtCore import QTime, Signal
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QTimeEdit, QVBoxLayout, QWidget

from app.throttle import Hours
from ui.widgets.text import add, label, row

MB = 1_000_000


class QuietHours(QWidget):
    """One time of the day; further ones, which only the terminal sets, are kept as they are."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.on = QCheckBox(self.tr("&Quiet hours: send less at some time of the day"))
        self.begin, self.end = self._time(8, self.tr("Beginning")), self._time(18, self.tr("End"))
        self.limit = speed_box(self.tr("nothing is sent"), self.tr("Speed in the quiet hours"))
        self.limit.setValue(1.0)
        self._others: tuple[str, ...] = ()
        self.times = QWidget()
        lines = QVBoxLayout(self.times)
        lines.setContentsMargins(24, 0, 0, 0)
        first = row(_word(self.tr("Each day from")), self.begin, _word(self.tr("to")), self.end, None)
        add(lines, first, row(_word(self.tr("Speed then")), self.limit, None))
        inside = QVBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        add(inside, self.on, self.times)
        self.on.toggled.connect(self.times.setVisible)
        self.times.hide()
        self.on.toggled.connect(self.changed)
        for box in (self.begin, self.end):
            box.timeChanged.connect(self.changed)
        self.limit.valueChanged.connect(self.changed)

    def _time(self, hour: int, name: str) -> QTimeEdit:
        made = QTimeEdit(QTime(hour, 0))
        made.setDisplayFormat("HH:mm")
        made.setAccessibleName(name)
        return made

    def fill(self, quiet: tuple[str, ...]) -> None:
        """Show the first of these hours."""
        self._others = quiet[1:]
        if quiet:
            hours = Hours.parse(quiet[0])
            self.begin.setTime(QTime(hours.begin // 60, hours.begin % 60))
            self.end.setTime(QTime(hours.end // 60, hours.end % 60))
            self.limit.setValue(hours.limit / MB)
        self.on.setChecked(bool(quiet))

    def value(self) -> tuple[str, ...]:
        """The hours as a job keeps them; none where they begin when they end."""
        begin, end = (box.time().hour() * 60 + box.time().minute() for box in (self.begin, self.end))
        if not self.on.isChecked() or begin == end:
            return ()
        return (str(Hours(begin, end, round(self.limit.value() * MB))), *self._others)


def speed_box(none: str, name: str) -> QDoubleSpinBox:
    """A box for megabytes a second, in which 0 reads *none*."""
    made = QDoubleSpinBox()
    made.setRange(0, 10_000)
    made.setDecimals(1)
    made.setSpecialValueText(none)
    made.setSuffix(" MB/s")
    made.setAccessibleName(name)
    return made


def _word(text: str) -> QWidget:
    made = label(text)
    made.setWordWrap(False)
    return made
